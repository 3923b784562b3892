"""Recurrent layers over sequences of different lengths.

`recur` runs one layer's directions over time. What each step needs of the inputs alone,
`x_t W`, comes in computed: one large product for all steps is several times as fast as
one small product a step. On TensorFlow the loops are those of `tensorflow_recurrent`, or
the C++ ones of `ops.native`; `plain_recur` is the same in `keras.ops`.

The state is float32 under every dtype, as it adds up over hundreds of steps; products are
of the inputs' dtype.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from open_seq2seq.ops.masks import length_mask
from open_seq2seq.ops.recurrent_cells import CELLS, Cell


class Direction(NamedTuple):
    """One direction of a recurrent layer.

    Args:
      inputs: [batch, time, gates * units], `x_t W` for every step, without bias.
      weights: the cell's other weights by name, see `Cell`.
      backward: whether it runs from each utterance's last frame to its first.
    """

    inputs: Any
    weights: Mapping[str, Any]
    backward: bool = False


def recur(
    cell: str, directions: Sequence[Direction], lengths: Any, training: bool = True
) -> list[Any]:
    """The outputs of every step, each direction from a zero state.

    Args:
      cell: a key of `CELLS`.
      directions: those of one layer; all of one shape and dtype.
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


def plain_recur(cell: str, directions: Sequence[Direction], lengths: Any) -> list[Any]:
    """`recur` in `keras.ops` alone."""
    return [_run(CELLS[cell], direction, lengths) for direction in directions]


def _run(cell: Cell, direction: Direction, lengths: Any) -> Any:
    """One direction. The backward one starts in the padding, where the state stays zero."""
    inputs = ops.transpose(direction.inputs, (1, 0, 2))
    frames, batch = ops.shape(inputs)[:2]
    inside = ops.transpose(length_mask(lengths, frames, 3), (1, 0, 2))
    if direction.backward:
        inputs, inside = ops.flip(inputs, axis=0), ops.flip(inside, axis=0)
    kernel = direction.weights["recurrent_kernel"]
    state = ops.zeros((batch, kernel.shape[0]), "float32")

    def step(states: tuple[Any, Any], now: tuple[Any, Any]) -> tuple[Any, Any]:
        hidden, memory = states
        frame, is_inside = now
        new_hidden, new_memory = cell.step(frame, hidden, memory, direction.weights)
        hidden = ops.where(is_inside, new_hidden, hidden)
        memory = ops.where(is_inside, new_memory, memory)
        return (hidden, memory), (hidden, memory)

    _, (outputs, _) = ops.scan(step, (state, state), (inputs, inside))
    outputs = ops.where(inside, outputs, ops.zeros((), "float32"))
    if direction.backward:
        outputs = ops.flip(outputs, axis=0)
    return ops.cast(ops.transpose(outputs, (1, 0, 2)), direction.inputs.dtype)
