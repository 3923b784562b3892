"""Networks computed with `keras.ops`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from open_seq2seq.graphs.builder import Recurrence, Value
from open_seq2seq.graphs.keras_builder import KerasBuilder
from open_seq2seq.ops import recurrent
from open_seq2seq.ops.recurrent_cells import CELLS


class KerasNetworkBuilder(KerasBuilder):
    """A `KerasBuilder` with recurrent layers, by the loops of `ops.recurrent`.

    Trace it inside `ops.portable.portable`: then they are TensorFlow's own loops.
    """

    def recur(
        self, x: Value, directions: Sequence[Recurrence], lengths: Value | None
    ) -> list[Value]:
        if lengths is None:
            batch, frames = ops.shape(x)[:2]
            lengths = ops.broadcast_to(ops.cast(frames, "int32"), (batch,))
        each = [self._direction(x, direction) for direction in directions]
        return recurrent.recur(directions[0].cell, each, lengths, training=False)

    def _direction(self, x: Value, direction: Recurrence) -> recurrent.Direction:
        weights = dict(direction.weights)
        if "bias" in CELLS[direction.cell].extra:
            weights["bias"] = np.zeros_like(direction.bias)
        inputs = self.dense(x, direction.kernel, direction.bias)
        return recurrent.Direction(inputs, weights, direction.backward)
