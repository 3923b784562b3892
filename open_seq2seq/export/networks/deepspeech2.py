"""The graph of `DeepSpeech2Encoder`."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.encoders.deepspeech2 import DeepSpeech2Encoder
from open_seq2seq.export.networks.activations import Formula, activation_of
from open_seq2seq.export.networks.convolutions import build_row_convolution, without_width
from open_seq2seq.export.networks.folding import affine_of
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.export.networks.recurrences import build_recurrent
from open_seq2seq.export.networks.sub_block import build_sub_block
from open_seq2seq.graphs.builder import GraphBuilder


def build_deepspeech2(g: GraphBuilder, encoder: DeepSpeech2Encoder, frames: Frames) -> Frames:
    """The encoder in evaluation."""
    activation = activation_of(encoder.activation)
    frames = _convolved(g, encoder, frames, activation)
    frames = _recurred(g, encoder, frames)
    if encoder.row_conv is not None:
        affine = affine_of(encoder.row_conv.norm)
        frames = build_row_convolution(g, encoder.row_conv, frames, affine)
        frames = frames.become(activation(g, frames.values))
    outputs = build_dense(g, encoder.fully_connected, frames.values)
    return frames.become(activation(g, outputs))


def _convolved(
    g: GraphBuilder, encoder: DeepSpeech2Encoder, frames: Frames, activation: Formula
) -> Frames:
    """The convolutions over `[batch, time, frequency, channel]`."""
    if not encoder.convolutions:
        return frames
    image = g.expand_dims(frames.values, 3)
    outputs = Frames(image, frames.time, axes=4, are_zero_past=frames.are_zero_past)
    for convolution in encoder.convolutions:
        outputs = build_sub_block(g, convolution, outputs, activation)
    return without_width(g, encoder.convolutions[-1], outputs)


def _recurred(g: GraphBuilder, encoder: DeepSpeech2Encoder, frames: Frames) -> Frames:
    """The recurrent layers, interleaved or as two stacks of one direction each."""
    inputs = [frames]
    for layer in encoder.rnn_layers:
        inputs = build_recurrent(g, layer, inputs)
        if encoder.is_interleaved or layer is encoder.rnn_layers[-1]:
            inputs = [_merged(g, encoder, inputs)]
    return inputs[0]


def _merged(g: GraphBuilder, encoder: DeepSpeech2Encoder, directions: Sequence[Frames]) -> Frames:
    if len(directions) == 1:
        return directions[0]
    forward, backward = (each.values for each in directions)
    is_sum = encoder.params["rnn_merge"] == "sum"
    values = g.add(forward, backward) if is_sum else g.concatenate([forward, backward], 2)
    return Frames(values, directions[0].time, are_zero_past=True)
