"""Recurrent layers over sequences of different lengths.

`recur` runs one layer's directions over time. What each step needs of the inputs alone,
`x_t W`, comes in computed: one large product for all steps is several times as fast as
one small product a step. On TensorFlow the loops are those of `tensorflow_recurrent`, or
the C++ ones of `ops.native`; `plain_recur` is the same in `keras.ops`.

The state is float32 under every dtype, as it adds up over hundreds of steps; products are
of the inputs' dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.ops.masks import length_mask
from open_seq2seq.ops.recurrent_cells import CELLS, Cell, Direction
from open_seq2seq.tensors import Tensor

# Per direction, an array [batch, units] float32 for each of the cell's `states`.
States = list[tuple[Any, ...]]


def recur(
    cell: str, directions: Sequence[Direction], lengths: Tensor, training: bool = True
) -> list[Tensor]:
    """The outputs of every step.

    Args:
      cell: a key of `CELLS`.
      directions: those of one layer; all of one shape and dtype, all with a state or none.
      lengths: [batch], frames of each utterance.
      training: whether gradients are wanted; without it they still are right, but slower.

    Returns:
      Per direction [batch, time, units] in the dtype of the inputs, 0 past each length.
      What lies past a length changes nothing before it.
    """
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops import tensorflow_recurrent

        return tensorflow_recurrent.recur(CELLS[cell], directions, lengths, training)
    return plain_recur(cell, directions, lengths)


def recur_with_states(
    cell: str, directions: Sequence[Direction], lengths: Tensor, training: bool = True
) -> tuple[list[Tensor], States]:
    """`recur`, and the states after each utterance's last step, for the next piece of it."""
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops import tensorflow_recurrent

        return tensorflow_recurrent.recur_with_states(CELLS[cell], directions, lengths, training)
    return plain_recur_with_states(cell, directions, lengths)


def plain_recur(cell: str, directions: Sequence[Direction], lengths: Tensor) -> list[Tensor]:
    """`recur` in `keras.ops` alone."""
    return plain_recur_with_states(cell, directions, lengths)[0]


def plain_recur_with_states(
    cell: str, directions: Sequence[Direction], lengths: Tensor
) -> tuple[list[Tensor], States]:
    """`recur_with_states` in `keras.ops` alone."""
    runs = [_run(CELLS[cell], direction, lengths) for direction in directions]
    return [outputs for outputs, _ in runs], [states for _, states in runs]


def _run(cell: Cell, direction: Direction, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One direction. The backward one starts in the padding, where the state stays as it is."""
    inputs = ops.transpose(direction.inputs, (1, 0, 2))
    frames, batch = ops.shape(inputs)[:2]
    inside = ops.transpose(length_mask(lengths, frames, 3), (1, 0, 2))
    if direction.backward:
        inputs, inside = ops.flip(inputs, axis=0), ops.flip(inside, axis=0)
    kernel = direction.weights["recurrent_kernel"]
    zeros = ops.zeros((batch, kernel.shape[0]), "float32")
    hidden, *memory = direction.state or [zeros]

    def step(states: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        hidden, memory = states
        frame, is_inside = now
        new_hidden, new_memory = cell.step(frame, hidden, memory, direction.weights)
        hidden = ops.where(is_inside, new_hidden, hidden)
        memory = ops.where(is_inside, new_memory, memory)
        return (hidden, memory), (hidden, memory)

    start = (hidden, *(memory or [zeros]))
    states, (outputs, _) = ops.scan(step, start, (inputs, inside))
    outputs = ops.where(inside, outputs, ops.zeros((), "float32"))
    if direction.backward:
        outputs = ops.flip(outputs, axis=0)
    outputs = ops.cast(ops.transpose(outputs, (1, 0, 2)), direction.inputs.dtype)
    return outputs, states[: len(cell.states)]
