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
from open_seq2seq.export.networks.folding import affine_of, total
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.export.networks.normalizations import build_utterance_norm
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.layers.conv_block import SubBlock
from open_seq2seq.layers.normalization import UtteranceNorm


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
        return frames.become(build_pointwise(g, sources, kernels, shift))
    affine = affine_of(layer.norm)
    affine = affine._replace(shift=total([affine.shift, shift]))
    outputs = build_convolution(g, layer, frames, affine)
    if not sources:
        return outputs
    return outputs.become(g.add(outputs.values, build_pointwise(g, sources, kernels)))


def _with_utterance_norms(
    g: GraphBuilder, layer: SubBlock, frames: Frames, sources: Sequence[Frames]
) -> Frames:
    """Each path with its own normalization."""
    parts: list[Frames] = []
    if not layer.passes_residual_only:
        convolved = build_convolution(g, layer, frames)
        parts.append(build_utterance_norm(g, cast(UtteranceNorm, layer.norm), convolved))
    for source, convolution, norm in zip(
        sources, layer.residual_convolutions, layer.residual_norms
    ):
        convolved = source.become(build_pointwise(g, [source], [pointwise_kernel(convolution)]))
        parts.append(build_utterance_norm(g, cast(UtteranceNorm, norm), convolved))
    return parts[0].become(_sum(g, [part.values for part in parts]))


def _sum(g: GraphBuilder, values: Sequence[Value]) -> Value:
    first, *others = values
    for other in others:
        first = g.add(first, other)
    return first
