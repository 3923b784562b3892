"""Batch normalization with float32 statistics, without converting what it normalizes.

Keras's layer turns half-precision activations into float32 first, which costs more than
the normalization itself; TensorFlow's fused operation reads and writes them as they are.
"""

from __future__ import annotations

import keras
from keras import ops

from open_seq2seq.ops.masks import zero_past
from open_seq2seq.ops.replicas import StatisticsSum, statistics_sum
from open_seq2seq.tensors import Tensor


def batch_normalize(
    inputs: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float,
    relu: bool = False,
    residual: Tensor = None,
    lengths: Tensor = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalizes every channel by the statistics of the batch, and what follows in a block.

    Inside `replicas.summed_statistics` the batch is that of all workers together.

    Args:
      inputs: [batch, time, ..., channel], any float dtype.
      gamma, beta: [channel] float32, the new standard deviation and mean.
      epsilon: added to the variance.
      relu: whether negative outputs become 0.
      residual: like `inputs`, added before the ReLU; or None.
      lengths: [batch], outputs past them become 0; or None. Only with `relu`. The
        statistics count all frames.

    Returns:
      outputs: like `inputs`.
      mean: [channel] float32.
      variance: [channel] float32, the unbiased estimate (divided by count - 1), which is
        what OpenSeq2Seq's fused kernels put into the moving variance. No gradient flows
        through the two.
    """
    summed = statistics_sum()
    if summed is not None:
        outputs, mean, variance = _synchronised(inputs, gamma, beta, epsilon, summed)
        return finish(outputs, relu, residual, lengths), mean, variance
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops import tensorflow_native, tensorflow_normalization

        if tensorflow_native.takes_normalization(inputs):
            return tensorflow_native.batch_normalize(
                inputs, gamma, beta, epsilon, relu, residual, lengths
            )
        outputs, mean, variance = tensorflow_normalization.batch_normalize(
            inputs, gamma, beta, epsilon
        )
        return finish(outputs, relu, residual, lengths), mean, variance
    return plain_batch_normalize(inputs, gamma, beta, epsilon, relu, residual, lengths)


def plain_batch_normalize(
    inputs: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float,
    relu: bool = False,
    residual: Tensor = None,
    lengths: Tensor = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`batch_normalize` in `keras.ops` alone."""
    values = ops.cast(inputs, "float32")
    count, mean, variance = _moments(values)
    outputs = ops.cast(_scaled(values, mean, variance, gamma, beta, epsilon), inputs.dtype)
    mean, unbiased = _handed_out(count, mean, variance)
    return finish(outputs, relu, residual, lengths), mean, unbiased


def _moments(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How many values a channel has, their mean and their variance; float32."""
    mean, variance = ops.moments(values, axes=tuple(range(len(values.shape) - 1)))
    return ops.cast(ops.size(values) // values.shape[-1], "float32"), mean, variance


def _handed_out(count: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased variance, through which nothing learns."""
    unbiased = variance * (count / ops.maximum(count - 1.0, 1.0))
    return ops.stop_gradient(mean), ops.stop_gradient(unbiased)


def _synchronised(
    inputs: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, summed: StatisticsSum
) -> tuple[Tensor, Tensor, Tensor]:
    """`batch_normalize`, without what may follow, by the statistics of all workers' batches."""
    values = ops.cast(inputs, "float32")
    count, mean, variance = _summed_moments(values, summed)
    # The mean is taken off first: a product of large numbers would lose the small difference,
    # of which gamma's gradient is made.
    outputs = (values - mean) * (gamma * ops.rsqrt(variance + epsilon)) + beta
    return ops.cast(outputs, inputs.dtype), *_handed_out(count, mean, variance)


def _summed_moments(values: Tensor, summed: StatisticsSum) -> tuple[Tensor, Tensor, Tensor]:
    """`_moments` over the values of all workers, by one sum of a vector `[1 + 2 channel]`.

    Each worker's moments are sound in float32, and become sums of numbers and of their squares
    in float64: in float32 the squares of numbers far from zero would hide their variance.
    """
    count, mean, variance = (ops.cast(moment, "float64") for moment in _moments(values))
    sums = [ops.ones((1,), "float64"), mean, variance + ops.square(mean)]
    own = ops.concatenate(sums) * (count * ops.cast(summed.sample_weight, "float64"))
    (total,) = summed.sum([own])
    # No worker counts where none could read a recording of its batch.
    count, total = total[0], total[1:] / ops.maximum(total[0], 1.0)
    mean, squares = ops.split(total, 2)
    moments = count, mean, squares - ops.square(mean)
    count, mean, variance = (ops.cast(moment, "float32") for moment in moments)
    return count, mean, variance


def finish(outputs: Tensor, relu: bool, residual: Tensor, lengths: Tensor) -> Tensor:
    """Adds a residual, then ReLU and mask, each if wanted; see `batch_normalize`."""
    outputs = outputs if residual is None else outputs + residual
    outputs = ops.relu(outputs) if relu else outputs
    return zero_past(outputs, lengths)


def normalize_by(
    inputs: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> Tensor:
    """Normalizes every channel by given statistics, as in evaluation.

    Args:
      inputs: [batch, ..., channel].
      mean, variance, gamma, beta: [channel] float32.
      epsilon: added to the variance.

    Returns:
      Like `inputs`; computed in float32.
    """
    values = ops.cast(inputs, "float32")
    return ops.cast(_scaled(values, mean, variance, gamma, beta, epsilon), inputs.dtype)


def _scaled(
    values: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> Tensor:
    scale = gamma * ops.rsqrt(variance + epsilon)
    return values * scale + (beta - mean * scale)
