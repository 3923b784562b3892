"""Blank share and emitted labels of likeliest paths."""

import numpy as np
import pytest

from open_seq2seq.metrics.ctc_paths import path_figures


def logits_of(*paths, classes=4):
    """Logits whose likeliest classes these are; the blank is the last class."""
    return 5 * np.eye(classes, dtype=np.float32)[np.array(paths)]


def test_blanks_and_repeated_labels_are_counted_as_ctc_reads_them():
    logits = logits_of([0, 0, 3, 0, 1, 3], [2, 3, 3, 1, 1, 1])
    found = path_figures(logits, np.array([6, 3]), np.array([3, 2]))
    # Of the second utterance only three frames count: one label and two blanks.
    assert found["blank_share"] == pytest.approx(4 / 9)
    assert found["emitted_ratio"] == pytest.approx((3 + 1) / 5)


def test_a_network_that_says_nothing():
    found = path_figures(logits_of([3, 3, 3]), np.array([3]), np.array([2]))
    assert found == {"blank_share": 1.0, "emitted_ratio": 0.0}


def test_what_cannot_be_divided_is_left_out():
    assert path_figures(logits_of([3]), np.array([0]), np.array([0])) == {}
