"""Where errors are: counted by hand on few words, and sums that have to agree."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.metrics.analysis import EvaluatedUtterance, score
from open_seq2seq.metrics.error_study import (
    by_occurrences,
    by_word_length,
    changes,
    confusions,
)
from open_seq2seq.metrics.error_study_page import study_page

SAID = ["the cat sat", "a strange elephant"]
GREEDY = ["the kat sat", "strange elefant"]
LM = ["the cat sad", "a strange elephant"]


def scored(hypotheses, references=SAID):
    pairs = zip(references, hypotheses)
    return score([EvaluatedUtterance(str(i), *pair, speaker="s") for i, pair in enumerate(pairs)])


def test_words_by_their_length():
    groups = by_word_length([scored(GREEDY), scored(LM)])
    assert [(g.name, g.words, g.wrong) for g in groups] == [
        ("1 to 2 characters", 1, (1, 0)),
        ("3 to 4 characters", 3, (1, 1)),
        ("7 to 8 characters", 2, (1, 0)),
    ]


def test_words_by_their_occurrences():
    groups = by_occurrences([scored(GREEDY)], {"the": 30, "cat": 1, "sat": 2, "a": 21})
    assert [(g.name, g.words, g.wrong) for g in groups] == [
        ("never", 2, (1,)),
        ("once", 1, (1,)),
        ("2 to 5 times", 1, (0,)),
        ("21 times and more", 2, (1,)),
    ]


def test_confused_letters():
    found = confusions(scored(GREEDY), list)
    # c -> k; a was deleted; p -> f, h -> nothing or p -> nothing, h -> f.
    assert found.pairs["c", "k"] == 1 and found.pairs["a", ""] == 1
    assert sum(found.pairs.values()) == 4
    assert found.sounds["a"] == 5


def test_words_without_sounds_are_left_out_and_counted():
    known = {"cat": ["K", "AE", "T"], "a": ["AH"]}
    found = confusions(scored(GREEDY), known.get)
    assert found.pairs == Counter({("AH", ""): 1})
    assert found.left_out == Counter({"kat": 1, "elephant": 1, "elefant": 1})


def test_what_is_mended_and_broken():
    found = changes(scored(GREEDY), scored(LM))
    assert (found.right, found.wrong) == (2, 0)
    assert found.mended == Counter({("cat", "kat"): 1, ("a", ""): 1, ("elephant", "elefant"): 1})
    assert found.broken == Counter({("sat", "sad"): 1})


texts = st.lists(st.sampled_from(["ab", "abc", "abcd", "x", "yy", "zzzzzzzzz"]), max_size=6).map(
    " ".join
)


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=4))
def test_counts_add_up(rows):
    said, first, second = map(list, zip(*rows))
    one, two = scored(first, said), scored(second, said)
    number = sum(len(text.split()) for text in said)
    errors = [sum(u.words.substitutions + u.words.deletions for u in r) for r in (one, two)]
    for groups in (by_word_length([one, two]), by_occurrences([one, two], {"x": 3})):
        assert sum(group.words for group in groups) == number
        assert [sum(group.wrong[i] for group in groups) for i in (0, 1)] == errors
    found = changes(one, two)
    assert found.wrong + found.mended.total() == errors[0]
    assert found.wrong + found.broken.total() == errors[1]
    assert found.right + errors[0] + found.broken.total() == number


def test_page():
    page = study_page({"greedy": scored(GREEDY), "LM": scored(LM)}, list, {"the": 2})
    assert "| greedy | 50.00 | " in page and "| LM | 16.67 | " in page
    assert "| s | 50.00 | 16.67 |" in page
    assert "| 7 to 8 characters | 2 | 50.00 | 0.00 |" in page
    assert "Of 6 words both have 2 right and 0 wrong; LM mends 3 and breaks 1." in page
    assert "| a | nothing | 1 |" in page
    assert "| sat | sad | 1 |" in page
