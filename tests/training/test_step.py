"""The compiled training step against NumPy, on either backend."""

import keras
import numpy as np
import pytest
from keras import ops

from open_seq2seq.optimizers import BackoffScaler, l2_regularizer
from tests.machines import need_bfloat16
from tests.optimizers.test_larc import factor
from tests.rounding import (
    SMALLEST_ROUNDING,
    SURE,
    UNIT_ROUNDOFF,
    assert_within,
    bound,
    stored,
)
from tests.training.regression import (
    FRAMES,
    as_batch,
    gradient,
    make_batch,
    make_step,
    weights_of,
)

RATE = 0.1


def norm(gradients):
    return np.sqrt(sum(np.sum(g**2) for g in gradients))


def close(found, expected, rtol=2e-5):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-6)


def bad_batch():
    """Prediction and loss are finite with the initial weights; the gradient's norm is not."""
    features = make_batch(0).features.copy()
    features[0, 0, :2] = 1e25, -2e25
    return as_batch(features)


def test_a_step_of_one_batch():
    step, batch = make_step(), make_batch(0)
    before = weights_of(step)
    expected = gradient(before, batch)
    result = step(batch, RATE)
    assert float(result.gradient_norm) == pytest.approx(norm(expected), rel=1e-5)
    assert float(result.update.gradient_norm) == float(result.gradient_norm)
    assert result.update.gradients == () and result.update.larc is None
    close(weights_of(step), [w - RATE * g for w, g in zip(before, expected)])


class TestAccumulation:
    def test_eight_batches_of_different_sizes_are_one_step_with_their_mean(self):
        step = make_step(iter_size=8, keep_gradients=True)
        before = weights_of(step)
        batches = [make_batch(seed, size=1 + seed % 3) for seed in range(8)]
        gradients = [gradient(before, batch) for batch in batches]
        for index, batch in enumerate(batches[:-1]):
            result = step(batch, RATE, update=False)
            assert result.update is None
            assert float(result.gradient_norm) == pytest.approx(norm(gradients[index]), rel=1e-5)
        close(weights_of(step), before, rtol=0)
        result = step(batches[-1], RATE)
        mean = [np.mean(each, axis=0) for each in zip(*gradients)]
        close(result.update.gradients, mean)
        assert float(result.update.gradient_norm) == pytest.approx(norm(mean), rel=1e-5)
        close(weights_of(step), [w - RATE * g for w, g in zip(before, mean)])

    def test_the_next_group_starts_from_nothing_and_a_smaller_one_has_its_own_mean(self):
        step = make_step(iter_size=3)
        for size in (3, 2, 1, 3):
            before = weights_of(step)
            batches = [make_batch(seed) for seed in range(size)]
            for index, batch in enumerate(batches):
                step(batch, RATE, update=index == size - 1)
            mean = [np.mean(each, axis=0) for each in zip(*(gradient(before, b) for b in batches))]
            close(weights_of(step), [w - RATE * g for w, g in zip(before, mean)])

    def test_a_batch_that_is_not_finite_is_left_out_of_the_mean(self):
        step = make_step(iter_size=3)
        before = weights_of(step)
        assert not np.isfinite(step(bad_batch(), RATE, update=False).gradient_norm)
        step(make_batch(1), RATE, update=False)
        result = step(make_batch(2), RATE)
        pair = zip(*(gradient(before, make_batch(seed)) for seed in (1, 2)))
        mean = [np.mean(each, axis=0) for each in pair]
        assert float(result.update.gradient_norm) == pytest.approx(norm(mean), rel=1e-5)
        close(weights_of(step), [w - RATE * g for w, g in zip(before, mean)])

    def test_a_group_without_a_finite_batch_changes_nothing(self):
        step = make_step(iter_size=2, optimizer="Momentum", ema_decay=0.5)
        step(make_batch(0), 0.0, update=False)
        step(make_batch(0), 0.0)
        before = [ops.convert_to_numpy(v.value) for v in step.optimizer.variables[2:]]
        weights = weights_of(step)
        step(bad_batch(), RATE, update=False)
        assert step(bad_batch(), RATE).update is None
        close(weights_of(step), weights, rtol=0)
        close([ops.convert_to_numpy(v.value) for v in step.optimizer.variables[2:]], before, 0)

    def test_the_mean_is_clipped_not_the_batches(self):
        step = make_step(iter_size=2, max_grad_norm=0.5)
        before = weights_of(step)
        step(make_batch(1), RATE, update=False)
        step(make_batch(2), RATE)
        pair = zip(*(gradient(before, make_batch(seed)) for seed in (1, 2)))
        mean = [np.mean(each, axis=0) for each in pair]
        assert norm(mean) > 0.5
        close(weights_of(step), [w - RATE * 0.5 / norm(mean) * g for w, g in zip(before, mean)])


