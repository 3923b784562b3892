"""Forced alignment against the best of all paths, tried one by one."""

import itertools

import numpy as np
import pytest

from open_seq2seq.data.text import Vocabulary
from open_seq2seq.decoders.forced_alignment import align_labels, align_words


def collapsed(path, blank):
    return [label for label, _ in itertools.groupby(path) if label != blank]


@pytest.mark.parametrize("labels", [[], [0], [0, 1], [1, 1], [0, 1, 0]])
@pytest.mark.parametrize("seed", range(3))
def test_the_path_is_the_most_probable_of_all(labels, seed):
    logits = np.random.default_rng(seed).normal(0, 2, (5, 3))
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    fitting = [p for p in itertools.product(range(3), repeat=5) if collapsed(p, 2) == labels]
    best = max(fitting, key=lambda path: log_probs[range(5), path].sum())
    assert align_labels(logits, np.array(labels, int)).tolist() == list(best)


@pytest.mark.parametrize(("labels", "frames"), [([0, 1], 1), ([1, 1], 2), ([0], 0)])
def test_too_few_frames_have_no_path(labels, frames):
    assert align_labels(np.zeros((frames, 3)), np.array(labels)) is None


def test_words_are_where_the_network_hears_them():
    vocabulary = Vocabulary([" ", "a", "b"])
    logits = np.full((12, 4), -9.0)
    logits[:, 3] = 0
    logits[[2, 3, 8], [1, 2, 2]] = 9.0
    logits[6, 0] = 1.0
    words = align_words(logits, "ab b", vocabulary, 0.02)
    assert [(w.text, round(w.start, 2), round(w.end, 2)) for w in words] == [
        ("ab", 0.04, 0.06),
        ("b", 0.16, 0.16),
    ]
    # A word that was not said is somewhere, but in its order.
    words = align_words(logits, "ab a b", vocabulary, 0.02)
    assert [w.text for w in words] == ["ab", "a", "b"]
    assert words[0].end <= words[1].start <= words[2].start
    assert align_words(logits[:2], "ab b", vocabulary, 0.02) == ()


def test_long_texts():
    """More states than a byte counts: each label has the frame that was made for it."""
    labels = np.random.default_rng(5).integers(0, 27, 200)
    logits = np.zeros((3 * len(labels), 28))
    logits[::3, 27] = logits[2::3, 27] = 9.0
    logits[1 + 3 * np.arange(len(labels)), labels] = 9.0
    path = align_labels(logits, labels)
    np.testing.assert_array_equal(path[1::3], labels)
    assert (path[::3] == 27).all() and (path[2::3] == 27).all()
