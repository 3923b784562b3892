"""Recurrent layers of streams, which go on from the state of the piece before."""

from __future__ import annotations

import dataclasses

import numpy as np

from open_seq2seq.graphs.builder import GraphBuilder, Recurrence, Value
from open_seq2seq.graphs.states import GraphStates
from open_seq2seq.ops.recurrent_cells import CELLS

# The gate that keeps a state of zero as it is, and what that gate has to see: the input gate of
# the LSTM shut, the update gate of the GRU open, nothing through the ReLU. Runtimes' own nodes,
# which take no mask, can do that; the LSTM with layer normalization is a loop, and takes one.
_SHUT = 1e4
HOLDING = {"lstm": (0, -_SHUT), "gru": (0, _SHUT), "gru_reset_after": (0, _SHUT),
           "relu": (0, -_SHUT)}  # fmt: skip


def build_recurrence(
    g: GraphBuilder,
    states: GraphStates,
    values: Value,
    direction: Recurrence,
    began: Value | None,
    name: str,
) -> Value:
    """A forward layer over a piece of each stream, `[batch, time, units]`.

    Args:
      g: what writes.
      states: holds the layer's states.
      values: `[batch, time, input]`.
      direction: forward.
      began: `[batch, time, 1]`, 0.0 before a stream's first frame: what is read there leaves the
        state as it is. None: nothing is before it.
      name: of the layer.
    """
    holds = direction.cell in HOLDING
    if began is not None and holds:
        values = g.concatenate([values, g.subtract(1.0, began)], 2)
        direction = _held(direction)
    kept = [f"{name}/{one}" for one in CELLS[direction.cell].states]
    before = [states.old(one, (direction.units,)) for one in kept]
    outputs, after = g.recur_on(values, direction, before, None if holds else began)
    for one, value in zip(kept, after, strict=True):
        states.keep(one, value)
    return outputs


def _held(direction: Recurrence) -> Recurrence:
    """With one more input, which is 1 where the state stays as it is."""
    gate, weight = HOLDING[direction.cell]
    row = np.zeros((1, direction.kernel.shape[1]), np.float32)
    row[:, gate * direction.units : (gate + 1) * direction.units] = weight
    return dataclasses.replace(direction, kernel=np.concatenate([direction.kernel, row]))
