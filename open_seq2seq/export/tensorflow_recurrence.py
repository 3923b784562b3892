"""Recurrent layers as loops that LiteRT takes too: of TensorFlow's own operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from open_seq2seq.graphs.builder import Recurrence
from open_seq2seq.ops.recurrent_cells import CELLS

# Frames of a block; see `_in_blocks`.
BLOCK = 64
# Of a loop: the number of the step, the state (hidden and memory), and the outputs so far.
_LoopState: TypeAlias = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]


def recur(
    projected: tf.Tensor, direction: Recurrence, lengths: tf.Tensor | None, batch: int | None
) -> tf.Tensor:
    """The outputs `[batch, time, units]` of one direction, 0 past each length.

    Args:
      projected: `[batch, time, gates * units]`, the inputs' product with its bias.
      direction: the layer.
      lengths: `[batch]` int32; None: all frames.
      batch: the number of utterances, if it is known: LiteRT's lists of tensors need it.
    """
    step = _Step(direction, lengths, batch)
    inputs = tf.transpose(projected, (1, 0, 2))
    if direction.backward:
        inputs = tf.reverse(inputs, (0,))
    loop = _whole if batch is None else _in_blocks
    outputs = loop(inputs, step)
    if direction.backward:
        outputs = tf.reverse(outputs, (0,))
    return tf.transpose(outputs, (1, 0, 2))


def recur_on(
    projected: tf.Tensor,
    direction: Recurrence,
    states: Sequence[tf.Tensor],
    batch: int | None,
    inside: tf.Tensor | None,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The outputs `[batch, time, units]` of a forward direction, and its states at the end.

    Args:
      projected, direction, batch: as for `recur`.
      states: `[batch, units]` each, what it begins with.
      inside: `[batch, time, 1]`, 0.0 where they stay what they are; None: nowhere.
    """
    inside = None if inside is None else tf.transpose(inside, (1, 0, 2)) > 0.5
    step = _Step(direction, None, batch, inside)
    for one in states:
        one.set_shape(step.shape)
    inputs = tf.transpose(projected, (1, 0, 2))
    frames = tf.shape(inputs)[0]
    outputs, *ends = step.run(inputs, 0, frames, frames, states[0], states[-1])
    return tf.transpose(outputs, (1, 0, 2)), ends[: len(states)]


class _Step:
    """A step of a direction; see `recur`. Frames come in the order in which it reads them."""

    def __init__(
        self,
        direction: Recurrence,
        lengths: tf.Tensor | None,
        batch: int | None,
        inside: tf.Tensor | None = None,
    ):
        self.cell, self.direction = CELLS[direction.cell], direction
        self.lengths, self.inside = lengths, inside
        self.shape = (batch, direction.units)
        self.weights: dict[str, tf.Tensor] = {
            name: tf.constant(np.asarray(value, np.float32))
            for name, value in direction.weights.items()
        }
        if "bias" in self.cell.extra:  # the inputs have it
            self.weights["bias"] = tf.zeros(direction.bias.shape)

    def start(self, inputs: tf.Tensor) -> tf.Tensor:
        """The state before the first frame, `[batch, units]`."""
        batch, units = self.shape
        return tf.zeros((tf.shape(inputs)[1] if batch is None else batch, units))

    def run(
        self,
        inputs: tf.Tensor,
        before: tf.Tensor | int,
        count: tf.Tensor | int,
        frames: tf.Tensor,
        hidden: tf.Tensor,
        memory: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Some frames one after the other: their outputs, and the state after them.

        Args:
          inputs: `[count, batch, gates * units]`.
          before: how many frames were read before them.
          count: how many they are.
          frames: of the whole recording.
          hidden, memory: the state, `[batch, units]` each.
        """
        outputs = tf.TensorArray(tf.float32, size=count, element_shape=self.shape)

        def step(
            number: tf.Tensor, hidden: tf.Tensor, memory: tf.Tensor, outputs: tf.TensorArray
        ) -> _LoopState:
            frame = tf.gather(inputs, number)
            frame.set_shape((self.shape[0], frame.shape[-1]))
            new, new_memory = self.cell.step(frame, hidden, memory, self.weights)
            written = new
            inside = self._inside(before + number, frames)
            if inside is not None:
                written = tf.where(inside, new, 0.0)
                new = tf.where(inside, new, hidden)
                new_memory = tf.where(inside, new_memory, memory)
            new.set_shape(self.shape)
            new_memory.set_shape(self.shape)
            return number + 1, new, new_memory, outputs.write(number, written)

        _, hidden, memory, outputs = tf.while_loop(
            lambda number, *_: number < count,
            step,
            (tf.constant(0), hidden, memory, outputs),
        )
        return outputs.stack(), hidden, memory

    def _inside(self, number: tf.Tensor, frames: tf.Tensor) -> tf.Tensor | None:
        """Whether a frame counts, `[batch, 1]`; None: it does."""
        if self.inside is not None:
            return tf.gather(self.inside, number)
        if self.lengths is None:
            return None
        place = frames - 1 - number if self.direction.backward else number
        return tf.expand_dims(place < self.lengths, 1)


def _whole(inputs: tf.Tensor, step: _Step) -> tf.Tensor:
    """All frames in one loop: `[time, batch, gates * units]` to `[time, batch, units]`."""
    frames, state = tf.shape(inputs)[0], step.start(inputs)
    return step.run(inputs, 0, frames, frames, state, state)[0]


def _in_blocks(inputs: tf.Tensor, step: _Step) -> tf.Tensor:
    """The same in a loop over blocks of frames, each a loop of its own.

    To write an element of a list LiteRT copies the list: in one loop, ten times as many frames
    would take a hundred times as long.
    """
    frames = tf.shape(inputs)[0]
    blocks = (frames + BLOCK - 1) // BLOCK
    padded = tf.pad(inputs, [[0, blocks * BLOCK - frames], [0, 0], [0, 0]])
    padded = tf.reshape(padded, (-1, BLOCK, step.shape[0], inputs.shape[2]))
    state = step.start(inputs)
    outputs = tf.TensorArray(tf.float32, size=blocks, element_shape=(BLOCK, *step.shape))

    def block(
        number: tf.Tensor, hidden: tf.Tensor, memory: tf.Tensor, outputs: tf.TensorArray
    ) -> _LoopState:
        seen = tf.gather(padded, number)
        written, hidden, memory = step.run(seen, number * BLOCK, BLOCK, frames, hidden, memory)
        written.set_shape((BLOCK, *step.shape))
        return number + 1, hidden, memory, outputs.write(number, written)

    *_, outputs = tf.while_loop(
        lambda number, *_: number < blocks,
        block,
        (tf.constant(0), state, state, outputs),
    )
    return tf.reshape(outputs.stack(), (-1, *step.shape))[:frames]
