"""Recurrent layers as loops that LiteRT takes too: of TensorFlow's own operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.graphs.builder import Recurrence
from open_seq2seq.ops.recurrent_cells import CELLS


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
    cell, units = CELLS[direction.cell], direction.units
    weights: dict[str, Any] = {
        name: tf.constant(np.asarray(value, np.float32))
        for name, value in direction.weights.items()
    }
    if "bias" in cell.extra:  # the inputs have it
        weights["bias"] = tf.zeros(direction.bias.shape)
    inputs = tf.transpose(projected, (1, 0, 2))
    frames = tf.shape(inputs)[0]
    rows = tf.shape(inputs)[1] if batch is None else batch
    shape = (batch, units)
    state = tf.zeros((rows, units))
    outputs = tf.TensorArray(tf.float32, size=frames, element_shape=shape)

    def step(number: Any, hidden: Any, memory: Any, outputs: Any) -> tuple[Any, ...]:
        place = frames - 1 - number if direction.backward else number
        frame = tf.gather(inputs, place)
        frame.set_shape((batch, frame.shape[-1]))
        new, new_memory = cell.step(frame, hidden, memory, weights)
        if lengths is None:
            written = new
        else:
            inside = tf.expand_dims(place < lengths, 1)
            written = tf.where(inside, new, 0.0)
            new = tf.where(inside, new, hidden)
            new_memory = tf.where(inside, new_memory, memory)
        new.set_shape(shape)
        new_memory.set_shape(shape)
        return number + 1, new, new_memory, outputs.write(place, written)

    *_, outputs = tf.while_loop(
        lambda number, *_: number < frames,
        step,
        (tf.constant(0), state, state, outputs),
    )
    return tf.transpose(outputs.stack(), (1, 0, 2))
