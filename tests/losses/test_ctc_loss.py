"""The loss as a component; its numbers are tested with `ops.ctc`."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.errors import InputError
from open_seq2seq.losses import LOSSES, CTCLoss
from tests.ops import ctc_reference

LOGITS = np.random.default_rng(0).standard_normal((3, 4, 3)).astype(np.float32)
LENGTHS, LABELS, LABEL_LENGTHS = [4, 1, 3], [[0, 1], [0, 1], [1, 0]], [2, 2, 1]


def test_one_loss_for_each_utterance():
    losses = np.asarray(LOSSES["CTCLoss"]({})(LOGITS, LENGTHS, LABELS, LABEL_LENGTHS))
    expected = [
        ctc_reference.ctc_loss(LOGITS[0], [0, 1]),
        np.inf,
        ctc_reference.ctc_loss(LOGITS[2, :3], [1]),
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert losses.dtype == np.float32


def test_mean_leaves_out_what_is_not_finite_and_says_so():
    mean, finite = CTCLoss({}).mean(tf.constant([1.0, np.inf, 3.0, np.nan]))
    assert float(mean) == 2.0
    assert np.asarray(finite).tolist() == [True, False, True, False]
    mean, finite = CTCLoss({}).mean(tf.constant([np.inf]))
    assert float(mean) == 0.0 and not np.asarray(finite).any()


def test_without_masking_the_mean_is_not_finite():
    mean, finite = CTCLoss({"mask_nan": False}).mean(tf.constant([1.0, np.inf]))
    assert not np.isfinite(mean)
    assert np.asarray(finite).tolist() == [True, False]


def test_gradient_of_the_mean():
    """Is that of the finite rows alone, each with its share."""
    logits = tf.Variable(LOGITS)
    loss = CTCLoss({})
    with tf.GradientTape() as tape:
        mean, _ = loss.mean(loss(logits, LENGTHS, LABELS, LABEL_LENGTHS))
    gradient = tape.gradient(mean, logits).numpy()
    assert (gradient[1] == 0).all()
    with tf.GradientTape() as tape:
        alone = loss(logits[:1], LENGTHS[:1], LABELS[:1], LABEL_LENGTHS[:1])[0] / 2
    np.testing.assert_allclose(gradient[0], tape.gradient(alone, logits).numpy()[0], rtol=1e-5)


def test_unknown_parameter():
    with pytest.raises(InputError, match="mask_nan"):
        CTCLoss({"mask_nans": True})
