"""Batch normalization on every path against NumPy, and against the plain twin's gradients."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.ops.normalization import batch_normalize, plain_batch_normalize
from open_seq2seq.ops.replicas import summed_statistics
from tests.ops.test_depthwise import path  # noqa: F401  (a fixture)
from tests.ops.threaded_sum import ThreadedSum
from tests.rounding import UNIT_ROUNDOFF, assert_within, bound, stored

OPTIONS = [
    {},
    {"relu": True},
    {"residual": True},
    {"relu": True, "residual": True, "lengths": True},
    {"relu": True, "lengths": True},
]


def arrays(path, frames=150, channels=32):  # noqa: F811
    rng = np.random.default_rng(0)
    dtype = tf.bfloat16 if path == "native" else tf.float32
    # Far from zero, where squares minus the squared mean would lose all digits.
    inputs = tf.cast(rng.standard_normal((4, frames, channels)) * 2 + 30, tf.bfloat16)
    residual = tf.cast(rng.standard_normal((4, frames, channels)), tf.bfloat16)
    gamma = tf.constant(rng.uniform(0.5, 2, channels), tf.float32)
    beta = tf.constant(rng.standard_normal(channels), tf.float32)
    lengths = tf.constant([frames, 100, 3, 0])
    return tf.cast(inputs, dtype), gamma, beta, tf.cast(residual, dtype), lengths


def chosen(options, residual, lengths):
    return {
        "relu": options.get("relu", False),
        "residual": residual if options.get("residual") else None,
        "lengths": lengths if options.get("lengths") else None,
    }


class Exact:
    """The normalization in float64, and how far float32 may be off in each of its numbers.

    Args:
      inputs: [..., channel].
      gamma, beta: [channel].
      is_centred: the variance is summed from squared distances to the mean; else it may be the
        mean square less the squared mean, which loses digits far from zero.
    """

    def __init__(self, inputs, gamma, beta, is_centred):
        self.rows = inputs.reshape(-1, inputs.shape[-1])
        count, u = len(self.rows), UNIT_ROUNDOFF["float32"]
        self.sums = bound(count + 2, "float32")  # relative, of a mean over all rows
        self.mean, variance = self.rows.mean(0), self.rows.var(0)
        self.mean_error = self.sums * np.abs(self.rows).mean(0)
        squares = variance if is_centred else (self.rows**2).mean(0)
        self.variance_error = self.sums * squares + self.mean_error**2
        self.variance = variance * count / (count - 1)
        self.deviation = np.sqrt(variance + 1e-3)
        self.normal = (inputs - self.mean) / self.deviation
        # The scale is off by half the variance's relative error, a root and a quotient.
        scale_error = self.variance_error / (2 * self.deviation**2) + 3 * u
        # inputs x scale + (beta - mean x scale): products far from zero, of which little is left.
        far = 2 * u * (np.abs(inputs) + np.abs(self.mean)) + self.mean_error
        self.normal_error = far / self.deviation + np.abs(self.normal) * scale_error
        self.scale = gamma / self.deviation
        self.scale_error = self.scale * scale_error
        self.outputs = self.normal * gamma + beta
        self.outputs_error = gamma * self.normal_error + 3 * u * (np.abs(beta) + 1)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("function", [batch_normalize, plain_batch_normalize])
def test_against_numpy(path, function, options):  # noqa: F811
    inputs, gamma, beta, residual, lengths = arrays(path)
    outputs, mean, variance = function(
        inputs, gamma, beta, 1e-3, **chosen(options, residual, lengths)
    )
    assert outputs.dtype == inputs.dtype
    is_native = path == "native" and function is batch_normalize
    exact = exact_of(inputs, gamma, beta, is_native)
    assert_within(mean, exact.mean, exact.mean_error, "mean")
    assert_within(variance, exact.variance, 1.01 * exact.variance_error, "variance")
    expected, limit = exact.outputs, exact.outputs_error
    if path == "native" and not is_native:  # the twin writes each step
        limit = limit + stored(expected, "bfloat16")
    if options.get("residual"):
        expected = expected + np.float64(tf.cast(residual, tf.float32))
    if options.get("relu"):
        expected = np.maximum(expected, 0)
    if options.get("lengths"):
        expected[np.arange(150) >= np.asarray(lengths)[:, None]] = 0
    limit = limit + stored(np.abs(expected) + limit, "bfloat16" if path == "native" else "float32")
    assert_within(tf.cast(outputs, tf.float32), expected, limit, "outputs")


def exact_of(inputs, gamma, beta, is_centred):
    values = np.float64(tf.cast(inputs, tf.float32))
    return Exact(values, np.float64(gamma), np.float64(beta), is_centred)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_are_the_twins(path, options):  # noqa: F811
    inputs, gamma, beta, residual, lengths = arrays(path)
    exact = exact_of(inputs, gamma, beta, path == "native")
    before = exact.outputs
    if options.get("residual"):
        before = before + np.float64(tf.cast(residual, tf.float32))
    weights = tf.cast(np.random.default_rng(1).standard_normal(inputs.shape), tf.bfloat16)
    # An output next to zero may be on either side of the ReLU: nothing may depend on it.
    is_sure = np.abs(before) > 2 * exact.outputs_error
    assert is_sure.mean() > 0.99
    weights = tf.cast(weights, tf.float32) * is_sure.astype(np.float32)

    def gradients(function, inputs, residual):
        sources = [inputs, gamma, beta, residual]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs, _, _ = function(
                inputs, gamma, beta, 1e-3, **chosen(options, residual, lengths)
            )
            objective = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights)
        found = tape.gradient(objective, sources, unconnected_gradients="zero")
        return [np.asarray(tf.cast(gradient, tf.float32)) for gradient in found]

    found = gradients(batch_normalize, inputs, residual)
    in_float32 = [tf.cast(tensor, tf.float32) for tensor in (inputs, residual)]
    expected = gradients(plain_batch_normalize, *in_float32)
    upstream = np.abs(np.float64(weights))
    if options.get("relu"):
        upstream = upstream * (before > 0)
    if options.get("lengths"):
        upstream[np.arange(150) >= np.asarray(lengths)[:, None]] = 0
    limits = gradient_limits(exact, upstream)
    if path == "native":
        limits[0] = limits[0] + stored(np.abs(expected[0]) + limits[0], "bfloat16")
    for what, *of in zip(("inputs", "gamma", "beta", "residual"), found, expected, limits):
        assert_within(*of, what)


def gradient_limits(exact, upstream):
    """How far apart two gradients in float32 may be, of inputs, gamma, beta and residual.

    Args:
      upstream: absolute values [..., channel] of the gradient that reaches the normalized values.
    """
    axes = tuple(range(upstream.ndim - 1))
    normal = np.abs(exact.normal)
    products = (upstream * normal).sum(axes)
    gamma = exact.sums * products + (upstream * exact.normal_error).sum(axes)
    beta = exact.sums * upstream.sum(axes)
    # scale x (upstream - its mean - normal x the mean product): each with its own error.
    count = len(exact.rows)
    inner = upstream + upstream.mean(axes) + normal * products / count
    inner_error = beta / count + normal * gamma / count + exact.normal_error * products / count
    inner_error = inner_error + 4 * UNIT_ROUNDOFF["float32"] * inner
    inputs = exact.scale * inner_error + exact.scale_error * inner
    return [2 * limit for limit in (inputs, gamma, beta)] + [0.0]


def test_nan_stays_nan(path):  # noqa: F811
    """A ReLU that swallowed it would hide a broken step."""
    inputs, gamma, beta, _, _ = arrays(path)
    inputs = tf.concat([inputs[:, :, :-1], inputs[:, :, -1:] * float("nan")], axis=2)
    outputs, mean, _ = batch_normalize(inputs, gamma, beta, 1e-3, relu=True)
    assert np.isnan(np.asarray(mean)[-1])
    assert np.isnan(np.asarray(tf.cast(outputs, tf.float32))[:, :, -1]).all()


class TestSynchronised:
    """ProcessGroup with parts of a batch do what one does with all of it, in float64."""

    SIZES = (3, 1, 2)

    @staticmethod
    def batch(mean=30.0, deviation=2.0, channels=5):
        rng = np.random.default_rng(3)
        shape = (6, 40, channels)
        inputs = mean + deviation * rng.standard_normal(shape)
        # Parts that differ by more than chance: local statistics would be far off.
        inputs[:3] += 3 * deviation
        upstream, residual = rng.standard_normal(shape), rng.standard_normal(shape)
        gamma, beta = rng.uniform(0.5, 2, channels), rng.standard_normal(channels)
        return inputs, upstream, residual, gamma, beta

    @staticmethod
    def whole(inputs, upstream, residual, gamma, beta, lengths):
        """NumPy's outputs and gradients of inputs, gamma and beta; moving statistics."""
        mean, variance = inputs.mean((0, 1)), inputs.var((0, 1))
        normal = (inputs - mean) / np.sqrt(variance + 1e-3)
        outputs = gamma * normal + beta + residual
        kept = (outputs > 0) & (np.arange(40) < lengths[:, None])[..., None]
        upstream = upstream * kept
        for_inputs = upstream - upstream.mean((0, 1)) - normal * (upstream * normal).mean((0, 1))
        for_inputs *= gamma / np.sqrt(variance + 1e-3)
        gradients = for_inputs, (upstream * normal).sum((0, 1)), upstream.sum((0, 1))
        unbiased = inputs.reshape(-1, inputs.shape[2]).var(0, ddof=1)
        return outputs * kept, gradients, (0.1 * mean, 0.9 + 0.1 * unbiased)

    @staticmethod
    def limits(dtype, lengths, arrays):
        """By name; sets the upstream gradient to 0 where the ReLU might go either way."""
        inputs, upstream, residual, gamma, beta = arrays
        exact = Exact(inputs, gamma, beta, is_centred=True)
        # The normalized values are written, then their sum with the residual.
        limit = exact.outputs_error + stored(exact.outputs, dtype)
        before = exact.outputs + residual
        limit = limit + stored(np.abs(before) + limit, dtype)
        upstream *= np.abs(before) > limit
        kept = (before > 0) & (np.arange(40) < lengths[:, None])[..., None]
        names = ("inputs", "gamma", "beta", "residual")
        limits = dict(zip(names, gradient_limits(exact, np.abs(upstream) * kept)))
        # The parts' means, each off a little, are apart: their squares make up the variance, too.
        spread = np.abs(inputs - exact.mean).max((0, 1))
        variance_error = exact.variance_error + 2 * spread * exact.mean_error
        moving = 0.1 * np.stack([exact.mean_error, variance_error])
        moving += 2 * UNIT_ROUNDOFF["float32"] * np.stack([np.abs(exact.mean), 9 + exact.variance])
        return {**limits, "outputs": limit, "moving": moving}

    def workers(self, dtype, sizes, inputs, upstream, residual, gamma, beta, lengths):
        """Each worker's outputs, gradients and moving statistics; the last has padding."""
        summed = ThreadedSum(len(sizes) + 1)
        parts = [np.split(a, np.cumsum(sizes)) for a in (inputs, upstream, residual, lengths)]
        for arrays in parts:
            arrays[-1] = arrays[0][:1]

        def work(rank):
            weight = float(rank < len(sizes))
            own_inputs, own_upstream, own_residual, own_lengths = (p[rank] for p in parts)
            layer = BatchNorm(dtype="float32" if dtype == "float32" else f"mixed_{dtype}")
            layer.build(inputs.shape)
            layer.gamma.assign(gamma), layer.beta.assign(beta)
            own_inputs = tf.cast(own_inputs, dtype)
            sources = [own_inputs, layer.gamma.value, layer.beta.value]
            with tf.GradientTape() as tape, summed_statistics(summed, weight):
                tape.watch(own_inputs)
                outputs = layer(
                    own_inputs,
                    lengths=tf.constant(own_lengths),
                    training=True,
                    relu=True,
                    residual=tf.cast(own_residual, dtype),
                )
                upstream = tf.cast(own_upstream, tf.float32)
                objective = weight * tf.reduce_sum(tf.cast(outputs, tf.float32) * upstream)
            gradients = tape.gradient(objective, sources)
            moving = [np.array(layer.moving_mean), np.array(layer.moving_variance)]
            return outputs, gradients, moving

        results = summed.run(work)
        assert summed.calls == 1  # one vector for a layer
        return results

    @pytest.mark.parametrize("sizes", [SIZES, (6,)], ids=str)
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_parts_are_the_whole(self, dtype, sizes):
        arrays = self.batch()
        # What bfloat16 holds exactly, so that only what is computed is rounded.
        arrays = [np.float64(tf.cast(tf.cast(a, tf.bfloat16), tf.float32)) for a in arrays]
        lengths = np.array([40, 30, 3, 40, 0, 17], np.int32)
        limits = self.limits(dtype, lengths, arrays)
        outputs, (for_inputs, for_gamma, for_beta), moving = self.whole(*arrays, lengths)
        results = self.workers(dtype, sizes, *arrays, lengths)
        counted, padding = results[:-1], results[-1]

        def joined(tensors):
            return np.concatenate([np.float64(tf.cast(t, tf.float32)) for t in tensors])

        assert_within(joined([r[0] for r in counted]), outputs, limits["outputs"], "outputs")
        assert all(r[0].dtype == dtype for r in results)
        found = joined([r[1][0] for r in counted])
        limit = limits["inputs"] + stored(np.abs(for_inputs) + limits["inputs"], dtype)
        assert_within(found, for_inputs, limit, "inputs")
        for index, name, expected in ((1, "gamma", for_gamma), (2, "beta", for_beta)):
            total = sum(np.float64(r[1][index]) for r in counted)
            assert_within(total, expected, limits[name], name)
        for _, _, found in results:
            assert_within(found, moving, limits["moving"], "moving")
        for gradient in padding[1]:
            np.testing.assert_array_equal(tf.cast(gradient, tf.float32), 0)

    def test_numbers_far_from_zero(self):
        """In float32 the squares of 3000 differ by 1; the variance here is 0.25."""
        arrays = self.batch(mean=3000.0, deviation=0.5)
        arrays = [np.float64(np.float32(a)) for a in arrays]
        arrays[2] += 100  # an output next to zero might be on the other side of the ReLU
        lengths = np.full(6, 40, np.int32)
        limits = self.limits("float32", lengths, arrays)
        # As the mean is taken off first, little is lost; the mean square is off by 30.
        assert limits["outputs"].max() < 0.05 and limits["moving"][1].max() < 0.01
        outputs, gradients, moving = self.whole(*arrays, lengths)
        results = self.workers("float32", self.SIZES, *arrays, lengths)
        found = np.concatenate([r[0] for r in results[:-1]])
        assert_within(found, outputs, limits["outputs"], "outputs")
        found = np.concatenate([r[1][0] for r in results[:-1]])
        assert_within(found, gradients[0], limits["inputs"], "inputs")
        assert_within(results[0][2], moving, limits["moving"], "moving")
