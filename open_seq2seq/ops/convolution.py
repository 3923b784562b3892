"""Convolutions over time whose padding doesn't depend on the length of the batch.

TensorFlow's SAME padding puts `(k - s) // 2` frames before an input whose length is a
multiple of the stride s, and other amounts before others: the same utterance in two
batches would be convolved differently. Here every input is first extended at its end to
a multiple of the stride.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from open_seq2seq.ops.padding import Padding, keeps_length, padding_widths
from open_seq2seq.tensors import Tensor


def convolve(
    inputs: Tensor, kernel: Tensor, stride: Sequence[int], dilation: Sequence[int], padding: Padding
) -> Tensor:
    """A convolution over time, or over time and width.

    Args:
      inputs: [batch, time, channel] or [batch, time, width, channel].
      kernel: [tap, channel, output] or [tap, tap, channel, output].
      stride, dilation: one number per axis.
      padding: SAME, VALID, CAUSAL or [left, right]; the last two are of the time axis, and
        the width is padded as with SAME.

    Returns:
      [batch, time', (width',) output] in the dtype of `inputs`.
    """
    kernel = ops.cast(kernel, inputs.dtype)
    if all(tap == 1 for tap in kernel.shape[:-2]):
        return pointwise(_every(inputs, stride), kernel)
    kernel, dilation = _without_strided_dilation(kernel, stride, dilation)
    inputs, padding = _padded(inputs, kernel.shape[:-2], stride, dilation, padding)
    if keras.backend.backend() == "tensorflow" and all(gap == 1 for gap in dilation):
        from open_seq2seq.ops import tensorflow_convolution

        if tensorflow_convolution.takes(inputs, kernel):
            return tensorflow_convolution.convolve(inputs, kernel, stride, padding)
    return ops.conv(
        inputs,
        kernel,
        strides=tuple(stride),
        padding=padding,
        dilation_rate=tuple(dilation),
        data_format="channels_last",
    )


def depthwise_convolve(
    inputs: Tensor, kernel: Tensor, stride: int, dilation: int, padding: Padding
) -> Tensor:
    """Convolves every channel with its own taps.

    Args:
      inputs: [batch, time, channel].
      kernel: [tap, channel, 1].
      stride, dilation, padding: as in `convolve`, for the time axis.

    Returns:
      [batch, time', channel] in the dtype of `inputs`.
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_depthwise(inputs, kernel, stride, dilation, padding)
    return plain_depthwise_convolve(inputs, kernel, stride, dilation, padding)


def _tensorflow_depthwise(
    inputs: Tensor, kernel: Tensor, stride: int, dilation: int, padding: Padding
) -> Tensor:
    from open_seq2seq.ops import tensorflow_depthwise, tensorflow_native

    kernel = ops.convert_to_tensor(kernel)
    axis = (kernel.shape[0], stride, dilation)
    if keeps_length(padding, *axis) and tensorflow_native.takes_depthwise(inputs):
        before, _ = padding_widths(padding, *axis)
        kernel, (dilation,) = _without_strided_dilation(
            ops.cast(kernel, "float32"), (stride,), (dilation,)
        )
        inputs = _extended(inputs, 1, stride)
        return tensorflow_native.depthwise_convolve(inputs, kernel, stride, dilation, before)
    if kernel.shape[0] == 1 and stride == 1:
        return inputs * ops.cast(kernel[0, :, 0], inputs.dtype)
    if dilation > 1:  # TensorFlow's gradients know no dilation.
        return plain_depthwise_convolve(inputs, kernel, stride, dilation, padding)
    kernel = ops.cast(kernel, inputs.dtype)
    inputs, padding = _padded(inputs, kernel.shape[:1], (stride,), (1,), padding)
    return tensorflow_depthwise.depthwise_convolve(inputs, kernel, stride, padding)


def plain_depthwise_convolve(
    inputs: Tensor, kernel: Tensor, stride: int, dilation: int, padding: Padding
) -> Tensor:
    """`depthwise_convolve` in `keras.ops` alone."""
    kernel = ops.cast(kernel, inputs.dtype)
    kernel, (dilation,) = _without_strided_dilation(kernel, (stride,), (dilation,))
    inputs, padding = _padded(inputs, kernel.shape[:1], (stride,), (dilation,), padding)
    return ops.depthwise_conv(
        inputs,
        kernel,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        data_format="channels_last",
    )


def every(inputs: Tensor, stride: Sequence[int], like: Tensor) -> Tensor:
    """The frames of `inputs` that go with those of a strided convolution of them.

    Args:
      inputs: [batch, time, channel] or [batch, time, width, channel].
      stride: one number per axis.
      like: the convolution's output.
    """
    if keras.backend.backend() == "tensorflow" or all(step == 1 for step in stride):
        return _every(inputs, stride)
    # Of as many as there are: JAX can't tell that a slice of an unknown length has as many.
    numbers = ops.arange(ops.shape(like)[1], dtype="int32") * stride[0]
    return _every(ops.take(inputs, numbers, axis=1), (1, *stride[1:]))


def _every(inputs: Tensor, stride: Sequence[int]) -> Tensor:
    """The frames that a kernel of one tap sees.

    Taken out here, because TensorFlow 2.21's gradient of a strided convolution of one tap
    writes outside its buffers (oneDNN, stride 2, even lengths: the process is aborted).
    """
    if all(step == 1 for step in stride):
        return inputs
    kept = (slice(None), *(slice(None, None, step) for step in stride))
    return inputs[kept]


def pointwise(inputs: Tensor, kernel: Tensor) -> Tensor:
    """A kernel of one tap is a matrix product, faster than a convolution."""
    matrix = ops.reshape(kernel, kernel.shape[-2:])
    # Of two axes: a product of more is computed, and differentiated, utterance by utterance.
    rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
    shape = ops.shape(inputs)[:-1]
    return ops.reshape(ops.matmul(rows, matrix), (*shape, matrix.shape[-1]))


def _without_strided_dilation(
    kernel: Tensor, stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Tensor, Sequence[int]]:
    """Backends don't take a stride and a dilation together: zeros between the taps are equal."""
    if all(step == 1 for step in stride) or all(gap == 1 for gap in dilation):
        return kernel, dilation
    for axis, gap in enumerate(dilation):
        spread = ops.expand_dims(kernel, axis + 1)
        widths = [(0, 0)] * len(spread.shape)
        widths[axis + 1] = (0, gap - 1)
        spread = ops.pad(spread, widths)
        span = (kernel.shape[axis] - 1) * gap + 1
        shape = list(kernel.shape)
        shape[axis] *= gap
        kernel = ops.reshape(spread, shape)
        kernel = ops.take(kernel, ops.arange(span), axis=axis)
    return kernel, (1,) * len(dilation)


def _padded(
    inputs: Tensor,
    taps: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
) -> tuple[Tensor, str]:
    """The inputs and the padding that the backend is to add: same or valid."""
    if padding == "VALID":
        return _reaching(inputs, taps[0], dilation[0]), "valid"
    if padding == "SAME":
        for axis, step in enumerate(stride, start=1):
            inputs = _extended(inputs, axis, step)
        return inputs, "same"
    each = (padding, *("SAME" for _ in taps[1:]))
    widths = [padding_widths(*axis) for axis in zip(each, taps, stride, dilation)]
    if any(left or right for left, right in widths):
        inputs = ops.pad(inputs, [(0, 0), *widths, (0, 0)])
    if sum(widths[0]) < (taps[0] - 1) * dilation[0]:
        inputs = _reaching(inputs, taps[0], dilation[0])
    return inputs, "valid"


def _reaching(inputs: Tensor, taps: int, dilation: int) -> Tensor:
    """`inputs` with zeros after them, if there are fewer frames than a kernel of so many taps sees.

    There is no output then, and TensorFlow 2.21 fails, or with oneDNN returns what lies in memory.
    So there is one, past every utterance's length.
    """
    span, frames = (taps - 1) * dilation + 1, inputs.shape[1]
    if frames is not None and frames >= span:
        return inputs
    widths = [(0, 0)] * len(inputs.shape)
    if frames is not None:
        widths[1] = (0, span - frames)
        return ops.pad(inputs, widths)
    widths[1] = (0, span - 1)
    return ops.pad(inputs, widths)[:, : ops.maximum(ops.shape(inputs)[1], span)]


def _extended(inputs: Tensor, axis: int, step: int) -> Tensor:
    """`inputs` with zeros after them, up to a multiple of `step` along `axis`."""
    size = inputs.shape[axis]
    if step == 1 or (size is not None and size % step == 0):
        return inputs
    widths = [(0, 0)] * len(inputs.shape)
    widths[axis] = (0, step - 1)
    size = (ops.shape(inputs)[axis] + step - 1) // step * step
    kept = [slice(None)] * len(inputs.shape)
    kept[axis] = slice(0, size)
    return ops.pad(inputs, widths)[tuple(kept)]
