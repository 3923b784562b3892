"""Consistency-regularised CTC against sums in NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.losses import CTCLoss
from open_seq2seq.losses.view_masks import ViewMasks
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.training.step import StepOptions, TrainStep
from tests.models.test_intermediate_losses import LABEL_LENGTHS, LABELS, make, make_batch
from tests.ops.ctc_reference import ctc_loss

WEIGHT = 0.2
CONSISTENT = {"consistency_weight": WEIGHT}


def divergences(one, other, lengths):
    """Half of KL(p || q) + KL(q || p) of each row, over its frames."""
    one, other = log_softmax(np.float64(one), axis=2), log_softmax(np.float64(other), axis=2)
    frames = ((np.exp(one) - np.exp(other)) * (one - other)).sum(axis=2) / 2
    return np.array([row[:length].sum() for row, length in zip(frames, lengths)])


def logits(seed, rows=3, frames=5, classes=4):
    return np.random.default_rng(seed).normal(0, 2, (rows, frames, classes)).astype(np.float32)


class TestDivergence:
    lengths = np.array([5, 2, 0], np.int32)

    def test_against_numpy(self):
        one, other = logits(0), logits(1)
        one[1, 2:], other[1, 3:] = np.nan, np.inf  # past the end
        found = CTCLoss(CONSISTENT).consistency(one, other, self.lengths)
        expected = divergences(logits(0), logits(1), self.lengths)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

    def test_of_a_view_with_itself_is_nothing(self):
        np.testing.assert_array_equal(
            CTCLoss(CONSISTENT).consistency(logits(0), logits(0), self.lengths), 0
        )

    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's tape")
    def test_targets_have_no_gradient(self):
        """Of a divergence from a fixed target it is the difference of the posteriors."""
        import tensorflow as tf

        one, other = tf.constant(logits(0)), tf.constant(logits(1))
        with tf.GradientTape() as tape:
            tape.watch([one, other])
            total = tf.reduce_sum(CTCLoss(CONSISTENT).consistency(one, other, self.lengths))
        p, q = (np.exp(log_softmax(np.float64(x), axis=2)) for x in (one, other))
        inside = np.arange(5) < self.lengths[:, None]
        expected = 0.5 * (p - q) * inside[:, :, None]
        for found, sign in zip(tape.gradient(total, [one, other]), (1, -1)):
            np.testing.assert_allclose(found, sign * expected, atol=1e-6)

    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's tape")
    def test_a_row_that_is_not_finite_has_no_gradient(self):
        import tensorflow as tf

        bad = logits(0)
        bad[1, 0, 2] = np.nan
        one = tf.constant(bad)
        with tf.GradientTape() as tape:
            tape.watch(one)
            each = CTCLoss(CONSISTENT).consistency(one, tf.constant(logits(1)), [5, 2, 4])
            total = tf.reduce_sum(tf.where(tf.math.is_finite(each), each, 0.0))
        assert list(np.isfinite(each)) == [True, False, True]
        gradient = tape.gradient(total, one).numpy()
        assert np.isfinite(gradient).all() and not gradient[1].any() and gradient[0].any()


def fixed_masks(monkeypatch):
    """The first view without its first two features, the second without its second frame."""

    def call(self, features, lengths, seed):
        features = keras.ops.convert_to_numpy(features).copy()
        first, second = np.split(features, 2)
        first[:, :, :2], second[:, 1] = 0.0, 0.0
        return keras.ops.convert_to_tensor(np.concatenate([first, second]))

    monkeypatch.setattr(ViewMasks, "__call__", call)


def numbers(values):
    return keras.ops.convert_to_numpy(values)


@pytest.mark.parametrize("layers", [(), (1, 2)], ids=["final", "intermediate too"])
def test_the_loss_is_that_of_both_views_and_what_is_between_them(monkeypatch, layers):
    """Both views go through the network by themselves, as plain batches."""
    fixed_masks(monkeypatch)
    model, batch = make(layers, **CONSISTENT), make_batch()
    plain = make(layers)
    for mine, others in zip(plain.variables, model.variables, strict=True):
        mine.assign(others)
    views = [batch.features.copy(), batch.features.copy()]
    views[0][:, :, :2], views[1][:, 1] = 0.0, 0.0
    alone = [plain.compute_losses(view, *batch.arrays[1:], training=True) for view in views]
    found = model.compute_losses(*batch.arrays, training=True)
    apart = divergences(*(numbers(one.logits) for one in alone), numbers(alone[0].lengths))
    assert apart.min() > 1e-3
    mean = (numbers(alone[0].losses) + numbers(alone[1].losses)) / 2
    np.testing.assert_allclose(numbers(found.losses), mean + WEIGHT * apart, rtol=1e-5)
    np.testing.assert_allclose(numbers(found.terms["consistency"]), apart, rtol=1e-4)
    np.testing.assert_allclose(numbers(found.logits), numbers(alone[0].logits), atol=1e-6)
    np.testing.assert_array_equal(found.lengths, alone[0].lengths)
    expected = {"final", "consistency", *(f"intermediate_{number}" for number in layers)}
    assert found.terms.keys() == expected
    # The final term is CTC's, by enumeration.
    rows = [
        [ctc_loss(row[:n], list(labels[:m])) for row, n, labels, m in
         zip(numbers(one.logits), numbers(one.lengths), LABELS, LABEL_LENGTHS)]
        for one in alone
    ]  # fmt: skip
    np.testing.assert_allclose(numbers(found.terms["final"]), np.mean(rows, axis=0), rtol=1e-5)


def test_a_step_draws_masks_and_evaluation_knows_nothing_of_it():
    masks = {"n_time_mask": 1, "width_time_mask": 3, "n_freq_mask": 1, "width_freq_mask": 2}
    model, batch = make((), consistency_masks=masks, **CONSISTENT), make_batch()
    evaluated = EvaluationStep(model).losses(batch)
    np.testing.assert_allclose(evaluated, EvaluationStep(make(())).losses(batch), rtol=1e-6)
    step = TrainStep(model, make_optimizer("SGD"), model.trainable_variables, StepOptions())
    drawn = [numbers(step(batch, 0.0).terms["consistency"]) for _ in range(3)]
    assert np.max(drawn) > 1e-3
    assert len({each.tobytes() for each in drawn}) > 1, "the same masks in each step"
    assert step(batch, 0.1).losses.shape == (3,)
