"""The C++ kernels with their gradients; each function is None-safe about what it can't do."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from open_seq2seq.ops.native import operations

_DEPTHWISE_CHANNELS = 32
_NORMALIZATION_CHANNELS = 16


def takes_depthwise(inputs: Any, stride: int, padding: str) -> bool:
    """Whether `depthwise_convolve` computes this convolution."""
    return stride == 1 and padding in ("SAME", "CAUSAL") and _takes(inputs, _DEPTHWISE_CHANNELS)


def takes_normalization(inputs: Any) -> bool:
    """Whether `batch_normalize` computes this normalization."""
    return _takes(inputs, _NORMALIZATION_CHANNELS)


def _takes(inputs: Any, channels: int) -> bool:
    return (
        inputs.dtype == tf.bfloat16
        and len(inputs.shape) == 3
        and inputs.shape[2] is not None
        and inputs.shape[2] % channels == 0
        and operations() is not None
    )


def depthwise_convolve(inputs: Any, kernel: Any, dilation: int, padding: str) -> Any:
    """A depthwise convolution that keeps the length.

    Args:
      inputs: [batch, time, channel] bfloat16.
      kernel: [tap, channel, 1] float32.
      dilation: frames between taps.
      padding: SAME or CAUSAL.

    Returns:
      [batch, time, channel] bfloat16; products of bfloat16 numbers, summed in float32.
    """
    native = operations()
    taps = kernel.shape[0]
    span = (taps - 1) * dilation
    before = span if padding == "CAUSAL" else span // 2

    @tf.custom_gradient
    def convolved(inputs: Any, kernel: Any) -> Any:
        flat = kernel[:, :, 0]
        outputs = native.open_seq2_seq_depthwise(
            inputs=inputs, kernel=flat, dilation=dilation, before=before, reversed=False
        )

        def backward(upstream: Any) -> tuple[Any, Any]:
            for_inputs = native.open_seq2_seq_depthwise(
                inputs=upstream,
                kernel=flat,
                dilation=dilation,
                before=span - before,
                reversed=True,
            )
            for_kernel = native.open_seq2_seq_depthwise_filter_gradient(
                inputs=inputs, upstream=upstream, taps=taps, dilation=dilation, before=before
            )
            return for_inputs, for_kernel[:, :, None]

        return outputs, backward

    return convolved(inputs, kernel)


def batch_normalize(
    inputs: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    relu: bool = False,
    residual: Any = None,
    lengths: Any = None,
) -> tuple[Any, Any, Any]:
    """`open_seq2seq.ops.normalization.batch_normalize` in two passes over the activations."""
    native = operations()
    has_residual = residual is not None
    if residual is None:
        residual = tf.zeros((0,), inputs.dtype)
    lengths = tf.zeros((0,), tf.int32) if lengths is None else tf.cast(lengths, tf.int32)

    @tf.custom_gradient
    def normalized(inputs: Any, gamma: Any, beta: Any, residual: Any) -> Any:
        outputs, mean, variance = native.open_seq2_seq_batch_normalize(
            inputs=inputs,
            gamma=gamma,
            beta=beta,
            residual=residual,
            lengths=lengths,
            epsilon=epsilon,
            relu=relu,
        )

        def backward(upstream: Any, *_: Any) -> tuple[Any, Any, Any, Any]:
            # Nothing learns through the statistics that are handed out: they go into the
            # moving ones.
            return native.open_seq2_seq_batch_normalize_gradient(
                upstream=upstream,
                outputs=outputs,
                inputs=inputs,
                gamma=gamma,
                mean=mean,
                variance=variance,
                epsilon=epsilon,
                relu=relu,
                residual=has_residual,
            )

        return (outputs, mean, variance), backward

    outputs, mean, variance = normalized(inputs, gamma, beta, residual)
    shape = tf.shape(inputs)
    count = tf.cast(shape[0] * shape[1], tf.float32)
    return outputs, mean, variance * (count / tf.maximum(count - 1.0, 1.0))
