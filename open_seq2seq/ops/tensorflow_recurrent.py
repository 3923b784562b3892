"""Recurrent layers on TensorFlow, with a gradient of their own.

TensorFlow's gradient of a loop adds up the gradients of all weights at every step, which
costs more than the step itself. Here the backward loop carries the gradient of the state
alone; those of the kernels are one large product after it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from open_seq2seq.ops import tensorflow_native_recurrent
from open_seq2seq.ops.recurrent_cells import CELLS, Cell


def recur(cell: Cell, directions: Sequence[Any], lengths: Any, training: bool = True) -> list[Any]:
    """`open_seq2seq.ops.recurrent.recur` on TensorFlow; same contract."""
    if tensorflow_native_recurrent.takes(cell, directions):
        return tensorflow_native_recurrent.recur(cell, directions, lengths, training)
    # Independent loops of one graph run side by side.
    return [_run(cell, direction, lengths) for direction in directions]


def _run(cell: Cell, direction: Any, lengths: Any) -> Any:
    dtype = direction.inputs.dtype
    inputs = tf.transpose(direction.inputs, [1, 0, 2])
    # [time, batch, 1]; a transposed mask would do, but oneDNN complains about booleans.
    frames = tf.range(tf.shape(inputs)[0])
    inside = (frames[:, None] < tf.cast(lengths, tf.int32)[None])[:, :, None]
    # A Keras variable is not what custom_gradient takes.
    kernel = tf.cast(tf.convert_to_tensor(direction.weights["recurrent_kernel"]), dtype)
    extra = [tf.convert_to_tensor(direction.weights[name]) for name in cell.extra]
    looped = _looped(
        cell.name, direction.backward, dtype, *(tuple(x.shape) for x in (kernel, *extra))
    )
    outputs = looped(inputs, inside, kernel, *extra)
    return tf.cast(tf.transpose(outputs, [1, 0, 2]), dtype)


@functools.cache
def _looped(cell: str, backward: bool, dtype: Any, *shapes: tuple[int, ...]) -> Any:
    """The loop as a graph of its own: step by step in Python it would take seconds."""

    @tf.custom_gradient
    def looped(inputs: Any, inside: Any, kernel: Any, *extra: Any) -> Any:
        loop = _Loop(CELLS[cell], inputs, kernel, extra, inside, backward)
        outputs, kept = loop.forward()

        def gradients(upstream: Any) -> tuple[Any, ...]:
            for_inputs, *for_weights = loop.gradients(upstream, kept)
            return (for_inputs, None, *for_weights)

        return outputs, gradients

    kernel, *extra = shapes
    signature = [
        tf.TensorSpec((None, None, kernel[1]), dtype),
        tf.TensorSpec((None, None, 1), tf.bool),
        tf.TensorSpec(kernel, dtype),
        *(tf.TensorSpec(shape, tf.float32) for shape in extra),
    ]
    return tf.function(looped, input_signature=signature)


class _Loop:
    """One direction over time, and back.

    Args:
      cell: the cell.
      inputs: [time, batch, gates * units].
      kernel: [units, gates * units], of the same dtype.
      extra: the cell's other weights, float32.
      inside: [time, batch, 1] bool, which frames belong to an utterance.
      backward: from the last frame to the first. It starts in the padding, where the state
        stays zero.
    """

    def __init__(
        self,
        cell: Cell,
        inputs: Any,
        kernel: Any,
        extra: Sequence[Any],
        inside: Any,
        backward: bool,
    ):
        self.cell, self.inputs, self.extra, self.inside = cell, inputs, tuple(extra), inside
        self.kernel, self.second_kernel = cell.split_kernel(kernel)
        self.units = kernel.shape[0]
        self.backward = backward
        self.dtype = inputs.dtype
        shape = tf.shape(inputs)
        self.frames, self.batch = shape[0], shape[1]

    def _zeros(self) -> Any:
        return tf.zeros([self.batch, self.units], tf.float32)

    def _arrays(self, dtypes: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(tf.TensorArray(dtype, self.frames) for dtype in dtypes)

    def _read(self, *tensors: Any) -> list[Any]:
        return [tf.TensorArray(x.dtype, self.frames).unstack(x) for x in tensors]

    def _over_time(
        self, step: Callable[..., Any], states: Any, arrays: Any, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """Calls step(frame, states) -> (states, rows), and stacks the rows."""

        def body(number: Any, states: Any, arrays: Any) -> tuple[Any, Any, Any]:
            frame = self.frames - 1 - number if reverse else number
            states, rows = step(frame, states)
            return number + 1, states, tuple(a.write(frame, r) for a, r in zip(arrays, rows))

        _, states, arrays = tf.while_loop(
            lambda number, *_: number < self.frames, body, (0, states, arrays)
        )
        return states, [array.stack() for array in arrays]

    def _products(self, frame: Any, hidden: Any, weights: Any) -> tuple[Any, Any, Any]:
        """What multiplies the state, what is between, and what multiplies that; float32."""
        recurrent = tf.cast(tf.matmul(tf.cast(hidden, self.dtype), self.kernel), tf.float32)
        if self.cell.between is None:
            return recurrent, None, None
        between = self.cell.between(frame, recurrent, hidden, weights)
        product = tf.matmul(tf.cast(between, self.dtype), self.second_kernel)
        return recurrent, between, tf.cast(product, tf.float32)

    def _weights(self, extra: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.cell.extra, extra))

    def forward(self) -> tuple[Any, list[Any]]:
        """The outputs [time, batch, units] float32, and what the gradients need of each step."""
        weights = self._weights(self.extra)
        inputs, inside = self._read(self.inputs, self.inside)

        def step(number: Any, states: Any) -> tuple[Any, Any]:
            hidden, memory = states
            frame = tf.cast(inputs.read(number), tf.float32)
            recurrent, between, second = self._products(frame, hidden, weights)
            updated = self.cell.update(frame, recurrent, second, hidden, memory, weights)
            is_inside = inside.read(number)
            new_hidden = tf.where(is_inside, updated[0], hidden)
            new_memory = tf.where(is_inside, updated[1], memory)
            rows = [new_hidden, hidden, memory, recurrent]
            rows += [between, second] if self.cell.between else []
            rows[3:] = [tf.cast(row, self.dtype) for row in rows[3:]]
            return (new_hidden, new_memory), rows

        products = 3 if self.cell.between else 1
        arrays = self._arrays([tf.float32] * 3 + [self.dtype] * products)
        states = (self._zeros(), self._zeros())
        _, (outputs, *kept) = self._over_time(step, states, arrays, self.backward)
        return tf.where(self.inside, outputs, 0.0), kept

    def gradients(self, upstream: Any, kept: list[Any]) -> tuple[Any, ...]:
        """Of the inputs, the kernel and the other weights, for those of the outputs."""
        arrays = self._read(upstream, self.inputs, self.inside, *kept)

        def step(number: Any, states: Any) -> tuple[Any, Any]:
            for_hidden, for_memory, for_extra = states
            above, frame, is_inside, *saved = (array.read(number) for array in arrays)
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

        states = (self._zeros(), self._zeros(), tuple(tf.zeros_like(x) for x in self.extra))
        products = 2 if self.cell.between else 1
        written = self._arrays([self.dtype] * (1 + products))
        (_, _, for_extra), (for_inputs, *for_products) = self._over_time(
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
        return (for_inputs, for_kernel, *for_extra)

    def _step_gradients(
        self, frame: Any, recurrent: Any, second: Any, hidden: Any, memory: Any, passed: Any
    ) -> tuple[Any, list[Any], Any, Any]:
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
    def _gradient(tape: Any, outputs: Any, sources: Any, upstream: Any) -> list[Any]:
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(outputs, sources, upstream, unconnected_gradients=zero)
