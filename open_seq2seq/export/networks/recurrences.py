"""Recurrent layers, with what surrounds the inputs' product folded into it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from open_seq2seq.export.networks.folding import affine_of, value_of
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.graphs.builder import GraphBuilder, Recurrence
from open_seq2seq.layers.recurrent import RecurrentLayer


def build_recurrent(
    g: GraphBuilder, layer: RecurrentLayer, inputs: Sequence[Frames]
) -> list[Frames]:
    """A recurrent layer.

    Args:
      g: what writes.
      layer: the layer.
      inputs: one for all directions, or one for each.

    Returns:
      Of each direction.
    """
    directions = recurrences_of(layer)
    if len(inputs) == 1:
        return inputs[0].time.recur(g, inputs[0].values, directions, layer.name)
    return [
        each.time.recur(g, each.values, [direction], layer.name)[0]
        for each, direction in zip(inputs, directions)
    ]


def recurrences_of(layer: RecurrentLayer) -> list[Recurrence]:
    """The layer's directions in evaluation."""
    return [_direction(layer, number) for number in range(len(layer.directions))]


def _direction(layer: RecurrentLayer, number: int) -> Recurrence:
    affine = affine_of(layer.norms[number] if layer.norms else None)
    kernel = value_of(layer.kernels[number]) * affine.scale
    weights = {name: value_of(weight) for name, weight in layer.cell_weights[number].items()}
    bias = np.zeros(kernel.shape[1]) if affine.shift is None else affine.shift
    bias = bias + weights.pop("bias", 0.0)
    if "recurrent_bias" not in layer.cell.extra:  # Added to the same sum.
        bias = bias + weights.pop("recurrent_bias", 0.0)
    return Recurrence(
        layer.cell.name,
        np.float32(kernel),
        np.float32(bias),
        {name: np.float32(weight) for name, weight in weights.items()},
        backward=layer.directions[number] == "backward",
    )