@pytest.mark.parametrize("iter_size", [1, 2])
@pytest.mark.parametrize("mode", ["clip", "scale"])
def test_larc(mode, iter_size):
    params = {"larc_eta": 0.01, "larc_mode": mode, "min_update": 1e-7, "epsilon": 1e-7}
    step = make_step(larc=params, iter_size=iter_size)
    before, batch = weights_of(step), make_batch(3)
    if iter_size == 2:
        step(batch, RATE, update=False)
    report = step(batch, RATE).update.larc
    gradients = gradient(before, batch)
    factors = [factor(w, g, RATE, **params) for w, g in zip(before, gradients)]
    assert min(factors) < 1
    np.testing.assert_allclose(report.larc_grad_update, factors, rtol=1e-5)
    close(weights_of(step), [w - RATE * f * g for w, f, g in zip(before, factors, gradients)])


def test_a_step_that_is_not_finite_changes_nothing():
    step = make_step(optimizer="Momentum", ema_decay=0.9)
    step(make_batch(0), 0.0, ema_decay=0.5)
    weights = weights_of(step)
    averages = [ops.convert_to_numpy(a.value) for a in step.average.averages]
    assert not np.isfinite(step(bad_batch(), RATE, ema_decay=0.5).gradient_norm)
    close(weights_of(step), weights, rtol=0)
    close([ops.convert_to_numpy(a.value) for a in step.average.averages], averages, rtol=0)


class TestAverage:
    @pytest.mark.parametrize("iter_size", [1, 2])
    def test_by_its_recurrence(self, iter_size):
        step = make_step(ema_decay=0.5, iter_size=iter_size)
        step.average.start()
        expected = weights_of(step)
        for update in range(12):
            decay = step.average.decay_at(update)
            assert decay == pytest.approx(min(0.5, (1 + update) / (10 + update)))
            for part in range(iter_size):
                step(make_batch(update), RATE, 1.0, decay, part == iter_size - 1)
            expected = [decay * a + (1 - decay) * w for a, w in zip(expected, weights_of(step))]
        assert decay == 0.5
        found = [ops.convert_to_numpy(average.value) for average in step.average.averages]
        close(found, expected)
        assert norm([a - w for a, w in zip(expected, weights_of(step))]) > 1e-3

    def test_swapping_in_and_out(self):
        step = make_step(ema_decay=0.9)
        step.average.start()
        step(make_batch(0), 1.0, ema_decay=0.9)
        weights = weights_of(step)
        averages = [np.array(ops.convert_to_numpy(a.value)) for a in step.average.averages]
        with pytest.raises(KeyboardInterrupt), step.average.swapped_in():
            close(weights_of(step), averages, rtol=0)
            raise KeyboardInterrupt
        close(weights_of(step), weights, rtol=0)
        close([ops.convert_to_numpy(a.value) for a in step.average.averages], averages, rtol=0)
        assert norm([a - w for a, w in zip(averages, weights)]) > 1e-3


