"""The graph of `CRNNEncoder`."""

from __future__ import annotations

from open_seq2seq.encoders.crnn import CRNNEncoder
from open_seq2seq.encoders.crnn_blocks import BiasedConvolution, ConvolutionBlock, RecurrentBlock
from open_seq2seq.export.networks.activations import Formula, activation_of
from open_seq2seq.export.networks.convolutions import build_convolution, without_width
from open_seq2seq.export.networks.folding import Affine, value_of
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.export.networks.normalizations import build_layer_norm
from open_seq2seq.export.networks.recurrences import build_recurrent
from open_seq2seq.graphs.builder import GraphBuilder


def build_crnn(g: GraphBuilder, encoder: CRNNEncoder, frames: Frames) -> Frames:
    """The encoder in evaluation."""
    activation = activation_of(encoder.shared.activation)
    image = g.expand_dims(frames.values, 3)
    image = Frames(image, frames.time, axes=4, are_zero_past=frames.are_zero_past)
    image = _convolved(g, encoder.stem, image)
    for block in encoder.blocks:
        image = _block(g, block, image, activation)
    frames = without_width(g, encoder.stem, image)
    outputs = frames.become(build_dense(g, encoder.dense, frames.values))
    for recurrent in encoder.recurrent_blocks:
        outputs = _recurrent_block(g, recurrent, outputs, activation)
    if encoder.fully_connected is None:
        return outputs
    hidden = build_dense(g, encoder.fully_connected, outputs.values)
    return outputs.become(activation(g, hidden))


def _convolved(g: GraphBuilder, layer: BiasedConvolution, image: Frames) -> Frames:
    return build_convolution(g, layer, image, Affine(shift=value_of(layer.bias)))


def _block(g: GraphBuilder, block: ConvolutionBlock, image: Frames, activation: Formula) -> Frames:
    outputs = image
    for norm, convolution in zip(block.norms, block.convolutions):
        normal = build_layer_norm(g, norm, outputs.values, outputs.axes)
        outputs = _convolved(g, convolution, outputs.become(activation(g, normal)))
    return outputs.become(g.add(outputs.values, image.values))


def _recurrent_block(
    g: GraphBuilder, block: RecurrentBlock, frames: Frames, activation: Formula
) -> Frames:
    normal = build_layer_norm(g, block.norm, frames.values, frames.axes)
    inputs = frames.become(activation(g, normal))
    directions = build_recurrent(g, block.recurrent, [inputs])
    values = [direction.values for direction in directions]
    joined = values[0] if len(values) == 1 else g.concatenate(values, 2)
    return Frames(joined, frames.time, are_zero_past=True)
