"""What an exported graph is written with: operations that every runtime has.

A front-end and a network each describe themselves once, by calls of a `GraphBuilder`. A builder
makes of them what a runtime takes: `KerasBuilder` computes with `keras.ops` (eagerly, in a
`tf.function`, or on JAX), `export.OnnxBuilder` writes ONNX nodes. So a formula, the folding of a
normalization, a rule of padding exist once, and what runtimes do differently (layouts, kernels
that are slow somewhere) is a builder's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

# What a builder computes with: its own object, which its callers only hand on.
Value: TypeAlias = Any
# A whole number known beforehand, or one that the graph computes.
Size: TypeAlias = Any
# A `Value`, or a number, or an array that is a constant of the graph.
Operand: TypeAlias = Any

Unary = Literal[
    "abs", "square", "sqrt", "log", "exp", "sin", "cos", "sigmoid", "tanh", "relu", "trunc", "erf"
]  # fmt: skip
Reduction = Literal["sum", "max", "mean"]
# Of `GraphBuilder.scan`: frames and states to states and frames.
Step: TypeAlias = Callable[[list[Value], list[Value]], tuple[list[Value], list[Value]]]


@dataclass(frozen=True)
class Recurrence:
    """One direction of a recurrent layer with all that an export can fold into it.

    Args:
      cell: a key of `ops.recurrent_cells.CELLS`.
      kernel: `[input, gates * units]`, the gates side by side as in `Cell`.
      bias: `[gates * units]`, added to the inputs' product.
      weights: the cell's other weights by name; `recurrent_kernel` `[units, gates * units]`
        among them, no `bias`.
      backward: whether it runs from each utterance's last frame to its first.
    """

    cell: str
    kernel: np.ndarray
    bias: np.ndarray
    weights: Mapping[str, np.ndarray]
    backward: bool = False

    @property
    def units(self) -> int:
        """The size of the state."""
        return int(self.weights["recurrent_kernel"].shape[0])


class GraphBuilder(Protocol):
    """Builds a graph of float32 values and whole numbers, by calls.

    Shapes are those of this library everywhere, `[batch, time, ...,  channel]`, whatever layout a
    runtime prefers. Operands broadcast as NumPy's; a Python number takes the type of the other one.
    A float is float32; a whole number has the runtime's type for sizes.
    """

    def scope(self, name: str) -> AbstractContextManager[None]:
        """Inside, what is written has names that begin with this one, where there are names."""

    # --- numbers

    def size(self, x: Value, axis: int) -> Size:
        """The length of an axis; an int where it is known beforehand."""

    def arange(self, count: Size) -> Value:
        """`[count]` whole numbers from 0 on."""

    def floor_divide(self, a: Operand, b: int) -> Value:
        """`a // b` of whole numbers that are not negative: runtimes round others differently."""

    def to_float(self, x: Operand) -> Value:
        """Whole numbers or truth values as float32."""

    def to_whole(self, x: Operand) -> Value:
        """Numbers as whole numbers of the type of sizes."""

    def add(self, a: Operand, b: Operand) -> Value: ...
    def subtract(self, a: Operand, b: Operand) -> Value: ...
    def multiply(self, a: Operand, b: Operand) -> Value: ...
    def divide(self, a: Operand, b: Operand) -> Value:
        """Of floats."""

    def maximum(self, a: Operand, b: Operand) -> Value: ...
    def minimum(self, a: Operand, b: Operand) -> Value: ...
    def less(self, a: Operand, b: Operand) -> Value:
        """Truth values."""

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        """`a` where the condition holds, else `b`: whatever the other is, NaN too, is gone."""

    def unary(self, kind: Unary, x: Value) -> Value:
        """A function of each number; "trunc" rounds towards zero, and stays a float."""

    # --- shapes

    def reshape(self, x: Value, shape: Sequence[Size]) -> Value:
        """A new shape, in which one size may be -1."""

    def expand_dims(self, x: Value, axis: int) -> Value: ...
    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        """The axes in another order."""

    def concatenate(self, values: Sequence[Operand], axis: int) -> Value: ...
    def pad(self, x: Value, axis: int, before: Size, after: Size) -> Value:
        """Zeros before and after an axis of floats."""

    def cut(self, x: Value, axis: int, start: Size, stop: Size | None, step: int = 1) -> Value:
        """`x[start:stop:step]` along an axis; as in Python, what is beyond the end is not there."""

    def reverse(self, x: Value, axis: int) -> Value:
        """The last element first."""

    def take(self, x: Operand, indices: Operand, axis: int) -> Value:
        """The elements of an axis at `[count]` places; of whole numbers, if they are constants."""

    def take_in_rows(self, x: Value, indices: Value) -> Value:
        """`[batch, n]` and `[batch, m]` -> `[batch, m]`: of each row its own places."""

    def put_in_rows(self, x: Value, indices: Value, values: Value) -> Value:
        """`[batch, n]` with `values` `[batch, m]` at each row's own places `[batch, m]`."""

    def tile(self, x: Operand, axis: int, count: Size) -> Value:
        """`x` so many times, one after the other."""

    def by_frames(self, x: Value) -> Value:
        """The same `[batch, time, ..., channel]`, laid out so: frames are joined and cut as wholes.

        Convolutions may leave their outputs in another layout, in which that is slow.
        """

    def as_frames(self, x: Value) -> Value:
        """`[batch, channel, time]` -> `[batch, time, channel]`, which may be a matter of layout."""

    # --- over axes

    def reduce(self, kind: Reduction, x: Value, axes: Sequence[int]) -> Value:
        """The sum, mean or maximum over some axes, which stay with length 1."""

    def largest(self, x: Value, place: int) -> Value:
        """`[batch, n]` -> `[batch, 1]`, the `place`-th largest (from 1; n is at least `place`)."""

    # --- networks

    def matmul(self, a: Operand, b: Operand) -> Value:
        """`[..., n, k]` by `[..., k, m]`, of which one may be a constant."""

    def dense(self, x: Value, kernel: np.ndarray, bias: np.ndarray | None = None) -> Value:
        """`[batch, time, k]` by a constant `[k, m]`, with a bias `[m]`."""

    def convolve(
        self,
        x: Value,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        stride: Sequence[int],
        dilation: Sequence[int],
        padding: Sequence[tuple[int, int]],
    ) -> Value:
        """A convolution over time, or over time and width.

        Args:
          x: `[batch, time, channel]` or `[batch, time, width, channel]`.
          kernel: `[tap, channel, output]` or `[tap, tap, channel, output]`.
          bias: `[output]`.
          stride, dilation: one number for each axis.
          padding: zeros before and after each axis. An axis of n gives
            `(n + zeros - span - 1) // stride + 1` outputs, where span is (tap - 1) * dilation;
            n + zeros is more than the span.
        """

    def convolve_depthwise(
        self, x: Value, kernel: np.ndarray, stride: int, dilation: int, padding: tuple[int, int]
    ) -> Value:
        """The same over `[batch, time, channel]`, each channel with its own taps.

        Args:
          kernel: `[tap, channel]`.
        """

    def recur(
        self, x: Value, directions: Sequence[Recurrence], lengths: Value | None
    ) -> list[Value]:
        """A recurrent layer.

        Args:
          x: `[batch, time, input]`.
          directions: one, or forward and backward; of one cell and size.
          lengths: `[batch]`, frames of each utterance; None: all.

        Returns:
          For each direction `[batch, time, units]`, 0 past each length.
        """

    def recur_on(
        self,
        x: Value,
        direction: Recurrence,
        states: Sequence[Value],
        inside: Value | None = None,
    ) -> tuple[Value, list[Value]]:
        """A forward direction over all frames, from where another call ended.

        Args:
          x: `[batch, time, input]`.
          direction: the layer.
          states: `[batch, units]` each: the hidden state and, of an LSTM, its memory.
          inside: `[batch, time, 1]`, 0.0 where they stay what they are; None: nowhere. Of the cell
            "layer_norm_lstm" only, whose state no input keeps as it is.

        Returns:
          `[batch, time, units]`, and the states after the last frame.
        """

    def scan(
        self, step: Step, states: Sequence[int], sequences: Sequence[Value], backward: bool = False
    ) -> list[Value]:
        """A loop over frames, of recurrences that `recur` has no cell for.

        Args:
          step: makes of a frame `[batch, 1, dim]` of each sequence, and of the states
            `[batch, 1, dim]`, the next states and the frame of each output.
          states: dimensions of the states, which are 0 at first.
          sequences: `[batch, time, dim]`, as many frames of each.
          backward: whether it runs from the last frame to the first.

        Returns:
          `[batch, time, dim]` of each output.
        """

    def log_softmax(self, x: Value) -> Value:
        """Natural logarithms of the softmax over the last axis."""