class TestLossScale:
    def test_it_cancels_out_and_nothing_is_compiled_again(self):
        step = make_step(scales_loss=True, measures_maximum=True)
        for scale in (1.0, 1024.0, 3.7, 2.0**20):
            before, batch = weights_of(step), make_batch(int(scale))
            expected = gradient(before, batch)
            result = step(batch, RATE, scale)
            largest = max(np.abs(g).max() for g in expected)
            assert float(result.gradient_maximum) == pytest.approx(largest, rel=1e-5)
            close(weights_of(step), [w - RATE * g for w, g in zip(before, expected)])
        if keras.backend.backend() == "tensorflow":
            assert step._train_graph.experimental_get_tracing_count() == 1

    def test_float16_gradients_live_between_underflow_and_overflow(self):
        """A gradient of 1e-8 is 0 in float16; scaled by 2^14 it is not, by 2^60 infinite."""
        step = make_step("mixed_float16", scales_loss=True, keep_gradients=True)
        features = np.zeros((1, 5, 4), np.float32)
        # The kernel's gradient is 2 x 1e-4 x the error, which is 1e-4.
        features[0, :, 0] = 1e-4
        features[0, :, -1] = 1.0 - 1e-4
        batch = as_batch(features)
        kernels = []
        for scale in (1.0, 2.0**14, 2.0**60):
            step.variables[0].assign(np.zeros((3, 1)))
            step.variables[1].assign([1.0])
            kernels.append(float(np.abs(step(batch, 0.0, scale).update.gradients[0]).max()))
        assert kernels[0] < 1e-8 and not np.isfinite(kernels[2])
        # The error is a difference of two numbers next to 1, in float32; then two products for
        # each frame and a sum of the frames, in float16, whose smallest steps are scaled too.
        relative = UNIT_ROUNDOFF["float32"] / 1e-4 + bound(2 + 2 * FRAMES, "float16")
        smallest = 2 * FRAMES * SMALLEST_ROUNDING["float16"] / 2.0**14
        assert_within(kernels[1], 2e-8, 2e-8 * relative + smallest)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_tiny_gradients_of_the_regulariser_survive(policy):
    """Variables and their penalties are float32: 1e-8, which is 0 in float16, moves a weight."""
    if policy == "mixed_bfloat16":
        need_bfloat16()
    step = make_step(policy, regularizer=l2_regularizer(1e-5), keep_gradients=True)
    step.variables[0].assign(np.full((3, 1), 1e-3, np.float32))
    step.variables[1].assign(np.zeros(1, np.float32))
    gradients = step(as_batch(np.zeros((1, 5, 4), np.float32)), 1.0).update.gradients
    assert_within(gradients[0], np.full((3, 1), 1e-8), 1e-8 * bound(4, "float32"))
    moved = np.float64(np.float32(1e-3)) - weights_of(step)[0]
    assert_within(moved, np.full((3, 1), 1e-8), stored(1e-3, "float32"))


def solution_limit(policy, design, target, solution):
    """How far half precision may move the least-squares solution.

    A weight is computed with in half precision: it stays where its rounding changes over, half a
    step from the solution at most, and the others follow by the inputs' correlation. Inputs,
    predictions and gradients are rounded for each frame: a noise on the targets.
    """
    dtype = policy.removeprefix("mixed_")
    moments = design.T @ design
    weight = stored(solution, dtype)
    followed = np.abs(moments / np.diag(moments)[:, None]) @ weight  # a weight itself counts once
    noise = 3**0.5 * UNIT_ROUNDOFF[dtype] * np.abs(target).max()
    return followed + SURE * noise * np.sqrt(np.diag(np.linalg.inv(moments))) + 1e-4


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_adam_in_mixed_precision_reaches_the_least_squares_solution(policy):
    if policy == "mixed_bfloat16":
        need_bfloat16()
    batch = make_batch(5, size=40, noise=0.3)
    inputs, target = batch.features[..., :-1].reshape(-1, 3), batch.features[..., -1].reshape(-1)
    design = np.column_stack([inputs, np.ones(len(inputs))]).astype(np.float64)
    solution = np.linalg.lstsq(design, target.astype(np.float64), rcond=None)[0]
    dynamic = policy == "mixed_float16"
    step = make_step(policy, optimizer="Adam", scales_loss=dynamic)
    scaler = BackoffScaler({"scale_max": 2.0**24, "step_window": 100})
    overflows = 0
    for number in range(1500):
        rate = 0.05 * 0.1 ** (number / 500)
        result = step(batch, rate, scaler.scale if dynamic else 1.0)
        finite = bool(np.isfinite(result.gradient_norm))
        scaler.update(finite, 0.0)
        overflows += not finite
    found = np.concatenate([w.ravel() for w in weights_of(step)])
    assert_within(found, solution, solution_limit(policy, design, target, solution))
    assert overflows > 0 if dynamic else overflows == 0
