"""Squeeze and excitation."""

from __future__ import annotations

from open_seq2seq.export.networks.activations import activation_of
from open_seq2seq.export.networks.folding import float32, value_of
from open_seq2seq.export.networks.frames import Frames, zero_past
from open_seq2seq.export.networks.normalizations import mean_of_frames
from open_seq2seq.graphs.builder import GraphBuilder
from open_seq2seq.layers.squeeze_excitation import SqueezeExcitation


def build_excitation(g: GraphBuilder, layer: SqueezeExcitation, frames: Frames) -> Frames:
    """See `SqueezeExcitation`: the scaled frames, zero past each length."""
    frames = zero_past(g, frames)
    means = mean_of_frames(g, frames, frames.values, tuple(range(1, frames.axes - 1)))
    squeezed = g.matmul(means, float32(value_of(layer.squeeze_kernel)))
    squeezed = activation_of(layer.activation)(g, squeezed)
    scale = g.unary("sigmoid", g.matmul(squeezed, float32(value_of(layer.excite_kernel))))
    scaled = frames.become(g.multiply(frames.values, scale))
    return Frames(scaled.values, scaled.time, scaled.axes, frames.are_zero_past)
