"""Batch normalization with float32 statistics, without converting what it normalizes.

Keras's layer turns half-precision activations into float32 first, which costs more than
the normalization itself; TensorFlow's fused operation reads and writes them as they are.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from open_seq2seq.ops.masks import zero_past


def batch_normalize(
    inputs: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    relu: bool = False,
    residual: Any = None,
    lengths: Any = None,
) -> tuple[Any, Any, Any]:
    """Normalizes every channel by the statistics of the batch, and what follows in a block.

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
    inputs: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    relu: bool = False,
    residual: Any = None,
    lengths: Any = None,
) -> tuple[Any, Any, Any]:
    """`batch_normalize` in `keras.ops` alone."""
    values = ops.cast(inputs, "float32")
    axes = tuple(range(len(inputs.shape) - 1))
    mean, variance = ops.moments(values, axes=axes)
    outputs = ops.cast(_scaled(values, mean, variance, gamma, beta, epsilon), inputs.dtype)
    count = ops.cast(ops.size(values) // inputs.shape[-1], "float32")
    unbiased = variance * (count / ops.maximum(count - 1.0, 1.0))
    mean, unbiased = ops.stop_gradient(mean), ops.stop_gradient(unbiased)
    return finish(outputs, relu, residual, lengths), mean, unbiased


def finish(outputs: Any, relu: bool, residual: Any, lengths: Any) -> Any:
    """Adds a residual, then ReLU and mask, each if wanted; see `batch_normalize`."""
    outputs = outputs if residual is None else outputs + residual
    outputs = ops.relu(outputs) if relu else outputs
    return zero_past(outputs, lengths)


def normalize_by(
    inputs: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float
) -> Any:
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


def _scaled(values: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    scale = gamma * ops.rsqrt(variance + epsilon)
    return values * scale + (beta - mean * scale)
