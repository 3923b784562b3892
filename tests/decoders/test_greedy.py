"""Greedy decoding against the definition, and the words' times and confidences."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.decoders.greedy import _native, greedy_decode, greedy_decode_numpy

CHARACTERS = SimpleNamespace(
    symbols=[" ", "a", "b", "c", "'"],
    decode=lambda ids: "".join(" abc'"[index] for index in ids),
)
PIECES = SimpleNamespace(
    symbols=["▁the", "▁c", "at", "▁", "s"],
    decode=lambda ids: (
        "".join(["▁the", "▁c", "at", "▁", "s"][i] for i in ids).replace("▁", " ").strip()
    ),
)


def spell(path, sharpness=5.0, alphabet=" abc'-"):
    """Logits [time, 6] whose best symbols spell `path`; `-` is the blank."""
    logits = np.zeros((len(path), len(alphabet)), np.float32)
    logits[np.arange(len(path)), [alphabet.index(symbol) for symbol in path]] = sharpness
    return logits


def decode(path, frame_shift=0.02, vocabulary=CHARACTERS):
    (result,) = greedy_decode(spell(path)[None], np.array([len(path)]), vocabulary, frame_shift)
    return result


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("aab", "ab"),
        ("a-ab", "aab"),
        ("--a--", "a"),
        ("-----", ""),
        ("aaaa", "a"),
        ("a b", "a b"),
        ("a- -b", "a b"),
    ],
)
def test_runs_are_merged_and_blanks_removed(path, text):
    assert decode(path).text == text


def test_word_times():
    """A word starts at its first symbol's frame and ends at its last symbol's."""
    #               0123456789
    result = decode("-aab--  c-b", frame_shift=0.5)
    assert [word.text for word in result.words] == ["ab", "cb"]
    assert [(word.start, word.end) for word in result.words] == [(0.5, 1.5), (4.0, 5.0)]


@pytest.mark.parametrize("path", [" a b", "a - b", "a b ", "  a b  "])
def test_spaces_make_no_empty_words(path):
    assert [word.text for word in decode(path).words] == ["a", "b"]


def test_words_of_sentence_pieces():
    logits = spell("T--CA-AS", alphabet="TCA_S-")
    (result,) = greedy_decode(logits[None], np.array([8]), PIECES, 0.1)
    assert result.text == "the catats"
    assert [word.text for word in result.words] == ["the", "catats"]
    assert [round(word.start, 6) for word in result.words] == [0.0, 0.3]
    assert [round(word.end, 6) for word in result.words] == [0.0, 0.7]


def test_confidence_is_the_geometric_mean_at_the_surest_frames():
    logits = spell("aab")
    logits[0] *= 0.2
    logits[2] *= 0.5
    (result,) = greedy_decode(logits[None], np.array([3]), CHARACTERS, 0.02)
    posterior = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    best = posterior.max(1)
    assert result.words[0].confidence == pytest.approx(np.sqrt(best[1] * best[2]), rel=1e-5)
    assert result.score == pytest.approx(np.log(best).sum(), rel=1e-5)


def test_frames_past_a_length_do_not_count():
    batch = np.stack([spell("ab--cc"), spell("ab c a")])
    batch[0, 4:] = np.nan
    first, second, none = greedy_decode(
        np.concatenate([batch, batch[:1]]), np.array([4, 6, 0]), CHARACTERS, 0.02
    )
    assert (first.text, second.text, none.text) == ("ab", "ab c a", "")
    assert none.words == () and none.score == 0.0


def test_empty_batch():
    assert greedy_decode(np.zeros((0, 5, 6), np.float32), np.zeros(0, int), CHARACTERS, 0.02) == []
    assert greedy_decode(np.zeros((1, 0, 6)), np.zeros(1, int), CHARACTERS, 0.02)[0].text == ""


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(alphabet=" abc'-", max_size=30), min_size=1, max_size=5),
    st.integers(0, 1000),
)
def test_against_the_definition(paths, seed):
    """Texts, and words that are the text's, in order of time, with confidences in [0, 1]."""
    frames = max(1, *map(len, paths))
    rng = np.random.default_rng(seed)
    batch = rng.standard_normal((len(paths), frames, 6)).astype(np.float32) * 10
    for row, path in enumerate(paths):
        if path:
            batch[row, : len(path)] = spell(path, 3.0) + rng.uniform(0, 2, (len(path), 6))
    results = greedy_decode(batch, np.array(list(map(len, paths))), CHARACTERS, 0.01)
    for path, result in zip(paths, results):
        text = "".join(key for key, _ in itertools.groupby(path)).replace("-", "")
        assert result.text == text
        assert [word.text for word in result.words] == text.split()
        times = [time for word in result.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(0 <= word.confidence <= 1 for word in result.words)
        assert result.score <= 0


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e3])
def test_large_logits_and_many_frames(offset):
    """Scores do not depend on a constant, nor on how many frames are worked on at once."""
    rng = np.random.default_rng(4)
    logits = rng.standard_normal((1, 9000, 6)).astype(np.float32)
    (result,) = greedy_decode(logits + np.float32(offset), np.array([9000]), CHARACTERS, 0.02)
    exact = logits.astype(np.float64)
    expected = (exact.max(2) - np.log(np.exp(exact).sum(2))).sum()
    assert result.score == pytest.approx(expected, rel=1e-4)
    assert max(word.confidence for word in result.words) <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 40), min_size=1, max_size=4),
    st.sampled_from([CHARACTERS, PIECES]),
    st.sampled_from([0.3, 3.0, 30.0, 300.0]),
)
def test_the_native_decoder_and_numpy_agree(seed, lengths, vocabulary, spread):
    assert _native() is not None, "build it by: python -m ctc_decoder_with_lm.build"
    classes = len(vocabulary.symbols) + 1
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, spread, (len(lengths), 40, classes)).astype(np.float32)
    ours = greedy_decode(logits, np.array(lengths), vocabulary, 0.02)
    expected = greedy_decode_numpy(logits, np.array(lengths), vocabulary, 0.02)
    for one, other in zip(ours, expected):
        assert one.text == other.text
        assert one.score == pytest.approx(other.score, rel=1e-5, abs=1e-4)
        assert [word[:3] for word in one.words] == [word[:3] for word in other.words]
        for word, same in zip(one.words, other.words):
            assert word.confidence == pytest.approx(same.confidence, abs=1e-5)


def test_equal_logits_give_the_first_symbol_on_both_ways():
    logits = np.zeros((1, 3, 6), np.float32)
    for decoder in (greedy_decode, greedy_decode_numpy):
        assert decoder(logits, np.array([3]), CHARACTERS, 0.02)[0].text == " "
