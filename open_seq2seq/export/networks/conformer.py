"""The graph of `ConformerEncoder`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import keras

from open_seq2seq.encoders.conformer import ConformerEncoder
from open_seq2seq.export.networks.activations import silu
from open_seq2seq.export.networks.attention import Surroundings, build_attention, surroundings
from open_seq2seq.export.networks.folding import NOTHING, affine_of, float32, total, value_of
from open_seq2seq.export.networks.frames import Frames, TimeAxis, zero_past
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.export.networks.normalizations import build_layer_norm
from open_seq2seq.export.networks.windows import attention_window
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.layers.attention import RelativeAttention
from open_seq2seq.layers.conformer_block import ConformerBlock
from open_seq2seq.layers.conv_module import ConvolutionModule
from open_seq2seq.layers.feed_forward import FeedForward
from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.subsampling import SubsamplingStage
from open_seq2seq.layers.time_window import TimeWindow


def build_conformer(g: GraphBuilder, encoder: ConformerEncoder, frames: Frames) -> Frames:
    """The encoder in evaluation."""
    frames = _subsampled(g, encoder, frames)
    first, context = frames, encoder.context_of_attention

    @cache
    def around() -> Surroundings:
        return surroundings(g, context, first)

    def attention(layer: RelativeAttention, values: Value) -> Value:
        return build_attention(g, layer, values, around())

    for block in encoder.blocks:
        frames = frames.time.in_chunks(g, frames, context.chunk, f"{block.name}/chunks")
        frames = _block(g, block, frames, attention)
    if encoder.output_dense is None:
        return frames
    return frames.become(build_dense(g, encoder.output_dense, frames.values))


def _subsampled(g: GraphBuilder, encoder: ConformerEncoder, frames: Frames) -> Frames:
    masks, time = frames.time.masks, frames.time
    if not encoder.subsampling.masks:
        time = time.without_masks()
    image = Frames(g.expand_dims(frames.values, 3), time, 4, frames.are_zero_past)
    for stage in encoder.subsampling.stages:
        image = _stage(g, stage, image)
    dense = encoder.subsampling.dense
    scale = math.sqrt(encoder.width) if encoder.params["scale_inputs"] else 1.0
    shape = (g.size(image.values, 0), g.size(image.values, 1), int(dense.kernel.shape[0]))
    values = g.dense(
        g.reshape(image.values, shape),
        float32(value_of(dense.kernel) * scale),
        float32(value_of(dense.bias) * scale),
    )
    time = image.time if image.time.masks == masks else TimeAxis(image.time.count, masks)
    return Frames(values, time)


def _stage(g: GraphBuilder, stage: SubsamplingStage, frames: Frames) -> Frames:
    bias = value_of(stage.bias)
    if stage.is_separable:
        # Nothing is between the two: together they are one convolution, which every runtime has.
        pointwise = value_of(stage.pointwise_kernel)[0, 0]
        kernel = value_of(stage.depthwise_kernel) * pointwise
        bias = bias + value_of(stage.depthwise_bias) @ pointwise
    else:
        kernel = value_of(stage.kernel)
    values, zeros = frames.time.seen(g, zero_past(g, frames), stage.window, stage.name)
    padding = [zeros, stage.window.widths]
    values = g.convolve(values, float32(kernel), float32(bias), (2, 2), (1, 1), padding)
    time = frames.time.through(g, stage.window)
    return Frames(g.unary("relu", values), time, 4)


def _block(
    g: GraphBuilder,
    block: ConformerBlock,
    frames: Frames,
    attention: Callable[[RelativeAttention, Value], Value],
) -> Frames:
    def normal(norm: keras.layers.LayerNormalization, frames: Frames) -> Frames:
        return frames.become(build_layer_norm(g, norm, frames.values, 3))

    def added(frames: Frames, more: Frames, window: TimeWindow, name: str) -> Frames:
        """A residual connection around what sees other frames, and may wait for them."""
        (waited,) = frames.time.aligned(g, [frames], [window], f"{block.name}/{name}")
        return more.become(g.add(waited.values, more.values))

    half = _half(g, block.first, normal(block.first_norm, frames).values)
    frames = frames.become(g.add(frames.values, half))
    inputs = normal(block.attention_norm, frames)
    name, window = f"{block.name}/attention", attention_window(block.attention.context)
    attended = frames.time.attend(g, inputs, block.attention, attention, name)
    frames = added(frames, attended, window, "before_attention")
    inputs, window = normal(block.convolution_norm, frames), block.convolution.window
    convolved = Frames(
        _convolved(g, block.convolution, inputs, f"{block.name}/convolution"),
        frames.time.through(g, window),
    )
    frames = added(frames, convolved, window, "before_convolution")
    half = _half(g, block.second, normal(block.second_norm, frames).values)
    return normal(block.norm, frames.become(g.add(frames.values, half)))


def _half(g: GraphBuilder, layer: FeedForward, values: Value) -> Value:
    """Half of a feed-forward module."""
    hidden = silu(g, build_dense(g, layer.filter_input, values))
    last = layer.filter_output
    bias = None if last.bias is None else float32(value_of(last.bias) * 0.5)
    return g.dense(hidden, float32(value_of(last.kernel) * 0.5), bias)


def _convolved(g: GraphBuilder, layer: ConvolutionModule, frames: Frames, name: str) -> Value:
    both = build_dense(g, layer.gated_input, frames.values)
    gates = g.unary("sigmoid", g.cut(both, 2, layer.width, 2 * layer.width))
    gated = g.multiply(g.cut(both, 2, 0, layer.width), gates)
    values, zeros = frames.time.seen(g, frames.become(gated), layer.window, name)
    affine = affine_of(layer.norm) if isinstance(layer.norm, BatchNorm) else NOTHING
    if layer.depthwise_bias is not None:
        shift = value_of(layer.depthwise_bias) * affine.scale
        affine = affine._replace(shift=total([affine.shift, shift]))
    kernel = float32(value_of(layer.depthwise_kernel)[..., 0] * affine.scale)
    values = g.convolve_depthwise(values, kernel, 1, 1, zeros)
    if affine.shift is not None:
        values = g.add(values, float32(affine.shift))
    if not isinstance(layer.norm, BatchNorm):
        values = build_layer_norm(g, layer.norm, values, 3)
    return build_dense(g, layer.conv_output, silu(g, values))
