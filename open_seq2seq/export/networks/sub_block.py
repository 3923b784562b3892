"""A sub-block: its convolution, normalization, residual and activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from open_seq2seq.export.networks.activations import Formula
from open_seq2seq.export.networks.convolutions import (
    build_convolution,
    build_pointwise,
    pointwise_kernel,
)
from open_seq2seq.export.networks.excitation import build_excitation
from open_seq2seq.export.networks.folding import affine_of, total
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.export.networks.normalizations import build_utterance_norm
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.layers.conv_block import SubBlock
from open_seq2seq.layers.normalization import UtteranceNorm
from open_seq2seq.layers.time_window import TimeWindow


def build_sub_block(
    g: GraphBuilder,
    layer: SubBlock,
    frames: Frames,
    activation: Formula,
    sources: Sequence[Frames] = (),
) -> Frames:
    """A sub-block in evaluation.

    Args:
      g: what writes.
      layer: the sub-block.
      frames: its input; where it passes its residual only, any of the frames of its output.
      activation: its activation.
      sources: the residual sources.
    """
    build = _with_utterance_norms if isinstance(layer.norm, UtteranceNorm) else _folded
    outputs = build(g, layer, frames, sources)
    return outputs.become(activation(g, outputs.values))


def _folded(g: GraphBuilder, layer: SubBlock, frames: Frames, sources: Sequence[Frames]) -> Frames:
    """With normalizations folded: all residual paths are one product, all shifts one bias."""
    affines = [affine_of(norm) for norm in layer.residual_norms]
    shift = total([affine.shift for affine in affines])
    kernels = [
        pointwise_kernel(convolution) * affine.scale
        for convolution, affine in zip(layer.residual_convolutions, affines)
    ]
    if layer.passes_residual_only:
        values = build_pointwise(g, sources, kernels, shift, layer.residual_stride)
        time = frames.time.through(g, TimeWindow(1, layer.residual_stride[0]))
        return Frames(values, time, frames.axes)
    affine = affine_of(layer.norm)
    if layer.excitation is None:
        affine, shift = affine._replace(shift=total([affine.shift, shift])), None
    outputs = build_convolution(g, layer, frames, affine)
    if layer.excitation is not None:
        outputs = build_excitation(g, layer.excitation, outputs)
    if not sources:
        return outputs
    added = build_pointwise(g, sources, kernels, shift, layer.residual_stride)
    return outputs.become(g.add(outputs.values, added))


def _with_utterance_norms(
    g: GraphBuilder, layer: SubBlock, frames: Frames, sources: Sequence[Frames]
) -> Frames:
    """Each path with its own normalization."""
    parts: list[Frames] = []
    if not layer.passes_residual_only:
        convolved = build_convolution(g, layer, frames)
        normalized = build_utterance_norm(g, cast(UtteranceNorm, layer.norm), convolved)
        if layer.excitation is not None:
            normalized = build_excitation(g, layer.excitation, normalized)
        parts.append(normalized)
    for source, convolution, norm in zip(
        sources, layer.residual_convolutions, layer.residual_norms
    ):
        kernels = [pointwise_kernel(convolution)]
        values = build_pointwise(g, [source], kernels, stride=layer.residual_stride)
        convolved = frames.become(values) if not parts else parts[0].become(values)
        parts.append(build_utterance_norm(g, cast(UtteranceNorm, norm), convolved))
    return parts[0].become(_sum(g, [part.values for part in parts]))


def _sum(g: GraphBuilder, values: Sequence[Value]) -> Value:
    first, *others = values
    for other in others:
        first = g.add(first, other)
    return first
