"""Graphs computed with `keras.ops`, on any backend of Keras."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from open_seq2seq.graphs.builder import (
    Operand,
    Recurrence,
    Reduction,
    Size,
    Step,
    Unary,
    Value,
)


class KerasBuilder:
    """Computes at once what it is called for; inside a `tf.function` that makes a graph.

    See `GraphBuilder`. Whole numbers are int32.
    """

    def scope(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    # --- numbers

    def size(self, x: Value, axis: int) -> Size:
        return ops.shape(x)[axis]

    def arange(self, count: Size) -> Value:
        return ops.arange(count, dtype="int32")

    def floor_divide(self, a: Operand, b: int) -> Value:
        return a // b

    def to_float(self, x: Operand) -> Value:
        return ops.cast(x, "float32")

    def to_whole(self, x: Operand) -> Value:
        return ops.cast(x, "int32")

    def add(self, a: Operand, b: Operand) -> Value:
        return _operand(a, b) + _operand(b, a)

    def subtract(self, a: Operand, b: Operand) -> Value:
        return _operand(a, b) - _operand(b, a)

    def multiply(self, a: Operand, b: Operand) -> Value:
        return _operand(a, b) * _operand(b, a)

    def divide(self, a: Operand, b: Operand) -> Value:
        return _operand(a, b) / _operand(b, a)

    def maximum(self, a: Operand, b: Operand) -> Value:
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return ops.maximum(_operand(a, b), _operand(b, a))

    def minimum(self, a: Operand, b: Operand) -> Value:
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return ops.minimum(_operand(a, b), _operand(b, a))

    def less(self, a: Operand, b: Operand) -> Value:
        return ops.less(_operand(a, b), _operand(b, a))

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        a, b = (np.float32(one) if isinstance(one, float) else one for one in (a, b))
        return ops.where(condition, a, b)

    def unary(self, kind: Unary, x: Value) -> Value:
        return _UNARY[kind](x)

    # --- shapes

    def reshape(self, x: Value, shape: Sequence[Size]) -> Value:
        return ops.reshape(x, tuple(shape))

    def expand_dims(self, x: Value, axis: int) -> Value:
        return ops.expand_dims(x, axis)

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        return ops.transpose(x, tuple(axes))

    def concatenate(self, values: Sequence[Operand], axis: int) -> Value:
        return ops.concatenate(list(values), axis=axis)

    def pad(self, x: Value, axis: int, before: Size, after: Size) -> Value:
        if isinstance(before, int) and isinstance(after, int):
            if before == after == 0:
                return x
            widths = [(0, 0)] * len(x.shape)
            widths[axis] = (before, after)
            return ops.pad(x, widths)
        parts = [self._zeros(x, axis, before), x, self._zeros(x, axis, after)]
        return ops.concatenate([part for part in parts if part is not None], axis=axis)

    def _zeros(self, x: Value, axis: int, count: Size) -> Value:
        if isinstance(count, int) and count == 0:
            return None
        shape = list(ops.shape(x))
        shape[axis] = count
        return ops.zeros(tuple(shape), x.dtype)

    def cut(self, x: Value, axis: int, start: Size, stop: Size | None, step: int = 1) -> Value:
        kept: list[Any] = [slice(None)] * len(x.shape)
        kept[axis] = slice(start, stop, step)
        return x[tuple(kept)]

    def reverse(self, x: Value, axis: int) -> Value:
        return ops.flip(x, axis=axis)

    def take(self, x: Operand, indices: Operand, axis: int) -> Value:
        return ops.take(x, indices, axis=axis)

    def take_in_rows(self, x: Value, indices: Value) -> Value:
        return ops.take_along_axis(x, indices, axis=1)

    def put_in_rows(self, x: Value, indices: Value, values: Value) -> Value:
        batch, count = ops.shape(indices)
        rows = ops.broadcast_to(ops.expand_dims(self.arange(batch), 1), (batch, count))
        places = ops.stack([rows, ops.cast(indices, "int32")], axis=-1)
        return ops.scatter_update(x, ops.reshape(places, (-1, 2)), ops.reshape(values, (-1,)))

    def tile(self, x: Operand, axis: int, count: Size) -> Value:
        x = ops.convert_to_tensor(x)
        repeats: list[Any] = [1] * len(x.shape)
        repeats[axis] = count
        return ops.tile(x, repeats)

    def by_frames(self, x: Value) -> Value:
        return x

    def as_frames(self, x: Value) -> Value:
        return ops.transpose(x, (0, 2, 1))

    # --- over axes

    def reduce(self, kind: Reduction, x: Value, axes: Sequence[int]) -> Value:
        return _REDUCTIONS[kind](x, axis=tuple(axes), keepdims=True)

    def largest(self, x: Value, place: int) -> Value:
        values, _ = ops.top_k(x, place)
        return values[:, place - 1 :]

    # --- networks

    def matmul(self, a: Operand, b: Operand) -> Value:
        return ops.matmul(a, b)

    def dense(self, x: Value, kernel: np.ndarray, bias: np.ndarray | None = None) -> Value:
        # Of two axes: a product of more is computed row by row of the batch.
        rows = ops.matmul(ops.reshape(x, (-1, kernel.shape[0])), kernel)
        rows = rows if bias is None else rows + bias
        return ops.reshape(rows, (-1, ops.shape(x)[1], kernel.shape[1]))

    def convolve(
        self,
        x: Value,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        stride: Sequence[int],
        dilation: Sequence[int],
        padding: Sequence[tuple[int, int]],
    ) -> Value:
        if all(tap == 1 for tap in kernel.shape[:-2]) and len(kernel.shape) == 3:
            if stride[0] > 1:
                x = self.cut(x, 1, 0, None, stride[0])
            return self.dense(x, kernel[0], bias)
        for axis, (before, after) in enumerate(padding, start=1):
            x = self.pad(x, axis, before, after)
        outputs = ops.conv(
            x,
            kernel,
            strides=tuple(stride),
            padding="valid",
            dilation_rate=tuple(dilation),
            data_format="channels_last",
        )
        return outputs if bias is None else outputs + bias

    def convolve_depthwise(
        self, x: Value, kernel: np.ndarray, stride: int, dilation: int, padding: tuple[int, int]
    ) -> Value:
        x = self.pad(x, 1, *padding)
        return ops.depthwise_conv(
            x,
            kernel[..., None],
            strides=stride,
            padding="valid",
            dilation_rate=dilation,
            data_format="channels_last",
        )

    def recur(
        self, x: Value, directions: Sequence[Recurrence], lengths: Value | None
    ) -> list[Value]:
        raise NotImplementedError("recurrent layers are no part of a front-end")

    def recur_on(
        self,
        x: Value,
        direction: Recurrence,
        states: Sequence[Value],
        inside: Value | None = None,
    ) -> tuple[Value, list[Value]]:
        raise NotImplementedError("recurrent layers are no part of a front-end")

    def scan(
        self, step: Step, states: Sequence[int], sequences: Sequence[Value], backward: bool = False
    ) -> list[Value]:
        # `ops.scan` gives as many numbers of each frame as it carries on: states, then outputs.
        frame = [one[:, :1] for one in sequences]
        zeros = [ops.zeros((ops.shape(sequences[0])[0], 1, dim)) for dim in states]
        dims = [int(one.shape[-1]) for one in step(frame, zeros)[1]]
        ends = np.cumsum([*states, *dims]).tolist()
        parts = list(zip([0, *ends], ends))

        def packed_step(carried: Value, frames: list[Value]) -> tuple[Value, Value]:
            before = [carried[..., begin:end] for begin, end in parts[: len(states)]]
            news, outputs = step(list(frames), before)
            packed = ops.concatenate([*news, *outputs], axis=-1)
            return packed, packed

        start = ops.zeros((ops.shape(sequences[0])[0], 1, ends[-1]))
        frames = [ops.expand_dims(ops.transpose(one, (1, 0, 2)), 2) for one in sequences]
        _, packed = ops.scan(packed_step, start, frames, reverse=backward)
        packed = ops.transpose(ops.squeeze(packed, 2), (1, 0, 2))
        return [packed[..., begin:end] for begin, end in parts[len(states) :]]

    def log_softmax(self, x: Value) -> Value:
        return ops.log_softmax(x, axis=-1)


_UNARY: dict[Unary, Any] = {
    "abs": ops.abs,
    "square": ops.square,
    "sqrt": ops.sqrt,
    "log": ops.log,
    "exp": ops.exp,
    "sin": ops.sin,
    "cos": ops.cos,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "relu": ops.relu,
    "trunc": ops.trunc,
    "erf": ops.erf,
}
_REDUCTIONS: dict[Reduction, Any] = {"sum": ops.sum, "max": ops.max, "mean": ops.mean}


def _operand(one: Operand, other: Operand) -> Operand:
    """A Python number in the type of the other operand."""
    if isinstance(one, float):
        return np.float32(one)
    if isinstance(one, int) and not isinstance(other, int):
        dtype = keras.backend.standardize_dtype(other.dtype)
        return np.asarray(one, dtype)
    return one
