"""Dense layers, and the head that makes log-probabilities of an encoder's outputs."""

from __future__ import annotations

import keras

from open_seq2seq.decoders.fully_connected import FullyConnectedCTCDecoder
from open_seq2seq.export.networks.folding import float32, value_of
from open_seq2seq.graphs.builder import GraphBuilder, Value


def build_dense(g: GraphBuilder, layer: keras.layers.Dense, values: Value) -> Value:
    """A dense layer without activation over `[batch, time, channel]`."""
    bias = None if layer.bias is None else value_of(layer.bias)
    return g.dense(values, float32(value_of(layer.kernel)), float32(bias))


def build_ctc_head(g: GraphBuilder, head: FullyConnectedCTCDecoder, values: Value) -> Value:
    """Natural logarithms of the symbols' probabilities, the blank's last.

    Args:
      g: what writes.
      head: the layer.
      values: `[batch, time, channel]`, an encoder's outputs.
    """
    return g.log_softmax(build_dense(g, head.fully_connected, values))
