"""Recurrent layers on TensorFlow, with a gradient of their own.

TensorFlow's gradient of a loop adds up the gradients of all weights at every step, which
costs more than the step itself. Here the backward loop carries the gradient of the state
alone; those of the kernels are one large product after it. Where no gradients are wanted the
loop keeps nothing for them, and theirs are TensorFlow's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from open_seq2seq.ops import tensorflow_native_recurrent
from open_seq2seq.ops.recurrent_cells import CELLS, Cell, Direction
from open_seq2seq.tensors import DType, Tensor


def recur(
    cell: Cell, directions: Sequence[Direction], lengths: Tensor, training: bool = True
) -> list[Tensor]:
    """`open_seq2seq.ops.recurrent.recur` on TensorFlow; same contract."""
    if directions[0].state is not None:
        return recur_with_states(cell, directions, lengths, training)[0]
    if tensorflow_native_recurrent.takes(cell, directions):
        return tensorflow_native_recurrent.recur(cell, directions, lengths, training)
    return _run_all(cell, directions, lengths, training)[0]


def recur_with_states(
    cell: Cell, directions: Sequence[Direction], lengths: Tensor, training: bool = True
) -> tuple[list[Tensor], list[Tensor]]:
    """`open_seq2seq.ops.recurrent.recur_with_states` on TensorFlow; same contract.

    The C++ loop computes it where no gradients are wanted, as its own knows no states.
    """
    if not training and tensorflow_native_recurrent.takes(cell, directions):
        return tensorflow_native_recurrent.recur_with_states(cell, directions, lengths, _run_all)
    return _run_all(cell, directions, lengths, training)


def _run_all(
    cell: Cell, directions: Sequence[Direction], lengths: Tensor, training: bool = True
) -> tuple[list[Tensor], list[Tensor]]:
    # Independent loops of one graph run side by side.
    runs = [_run(cell, direction, lengths, training) for direction in directions]
    return [outputs for outputs, *_ in runs], [tuple(states) for _, *states in runs]


def _run(cell: Cell, direction: Direction, lengths: Tensor, training: bool) -> list[Tensor]:
    """The outputs and the last states."""
    dtype = direction.inputs.dtype
    inputs = tf.transpose(direction.inputs, [1, 0, 2])
    lengths = tf.cast(lengths, tf.int32)
    # A Keras variable is not what custom_gradient takes.
    kernel = tf.cast(tf.convert_to_tensor(direction.weights["recurrent_kernel"]), dtype)
    extra = [tf.convert_to_tensor(direction.weights[name]) for name in cell.extra]
    # Known while a graph for one batch size is traced, as exporters ask for it; products of two
    # axes have lost it, lengths have not.
    batch = None if tf.executing_eagerly() else lengths.shape[0]
    if batch is not None:  # In the graph, where converters read it, not only in Python.
        inputs = tf.reshape(inputs, [-1, batch, inputs.shape[2]])
        lengths = tf.reshape(lengths, [batch])
    zeros = tf.zeros([batch or tf.shape(inputs)[1], kernel.shape[0]], tf.float32)
    states = [zeros for _ in cell.states] if direction.state is None else direction.state
    shapes = (tuple(x.shape) for x in (kernel, *extra))
    # There each layer has a loop of its own: LiteRT takes none whose body two of them share.
    make = _loop_function if batch is None else _new_loop_function
    looped = make(cell.name, direction.backward, training, dtype, batch, *shapes)
    outputs, *states = looped(inputs, lengths, *states, kernel, *extra)
    return [tf.cast(tf.transpose(outputs, [1, 0, 2]), dtype), *states]


def _new_loop_function(
    cell: str,
    backward: bool,
    training: bool,
    dtype: DType,
    batch: int | None,
    *shapes: tuple[int, ...],
) -> Tensor:
    """The loop as a graph of its own: step by step in Python it would take seconds."""
    count = len(CELLS[cell].states)

    def prepared(inputs: Tensor, lengths: Tensor, arguments: Tensor) -> tuple[_Loop, Tensor]:
        states, (kernel, *extra) = arguments[:count], arguments[count:]
        return _Loop(CELLS[cell], inputs, kernel, extra, lengths, backward), states

    def without_gradient(inputs: Tensor, lengths: Tensor, *arguments: Tensor) -> Tensor:
        loop, states = prepared(inputs, lengths, arguments)
        outputs, last, _ = loop.forward(states, keep=False)
        return (outputs, *last)

    @tf.custom_gradient
    def looped(inputs: Tensor, lengths: Tensor, *arguments: Tensor) -> Tensor:
        loop, states = prepared(inputs, lengths, arguments)
        outputs, last, kept = loop.forward(states, keep=True)

        def gradients(upstream: Tensor, *for_last: Tensor) -> tuple[Tensor, ...]:
            for_inputs, for_states, *for_weights = loop.gradients(upstream, for_last, kept)
            return (for_inputs, None, *for_states, *for_weights)

        return (outputs, *last), gradients

    kernel, *extra = shapes
    signature = [
        tf.TensorSpec((None, batch, kernel[1]), dtype),
        tf.TensorSpec((batch,), tf.int32),
        *(tf.TensorSpec((batch, kernel[0]), tf.float32) for _ in range(count)),
        tf.TensorSpec(kernel, dtype),
        *(tf.TensorSpec(shape, tf.float32) for shape in extra),
    ]
    return tf.function(looped if training else without_gradient, input_signature=signature)


_loop_function = functools.cache(_new_loop_function)


class _Loop:
    """One direction over time, and back.

    Args:
      cell: the cell.
      inputs: [time, batch, gates * units].
      kernel: [units, gates * units], of the same dtype.
      extra: the cell's other weights, float32.
      lengths: [batch] int32, frames of each utterance.
      backward: from the last frame to the first. It starts in the padding, where the state
        stays as it is.
    """

    def __init__(
        self,
        cell: Cell,
        inputs: Tensor,
        kernel: Tensor,
        extra: Sequence[Tensor],
        lengths: Tensor,
        backward: bool,
    ):
        self.cell, self.inputs, self.extra, self.lengths = cell, inputs, tuple(extra), lengths
        self.kernel, self.second_kernel = cell.split_kernel(kernel)
        self.units = kernel.shape[0]
        self.backward = backward
        self.dtype = inputs.dtype
        shape = tf.shape(inputs)
        self.frames, self.batch = shape[0], shape[1]

    def _pair(self, states: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Hidden state and memory; zeros for the memory of a cell that has none."""
        hidden, *memory = states
        return hidden, *(memory or [tf.zeros([self.batch, self.units], tf.float32)])

    def _arrays(self, dtypes: Sequence[DType], widths: Sequence[int]) -> tuple[Tensor, ...]:
        # LiteRT takes a loop only if it knows the shape of its rows.
        batch = self.inputs.shape[1]
        return tuple(
            tf.TensorArray(dtype, self.frames, element_shape=(batch, width))
            for dtype, width in zip(dtypes, widths)
        )

    def _inside(self, frames: Tensor) -> Tensor:
        """Which utterances a frame belongs to, [batch, 1]; of frames [time], [time, batch, 1]."""
        return frames < self.lengths[:, None]

    def _read(self, *tensors: Tensor) -> list[Tensor]:
        return [
            tf.TensorArray(x.dtype, self.frames, element_shape=x.shape[1:]).unstack(x)
            for x in tensors
        ]

    def _over_time(
        self, step: Callable[..., Tensor], states: Tensor, arrays: Tensor, reverse: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """Calls step(frame, states) -> (states, rows), and stacks the rows."""

        def body(number: Tensor, states: Tensor, arrays: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            frame = self.frames - 1 - number if reverse else number
            states, rows = step(frame, states)
            return number + 1, states, tuple(a.write(frame, r) for a, r in zip(arrays, rows))

        _, states, arrays = tf.while_loop(
            lambda number, *_: number < self.frames, body, (0, states, arrays)
        )
        return states, [array.stack() for array in arrays]

    def _products(
        self, frame: Tensor, hidden: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What multiplies the state, what is between, and what multiplies that; float32."""
        recurrent = tf.cast(tf.matmul(tf.cast(hidden, self.dtype), self.kernel), tf.float32)
        if self.cell.between is None:
            return recurrent, None, None
        between = self.cell.between(frame, recurrent, hidden, weights)
        product = tf.matmul(tf.cast(between, self.dtype), self.second_kernel)
        return recurrent, between, tf.cast(product, tf.float32)

    def _weights(self, extra: Sequence[Tensor]) -> dict[str, Any]:
        return dict(zip(self.cell.extra, extra))

    def forward(self, states: Sequence[Tensor], keep: bool) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Runs it from the cell's states, each [batch, units] float32.

        Returns:
          The outputs [time, batch, units] float32, the last states, and what the gradients
          need of each step, if it is to be kept.
        """
        weights = self._weights(self.extra)
        (inputs,) = self._read(self.inputs)

        def step(number: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
            hidden, memory = states
            frame = tf.cast(inputs.read(number), tf.float32)
            recurrent, between, second = self._products(frame, hidden, weights)
            updated = self.cell.update(frame, recurrent, second, hidden, memory, weights)
            is_inside = self._inside(number)
            new_hidden = tf.where(is_inside, updated[0], hidden)
            new_memory = tf.where(is_inside, updated[1], memory)
            if not keep:
                return (new_hidden, new_memory), [new_hidden]
            rows = [new_hidden, hidden, memory, recurrent]
            rows += [between, second] if self.cell.between else []
            rows[3:] = [tf.cast(row, self.dtype) for row in rows[3:]]
            return (new_hidden, new_memory), rows

        widths = [self.units] * 3 + self._product_widths()
        dtypes = [tf.float32] * 3 + [self.dtype] * 3
        if self.cell.between:
            widths.insert(4, self.units)
        widths = widths if keep else widths[:1]
        arrays = self._arrays(dtypes[: len(widths)], widths)
        last, (outputs, *kept) = self._over_time(step, self._pair(states), arrays, self.backward)
        last = last[: len(self.cell.states)]
        inside = self._inside(tf.range(self.frames)[:, None, None])
        return tf.where(inside, outputs, 0.0), last, kept

    def _product_widths(self) -> list[int]:
        kernels = (self.kernel, self.second_kernel)
        return [kernel.shape[1] for kernel in kernels if kernel is not None]

    def gradients(
        self, upstream: Tensor, for_last: Sequence[Tensor], kept: list[Tensor]
    ) -> tuple[Tensor, ...]:
        """Of the inputs, the states (a tuple), the kernel and the other weights, for those of
        the outputs and of the last states."""
        arrays = self._read(upstream, self.inputs, *kept)

        def step(number: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
            for_hidden, for_memory, for_extra = states
            above, frame, *saved = (array.read(number) for array in arrays)
            is_inside = self._inside(number)
            for_hidden = tf.where(is_inside, for_hidden + above, for_hidden)
            passed = [tf.where(is_inside, x, 0.0) for x in (for_hidden, for_memory)]
            hidden, memory, recurrent, *others = (tf.cast(row, tf.float32) for row in saved)
            second = others[1] if others else None
            for_frame, for_products, for_states, more = self._step_gradients(
                tf.cast(frame, tf.float32), recurrent, second, hidden, memory, passed
            )
            kept_back = [tf.where(is_inside, 0.0, x) for x in (for_hidden, for_memory)]
            states = tuple(a + b for a, b in zip(kept_back, for_states))
            for_extra = tuple(a + b for a, b in zip(for_extra, more))
            return (*states, for_extra), [for_frame, *for_products]

        states = (*self._pair(for_last), tuple(tf.zeros_like(x) for x in self.extra))
        widths = [self.inputs.shape[2], *self._product_widths()]
        written = self._arrays([self.dtype] * len(widths), widths)
        (*for_states, for_extra), (for_inputs, *for_products) = self._over_time(
            step, states, written, not self.backward
        )
        factors = [kept[0], *kept[3:4]]
        for_kernel = tf.concat(
            [
                tensorflow_native_recurrent.sum_of_products(*pair)
                for pair in zip(factors, for_products)
            ],
            1,
        )
        return (for_inputs, tuple(for_states[: len(self.cell.states)]), for_kernel, *for_extra)

    def _step_gradients(
        self,
        frame: Tensor,
        recurrent: Tensor,
        second: Tensor,
        hidden: Tensor,
        memory: Tensor,
        passed: Tensor,
    ) -> tuple[Tensor, list[Tensor], Tensor, Tensor]:
        """Of one step's inputs, products, states and weights; the products as they multiply."""
        extra = self.extra
        sources = [frame, recurrent, hidden, memory, *extra]
        sources += [] if second is None else [second]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            weights = self._weights(extra)
            updated = self.cell.update(frame, recurrent, second, hidden, memory, weights)
        found = self._gradient(tape, updated, sources, passed)
        products = []
        if second is not None:
            products = [tf.cast(found.pop(), self.dtype)]
            below = tf.matmul(products[0], self.second_kernel, transpose_b=True)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                assert self.cell.between is not None
                between = self.cell.between(frame, recurrent, hidden, self._weights(extra))
            more = self._gradient(tape, [between], sources[:-1], [tf.cast(below, tf.float32)])
            found = [a + b for a, b in zip(found, more)]
        for_frame, for_recurrent, for_hidden, for_memory, *for_extra = found
        products.insert(0, tf.cast(for_recurrent, self.dtype))
        below = tf.matmul(products[0], self.kernel, transpose_b=True)
        for_hidden += tf.cast(below, tf.float32)
        return tf.cast(for_frame, self.dtype), products, (for_hidden, for_memory), for_extra

    @staticmethod
    def _gradient(
        tape: tf.GradientTape, outputs: Tensor, sources: Tensor, upstream: Tensor
    ) -> list[Tensor]:
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(outputs, sources, upstream, unconnected_gradients=zero)
