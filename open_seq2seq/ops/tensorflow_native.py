"""The C++ kernels as differentiable functions, and which inputs they take."""

from __future__ import annotations

import tensorflow as tf

from open_seq2seq.ops.native import operations
from open_seq2seq.tensors import Tensor

_DEPTHWISE_CHANNELS = 32
_NORMALIZATION_CHANNELS = 16


def takes_depthwise(inputs: Tensor) -> bool:
    """Whether `depthwise_convolve` takes these values; the padding has to keep the length."""
    return _takes(inputs, _DEPTHWISE_CHANNELS)


def takes_normalization(inputs: Tensor) -> bool:
    """Whether `batch_normalize` computes this normalization."""
    return _takes(inputs, _NORMALIZATION_CHANNELS)


def takes_dropout(inputs: Tensor) -> bool:
    """Whether `dropout` takes these values."""
    return inputs.dtype in (tf.bfloat16, tf.float32) and operations() is not None


def _takes(inputs: Tensor, channels: int) -> bool:
    return (
        inputs.dtype == tf.bfloat16
        and len(inputs.shape) == 3
        and inputs.shape[2] is not None
        and inputs.shape[2] % channels == 0
        and operations() is not None
    )


def depthwise_convolve(
    inputs: Tensor, kernel: Tensor, stride: int, dilation: int, before: int
) -> Tensor:
    """A depthwise convolution.

    Args:
      inputs: [batch, time, channel] bfloat16, time a multiple of the stride.
      kernel: [tap, channel, 1] float32.
      stride: in frames.
      dilation: frames between taps; 1 with a stride.
      before: zeros before the inputs, at most (taps - 1) * dilation; the rest is after them.

    Returns:
      [batch, time / stride, channel] bfloat16; products of bfloat16 numbers, summed in
      float32.
    """
    if stride == 1:
        return _same_length(inputs, kernel[:, :, 0], dilation, before)
    return _strided(inputs, kernel[:, :, 0], stride, before)


def _strided(inputs: Tensor, kernel: Tensor, stride: int, before: int) -> Tensor:
    """Every `stride` frames become one of `stride` times the channels, each with its own taps."""
    channels = kernel.shape[1]
    front = -before % stride
    back = -(front + kernel.shape[0]) % stride
    kernel = tf.reshape(tf.pad(kernel, [[front, back], [0, 0]]), [-1, stride * channels])
    frames = tf.shape(inputs)[1] // stride
    phases = tf.reshape(inputs, [-1, frames, stride * channels])
    filtered = _same_length(phases, kernel, 1, (before + front) // stride)
    return tf.reduce_sum(tf.reshape(filtered, [-1, frames, stride, channels]), axis=2)


def _same_length(inputs: Tensor, kernel: Tensor, dilation: int, before: int) -> Tensor:
    """A convolution of as many frames as it gets, zeros around them; kernel [tap, channel]."""
    native = operations()
    taps = kernel.shape[0]

    @tf.custom_gradient
    def convolved(inputs: Tensor, kernel: Tensor) -> Tensor:
        outputs = native.open_seq2_seq_depthwise(
            inputs=inputs, kernel=kernel, dilation=dilation, before=before, reversed=False
        )

        def backward(upstream: Tensor) -> tuple[Tensor, Tensor]:
            for_inputs = native.open_seq2_seq_depthwise(
                inputs=upstream,
                kernel=kernel,
                dilation=dilation,
                before=(taps - 1) * dilation - before,
                reversed=True,
            )
            for_kernel = native.open_seq2_seq_depthwise_filter_gradient(
                inputs=inputs, upstream=upstream, taps=taps, dilation=dilation, before=before
            )
            return for_inputs, for_kernel

        return outputs, backward

    return convolved(inputs, kernel)


def batch_normalize(
    inputs: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float,
    relu: bool = False,
    residual: Tensor = None,
    lengths: Tensor = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`open_seq2seq.ops.normalization.batch_normalize` in two passes over the activations."""
    native = operations()
    has_residual = residual is not None
    if residual is None:
        residual = tf.zeros((0,), inputs.dtype)
    # A Keras variable is not what custom_gradient takes.
    gamma, beta = tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)
    lengths = tf.zeros((0,), tf.int32) if lengths is None else tf.cast(lengths, tf.int32)

    @tf.custom_gradient
    def normalized(inputs: Tensor, gamma: Tensor, beta: Tensor, residual: Tensor) -> Tensor:
        outputs, mean, variance = native.open_seq2_seq_batch_normalize(
            inputs=inputs,
            gamma=gamma,
            beta=beta,
            residual=residual,
            lengths=lengths,
            epsilon=epsilon,
            relu=relu,
        )

        def backward(upstream: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
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


def dropout(inputs: Tensor, rate: float, seed: Tensor) -> Tensor:
    """`open_seq2seq.ops.dropout.dropout`, whose mask is made again for the gradient.

    Args:
      inputs: bfloat16 or float32.
      rate: probability of becoming 0; rounded to 1 / 65536.
      seed: [2] uint32.
    """
    native = operations()
    seed = tf.cast(seed, tf.uint32)

    def masked(values: Tensor) -> Tensor:
        return native.open_seq2_seq_dropout(inputs=values, seed=seed, rate=rate)

    @tf.custom_gradient
    def dropped(inputs: Tensor) -> Tensor:
        return masked(inputs), masked

    # A variable would be taken for one that the function uses.
    return dropped(tf.convert_to_tensor(inputs))
