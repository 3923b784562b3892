"""Normalizations that are computed from what they normalize."""

from __future__ import annotations

import keras

from open_seq2seq.export.networks.folding import float32, value_of
from open_seq2seq.export.networks.frames import Frames, zero_past
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.layers.normalization import UtteranceNorm


def build_utterance_norm(g: GraphBuilder, norm: UtteranceNorm, frames: Frames) -> Frames:
    """Normalizes each utterance over its own frames."""
    axes = tuple(range(1, frames.axes - (0 if norm.over_channels else 1)))
    frames = zero_past(g, frames)
    centred = g.subtract(frames.values, mean_of_frames(g, frames, frames.values, axes))
    centred = zero_past(g, frames.become(centred)).values
    variance = mean_of_frames(g, frames, g.unary("square", centred), axes)
    scale = g.divide(float32(value_of(norm.gamma)), g.unary("sqrt", g.add(variance, norm.epsilon)))
    return frames.become(g.add(g.multiply(centred, scale), float32(value_of(norm.beta))))


def mean_of_frames(g: GraphBuilder, frames: Frames, values: Value, axes: tuple[int, ...]) -> Value:
    """The mean over the frames within each length; `values` are zero past it."""
    if not frames.time.masks:
        return g.reduce("mean", values, axes)
    others = axes[1:]
    values = g.reduce("mean", values, others) if others else values
    count = g.maximum(g.to_float(frames.time.count), 1.0)
    for axis in range(1, frames.axes):
        count = g.expand_dims(count, axis)
    return g.divide(g.reduce("sum", values, (1,)), count)


def build_layer_norm(
    g: GraphBuilder, norm: keras.layers.LayerNormalization, values: Value, axes: int
) -> Value:
    """Normalizes over one axis of `[batch, time, ...]`.

    Args:
      g: what writes.
      norm: the layer.
      values: its input.
      axes: how many axes that has.
    """
    (axis,) = [norm.axis] if isinstance(norm.axis, int) else norm.axis
    axis %= axes
    gamma, beta = (
        float32(value_of(variable).reshape(-1, *(1,) * (axes - 1 - axis)))
        for variable in (norm.gamma, norm.beta)
    )
    centred = g.subtract(values, g.reduce("mean", values, (axis,)))
    variance = g.reduce("mean", g.unary("square", centred), (axis,))
    deviation = g.unary("sqrt", g.add(variance, norm.epsilon))
    return g.add(g.multiply(g.divide(centred, deviation), gamma), beta)
