"""Joining pieces against a search over all places by the definition."""

import numpy as np
import pytest

from open_seq2seq.inference.stitching import WordMarks, blank_rows, join

SYMBOLS = [" ", "a", "b", "c"]
BLANK = 4
MARKS = WordMarks.of(SYMBOLS)


def logits_of(path, rng=None):
    """Logits whose best class is that of `path`, a string with `-` for the blank."""
    classes = [BLANK if one == "-" else SYMBOLS.index(one) for one in path]
    noise = np.zeros((len(path), BLANK + 1)) if rng is None else rng.uniform(0, 1, (len(path), 5))
    noise[np.arange(len(path)), classes] += 2
    return noise.astype(np.float32)


def by_definition(left, right):
    """Every stretch of silence in both, by loops; the best one's middle, or None."""
    count = len(left)
    low, high = count // 4, count - count // 4
    silent = [a in "- " and b in "- " for a, b in zip(left, right)]
    best, place = None, None
    for first in range(count):
        for last in range(first + 1, count + 1):
            maximal = (first == 0 or not silent[first - 1]) and (last == count or not silent[last])
            if not all(silent[first:last]) or not maximal:
                continue
            inside = [t for t in range(first, last) if low <= t < high]
            if not inside:
                continue
            middle = (inside[0] + inside[-1] + 1) // 2
            words = all(" " in path[first:last] for path in (left, right))
            words = (
                words
                or first == 0
                or last == count
                or all(" " in path[first:last] or path[last] == " " for path in (left, right))
            )
            value = (words, len(inside), -abs(2 * middle - count), middle)
            if best is None or value > best:
                best, place = value, middle
    return place


@pytest.mark.parametrize("seed", range(300))
def test_joins_are_where_the_definition_says(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 40))
    left = "".join(rng.choice(list("--- abc"), count))
    right = list(left)
    for place in np.flatnonzero(rng.uniform(size=count) < 0.3):
        right[place] = str(rng.choice(list("--- abc")))
    right = "".join(right)
    expected = by_definition(left, right)
    found = join(logits_of(left, rng), logits_of(right, rng), MARKS)
    assert 0 <= found <= count
    if expected is not None:
        assert found == expected


def collapse(path):
    """CTC's rule: runs are one, blanks nothing."""
    return "".join(b for a, b in zip("-" + path, path) if a != b and b != "-")


@pytest.mark.parametrize("seed", range(100))
def test_no_word_is_doubled_or_lost(seed):
    """Two views of one path, each wrong at its own end: the joined text is the path's."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abc"), rng.integers(1, 4))) for _ in range(12)]
    path = " -".join("-".join(word) + "-" * rng.integers(1, 4) for word in words)
    shared = len(path) // 2
    start = len(path) // 4
    left, right = path[: start + shared], path[start:]
    wrong = shared // 5
    left = left[:-wrong] + "".join(rng.choice(list("-abc"), wrong))
    right = "".join(rng.choice(list("-abc"), wrong)) + right[wrong:]
    kept = join(logits_of(left[-shared:]), logits_of(right[:shared]), MARKS)
    assert collapse(left[: start + kept] + right[kept:]) == collapse(path)
    before = collapse(left[: start + kept]).split()
    after = collapse(right[kept:]).split()
    assert before + after == words


def test_without_silence_the_likeliest_blank_counts():
    left, right = logits_of("abababab"), logits_of("abababab")
    left[4, BLANK] = right[4, BLANK] = 1.5
    assert join(left, right, MARKS) == 4


def test_pieces_of_sentencepiece_begin_words():
    marks = WordMarks.of(["▁the", "▁", "n", "▁cat"])
    assert marks.has_words
    assert marks.starts.tolist() == [True, True, False, True, False]
    assert marks.spaces.tolist() == [False, True, False, False, False]
    assert not WordMarks.of(["你", "好"]).has_words


def test_blank_rows_say_nothing():
    rows = blank_rows(3, 5)
    assert rows.shape == (3, 5) and rows.dtype == np.float32
    assert (rows.argmax(axis=1) == 4).all()
