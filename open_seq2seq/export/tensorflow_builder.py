"""Graphs of TensorFlow operations, for SavedModels and for LiteRT.

Inside a `tf.function` they are traced to a graph that holds its weights as constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.export.tensorflow_recurrence import recur, recur_on
from open_seq2seq.export.tensorflow_scan import scan
from open_seq2seq.graphs.builder import Operand, Recurrence, Reduction, Size, Step, Unary, Value


@dataclass(frozen=True)
class TensorFlowValue:
    """A tensor of the graph.

    Args:
      tensor: the tensor.
      is_image: whether it lies as `[batch, 1, time, channel]`, as convolutions take it, and
        stands for `[batch, time, channel]`.
    """

    tensor: tf.Tensor
    is_image: bool = False

    @property
    def rank(self) -> int:
        """Axes of what it stands for."""
        return len(self.tensor.shape) - self.is_image


class TensorFlowBuilder:
    """Calls TensorFlow's operations; see `GraphBuilder`. Whole numbers are int32.

    Args:
      depthwise_taps: depthwise kernels with more taps are computed in pieces of so many: what
        LiteRT's float kernels are made for. None: whole.
      batch: the number of recordings, if it is known: LiteRT's loops need it.
    """

    def __init__(self, depthwise_taps: int | None = None, batch: int | None = None):
        self.depthwise_taps, self.batch = depthwise_taps, batch

    def scope(self, name: str) -> AbstractContextManager[None]:
        """See `GraphBuilder`."""
        scope: AbstractContextManager[None] = tf.name_scope(name)
        return scope

    def value(self, tensor: tf.Tensor) -> TensorFlowValue:
        """A tensor in the library's layout, such as an input of the graph."""
        return TensorFlowValue(tensor)

    def tensor(self, value: Operand) -> tf.Tensor:
        """A value's tensor in the library's layout."""
        if not isinstance(value, TensorFlowValue):
            return tf.constant(value)
        return tf.squeeze(value.tensor, 1) if value.is_image else value.tensor

    def _image(self, x: TensorFlowValue) -> tf.Tensor:
        return x.tensor if x.is_image else tf.expand_dims(x.tensor, 1)

    def _axis(self, x: TensorFlowValue, axis: int) -> int:
        axis %= x.rank
        return axis + 1 if x.is_image and axis else axis

    def _aligned(self, *operands: Operand) -> tuple[list[Any], bool]:
        """Tensors, or numbers in their type, that broadcast."""
        values = [one for one in operands if isinstance(one, TensorFlowValue)]
        is_image = any(one.is_image for one in values)
        dtype = next((one.tensor.dtype for one in values if one.tensor.dtype != tf.bool), None)
        aligned = []
        for one in operands:
            if not isinstance(one, TensorFlowValue):
                array = np.asarray(one, dtype.as_numpy_dtype if dtype is not None else None)
                if array.dtype == np.float64:
                    array = array.astype(np.float32)
                if is_image and array.ndim == 3:
                    array = array[:, None]
                aligned.append(tf.constant(array))
            elif is_image and one.rank == 3:
                aligned.append(self._image(one))
            else:
                aligned.append(one.tensor)
        return aligned, is_image

    # --- numbers

    def size(self, x: TensorFlowValue, axis: int) -> Size:
        place = self._axis(x, axis)
        known = x.tensor.shape[place]
        return known if known is not None else TensorFlowValue(tf.shape(x.tensor)[place])

    def arange(self, count: Size) -> Value:
        return TensorFlowValue(tf.range(_plain(count)))

    def floor_divide(self, a: Operand, b: int) -> Value:
        return int(a) // b if _wholes(a) else TensorFlowValue(a.tensor // b)

    def to_float(self, x: Operand) -> Value:
        if _wholes(x):
            return float(x)
        return TensorFlowValue(tf.cast(x.tensor, tf.float32), x.is_image)

    def to_whole(self, x: Operand) -> Value:
        return TensorFlowValue(tf.cast(x.tensor, tf.int32), x.is_image)

    def _binary(self, function: Any, a: Operand, b: Operand) -> TensorFlowValue:
        (a, b), is_image = self._aligned(a, b)
        return TensorFlowValue(function(a, b), is_image)

    def add(self, a: Operand, b: Operand) -> Value:
        return int(a + b) if _wholes(a, b) else self._binary(tf.add, a, b)

    def subtract(self, a: Operand, b: Operand) -> Value:
        return int(a - b) if _wholes(a, b) else self._binary(tf.subtract, a, b)

    def multiply(self, a: Operand, b: Operand) -> Value:
        return int(a * b) if _wholes(a, b) else self._binary(tf.multiply, a, b)

    def divide(self, a: Operand, b: Operand) -> Value:
        return self._binary(tf.divide, a, b)

    def maximum(self, a: Operand, b: Operand) -> Value:
        return max(a, b) if _wholes(a, b) else self._binary(tf.maximum, a, b)

    def minimum(self, a: Operand, b: Operand) -> Value:
        return min(a, b) if _wholes(a, b) else self._binary(tf.minimum, a, b)

    def less(self, a: Operand, b: Operand) -> Value:
        return self._binary(tf.less, a, b)

    def select(self, condition: TensorFlowValue, a: Operand, b: Operand) -> Value:
        (condition, a, b), is_image = self._aligned(condition, a, b)
        return TensorFlowValue(tf.where(condition, a, b), is_image)

    def unary(self, kind: Unary, x: TensorFlowValue) -> Value:
        return TensorFlowValue(_UNARY[kind](x.tensor), x.is_image)

    # --- shapes

    def reshape(self, x: Value, shape: Sequence[Size]) -> Value:
        shape = [_plain(one) for one in shape]
        known = [one if isinstance(one, int) and one >= 0 else None for one in shape]
        tensor = tf.reshape(self.tensor(x), shape)
        tensor.set_shape(known)
        return TensorFlowValue(tensor)

    def expand_dims(self, x: Value, axis: int) -> Value:
        return TensorFlowValue(tf.expand_dims(self.tensor(x), axis))

    def transpose(self, x: TensorFlowValue, axes: Sequence[int]) -> Value:
        return TensorFlowValue(tf.transpose(self.tensor(x), list(axes)))

    def concatenate(self, values: Sequence[Operand], axis: int) -> Value:
        tensors, is_image = self._aligned(*values)
        place = axis + 1 if is_image and axis else axis
        return TensorFlowValue(tf.concat(tensors, place), is_image)

    def pad(self, x: TensorFlowValue, axis: int, before: Size, after: Size) -> Value:
        if _wholes(before, after) and before == after == 0:
            return x
        widths: list[list[Any]] = [[0, 0] for _ in x.tensor.shape]
        widths[self._axis(x, axis)] = [_plain(before), _plain(after)]
        return TensorFlowValue(tf.pad(x.tensor, widths), x.is_image)

    def cut(
        self, x: TensorFlowValue, axis: int, start: Size, stop: Size | None, step: int = 1
    ) -> Value:
        kept: list[Any] = [slice(None)] * len(x.tensor.shape)
        end = None if stop is None else _plain(stop)
        kept[self._axis(x, axis)] = slice(_plain(start), end, step)
        return TensorFlowValue(x.tensor[tuple(kept)], x.is_image)

    def reverse(self, x: TensorFlowValue, axis: int) -> Value:
        return TensorFlowValue(tf.reverse(x.tensor, [self._axis(x, axis)]), x.is_image)

    def take(self, x: Operand, indices: Operand, axis: int) -> Value:
        if not isinstance(indices, TensorFlowValue):
            indices = TensorFlowValue(tf.constant(indices, tf.int32))
        if not isinstance(x, TensorFlowValue):
            x = TensorFlowValue(tf.constant(x))
        taken = tf.gather(x.tensor, indices.tensor, axis=self._axis(x, axis))
        return TensorFlowValue(taken, x.is_image)

    def take_in_rows(self, x: TensorFlowValue, indices: TensorFlowValue) -> Value:
        return TensorFlowValue(tf.gather(x.tensor, indices.tensor, axis=1, batch_dims=1))

    def put_in_rows(
        self, x: TensorFlowValue, indices: TensorFlowValue, values: TensorFlowValue
    ) -> Value:
        places = indices.tensor
        rows = tf.expand_dims(tf.range(tf.shape(places)[0]), 1) + tf.zeros_like(places)
        places = tf.stack([rows, places], axis=-1)
        return TensorFlowValue(tf.tensor_scatter_nd_update(x.tensor, places, values.tensor))

    def tile(self, x: Operand, axis: int, count: Size) -> Value:
        tensor = self.tensor(x)
        counts: list[Any] = [1] * len(tensor.shape)
        counts[axis] = _plain(count)
        return TensorFlowValue(tf.tile(tensor, counts))

    def by_frames(self, x: TensorFlowValue) -> Value:
        return x

    def as_frames(self, x: TensorFlowValue) -> Value:
        return self.transpose(x, (0, 2, 1))

    # --- over axes

    def reduce(self, kind: Reduction, x: TensorFlowValue, axes: Sequence[int]) -> Value:
        places = [self._axis(x, axis) for axis in axes]
        return TensorFlowValue(_REDUCTIONS[kind](x.tensor, places, keepdims=True), x.is_image)

    def largest(self, x: TensorFlowValue, place: int) -> Value:
        return TensorFlowValue(tf.math.top_k(x.tensor, place).values[:, place - 1 :])

    # --- networks

    def matmul(self, a: Operand, b: Operand) -> Value:
        return TensorFlowValue(tf.matmul(self.tensor(a), self.tensor(b)))

    def dense(
        self, x: TensorFlowValue, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> Value:
        return self.convolve(x, kernel[None], bias, (1,), (1,), ((0, 0),))

    def convolve(
        self,
        x: TensorFlowValue,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        stride: Sequence[int],
        dilation: Sequence[int],
        padding: Sequence[tuple[int, int]],
    ) -> Value:
        is_image = x.rank == 3
        inputs = self._image(x) if is_image else x.tensor
        if is_image:
            kernel, stride, dilation = kernel[None], (1, *stride), (1, *dilation)
            padding = ((0, 0), *padding)
        inputs, way = _padded(inputs, kernel.shape[:2], stride, dilation, padding)
        outputs = tf.nn.conv2d(inputs, tf.constant(kernel, tf.float32), list(stride), way,
                               dilations=list(dilation))  # fmt: skip
        if bias is not None:
            outputs = tf.nn.bias_add(outputs, tf.constant(bias, tf.float32))
        return TensorFlowValue(outputs, is_image)

    def convolve_depthwise(
        self,
        x: TensorFlowValue,
        kernel: np.ndarray,
        stride: int,
        dilation: int,
        padding: tuple[int, int],
    ) -> Value:
        if dilation > 1:
            return self._dilated_depthwise(x, kernel, stride, dilation, padding)
        inputs, taps = self._image(x), kernel.shape[0]
        kernel = kernel[None, :, :, None].astype(np.float32)
        strides = [1, stride, stride, 1]
        if self.depthwise_taps is None or taps <= self.depthwise_taps:
            zeros = ((0, 0), padding)
            inputs, way = _padded(inputs, (1, taps), (1, stride), (1, 1), zeros)
            outputs = tf.nn.depthwise_conv2d(inputs, tf.constant(kernel), strides, way)
            return TensorFlowValue(outputs, True)
        inputs = tf.pad(inputs, [[0, 0], [0, 0], list(padding), [0, 0]])
        outputs, end = None, 0
        for piece in _pieces(taps, self.depthwise_taps):
            first, end = end, end + piece
            # Bounds that are constants: others would make the axis dynamic for LiteRT.
            seen = inputs[:, :, first : end - taps if end < taps else None]
            part = tf.constant(kernel[:, first:end])
            part = tf.nn.depthwise_conv2d(seen, part, strides, "VALID")
            outputs = part if outputs is None else outputs + part
        return TensorFlowValue(outputs, True)

    def _dilated_depthwise(
        self,
        x: TensorFlowValue,
        kernel: np.ndarray,
        stride: int,
        dilation: int,
        padding: tuple[int, int],
    ) -> Value:
        """Frames `dilation` apart side by side as channels: then the taps are neighbours.

        TensorFlow knows no dilated depthwise kernel on CPUs.
        """
        span = (kernel.shape[0] - 1) * dilation
        frames = self.size(x, 1)
        outputs = self.subtract(self.add(frames, sum(padding)), span)
        # As many rows of `dilation` frames as hold all outputs, and the taps behind them.
        rows = self.floor_divide(self.add(outputs, dilation - 1), dilation)
        whole = self.add(self.multiply(rows, dilation), span)
        missing = self.subtract(self.subtract(whole, padding[0]), frames)
        missing = missing if _wholes(missing) else TensorFlowValue(tf.maximum(missing.tensor, 0))
        channels = kernel.shape[1]
        x = self.cut(self.pad(TensorFlowValue(self.tensor(x)), 1, padding[0], missing), 1, 0, whole)
        batch = self.size(x, 0)
        x = self.reshape(x, (batch, -1, dilation * channels))
        x = self.convolve_depthwise(x, np.tile(kernel, (1, dilation)), 1, 1, (0, 0))
        x = self.cut(self.reshape(x, (batch, -1, channels)), 1, 0, outputs)
        return x if stride == 1 else self.cut(x, 1, 0, None, stride)

    def recur(
        self, x: TensorFlowValue, directions: Sequence[Recurrence], lengths: TensorFlowValue | None
    ) -> list[Value]:
        steps = None if lengths is None else lengths.tensor
        outputs = []
        for direction in directions:
            projected = self.tensor(self.dense(x, direction.kernel, direction.bias))
            outputs.append(TensorFlowValue(recur(projected, direction, steps, self.batch)))
        return outputs

    def recur_on(
        self,
        x: TensorFlowValue,
        direction: Recurrence,
        states: Sequence[TensorFlowValue],
        inside: TensorFlowValue | None = None,
    ) -> tuple[Value, list[Value]]:
        projected = self.tensor(self.dense(x, direction.kernel, direction.bias))
        given = [self.tensor(one) for one in states]
        mask = None if inside is None else self.tensor(inside)
        outputs, ends = recur_on(projected, direction, given, self.batch, mask)
        return TensorFlowValue(outputs), [TensorFlowValue(one) for one in ends]

    def scan(
        self,
        step: Step,
        states: Sequence[int],
        sequences: Sequence[TensorFlowValue],
        backward: bool = False,
    ) -> list[Value]:
        tensors = [self.tensor(one) for one in sequences]
        if backward:
            tensors = [tf.reverse(one, (1,)) for one in tensors]

        def plain_step(
            frames: list[tf.Tensor], before: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            values = ([TensorFlowValue(one) for one in part] for part in (frames, before))
            news, outputs = step(*values)
            return [self.tensor(one) for one in news], [self.tensor(one) for one in outputs]

        outputs = scan(plain_step, states, tensors, self.batch)
        if backward:
            outputs = [tf.reverse(one, (1,)) for one in outputs]
        return [TensorFlowValue(one) for one in outputs]

    def log_softmax(self, x: TensorFlowValue) -> Value:
        return TensorFlowValue(tf.nn.log_softmax(self.tensor(x), axis=-1))


def _pieces(taps: int, most: int) -> list[int]:
    """The taps of a depthwise kernel's pieces.

    XNNPACK's kernels are for 25, 9, 4 and 3 taps: 17 take as long as 25, 9 and 8 take less.
    """
    whole, rest = divmod(taps, most)
    last = [9, rest - 9] if 9 < rest <= 18 else [rest] if rest else []
    return [most] * whole + last


def _truncated(x: tf.Tensor) -> tf.Tensor:
    return tf.sign(x) * tf.floor(tf.abs(x))


_UNARY: dict[Unary, Any] = {
    "abs": tf.abs,
    "square": tf.square,
    "sqrt": tf.sqrt,
    "log": tf.math.log,
    "exp": tf.exp,
    "sin": tf.sin,
    "cos": tf.cos,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "trunc": _truncated,
    "erf": tf.math.erf,
}
_REDUCTIONS: dict[Reduction, Any] = {
    "sum": tf.reduce_sum,
    "max": tf.reduce_max,
    "mean": tf.reduce_mean,
}


def _wholes(*sizes: Operand) -> bool:
    return all(isinstance(one, (int, np.integer)) for one in sizes)


def _plain(size: Size) -> Any:
    return size.tensor if isinstance(size, TensorFlowValue) else int(size)


def _padded(
    inputs: tf.Tensor,
    taps: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> tuple[tf.Tensor, str]:
    """The inputs, and the padding that TensorFlow is to add: its own where it is the same."""
    spans = [(tap - 1) * gap for tap, gap in zip(taps, dilation)]
    same = [(span // 2, span - span // 2) for span in spans]
    if all(step == 1 for step in stride) and list(map(tuple, padding)) == same:
        return inputs, "SAME"
    if any(sum(one) for one in padding):
        inputs = tf.pad(inputs, [[0, 0], *map(list, padding), [0, 0]])
    return inputs, "VALID"
