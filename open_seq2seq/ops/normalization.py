"""Batch normalization with float32 statistics, without converting what it normalizes.

Keras's layer turns half-precision activations into float32 first, which costs more than
the normalization itself; TensorFlow's fused operation reads and writes them as they are.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def batch_normalize(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Normalizes every channel by the statistics of the batch.

    Args:
      inputs: [batch, ..., channel], any float dtype.
      gamma, beta: [channel] float32, the new standard deviation and mean.
      epsilon: added to the variance.

    Returns:
      outputs: like `inputs`.
      mean: [channel] float32.
      variance: [channel] float32, the unbiased estimate (divided by count - 1), which is
        what OpenSeq2Seq's fused kernels put into the moving variance.
    """
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops.tensorflow_normalization import batch_normalize as fused

        return fused(inputs, gamma, beta, epsilon)
    return plain_batch_normalize(inputs, gamma, beta, epsilon)


def plain_batch_normalize(
    inputs: Any, gamma: Any, beta: Any, epsilon: float
) -> tuple[Any, Any, Any]:
    """`batch_normalize` in `keras.ops` alone."""
    values = ops.cast(inputs, "float32")
    axes = tuple(range(len(inputs.shape) - 1))
    mean, variance = ops.moments(values, axes=axes)
    outputs = _scaled(values, mean, variance, gamma, beta, epsilon)
    count = ops.cast(ops.size(values) // inputs.shape[-1], "float32")
    unbiased = variance * (count / ops.maximum(count - 1.0, 1.0))
    return ops.cast(outputs, inputs.dtype), mean, unbiased


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
