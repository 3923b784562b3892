"""The graph of `TDNNEncoder`: Jasper, QuartzNet, Wave2Letter+."""

from __future__ import annotations

import dataclasses

from open_seq2seq.encoders.tdnn import TDNNEncoder
from open_seq2seq.export.networks.activations import activation_of
from open_seq2seq.export.networks.convolutions import without_width
from open_seq2seq.export.networks.frames import Frames, ready_for
from open_seq2seq.export.networks.sub_block import build_sub_block
from open_seq2seq.graphs.builder import GraphBuilder


def build_tdnn(g: GraphBuilder, encoder: TDNNEncoder, frames: Frames) -> Frames:
    """The encoder in evaluation."""
    first = encoder.blocks[0][0]
    activation = activation_of(first.shared.activation)
    frames = dataclasses.replace(frames, axes=2 + len(first.frame_shape))
    if not encoder.use_mask:
        frames = dataclasses.replace(frames, time=frames.time.without_masks())
    dense_sources: list[Frames] = []
    layers = zip(encoder.params["convnet_layers"], encoder.blocks)
    for number, (layer, block) in enumerate(layers, start=1):
        if block[-1].passes_residual_only:
            block = block[-1:]
        else:
            frames = ready_for(g, frames, block[0].window)
        sources = encoder.sources(layer, frames, dense_sources)
        windows = [sub_block.window for sub_block in block]
        windows = [] if block[-1].passes_residual_only else windows
        sources = frames.time.aligned(g, sources, windows, f"block{number}")
        if layer["residual_dense"]:
            dense_sources = list(sources)
        for sub_block in block:
            added = sources if sub_block is block[-1] else []
            frames = build_sub_block(g, sub_block, frames, activation, added)
    return without_width(g, encoder.blocks[-1][-1], frames)
