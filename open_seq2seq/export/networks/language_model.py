"""The graphs of neural language models: from tokens to log-probabilities of the next ones.

Nothing depends on the tokens that follow, so a batch of lines needs no lengths: what lies past a
line's end is computed, and of no use.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from open_seq2seq.encoders import LSTMLMEncoder, TransformerLMEncoder
from open_seq2seq.export.networks.folding import float32, value_of
from open_seq2seq.export.networks.frames import Frames, TimeAxis
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.export.networks.known import known
from open_seq2seq.export.networks.recurrences import build_recurrent
from open_seq2seq.export.networks.transformer import build_transformer
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.models import NeuralLanguageModel


def build_language_model(g: GraphBuilder, model: NeuralLanguageModel, tokens: Value) -> Value:
    """Writes a neural language model, in float32 whatever its dtype.

    Args:
      g: what writes.
      model: the model, with its weights.
      tokens: `[batch, time]` whole numbers.

    Returns:
      `[batch, time, vocabulary]`: natural logarithms of the probabilities of the token after each.

    Raises:
      InputError: no graph is known for its encoder.
    """
    network = known(LANGUAGE_NETWORKS, model.encoder, "encoder", f"{__name__}.LANGUAGE_NETWORKS")
    embeddings = value_of(model.embeddings)
    width = embeddings.shape[1]
    rows = g.take(float32(embeddings * math.sqrt(width)), g.reshape(tokens, (-1,)), 0)
    embedded = g.reshape(rows, (g.size(tokens, 0), g.size(tokens, 1), width))
    outputs = network(g, model.encoder, embedded)
    bias = np.float32(value_of(model.bias))
    return g.log_softmax(g.dense(outputs, float32(embeddings.T), bias))


def build_lstm(g: GraphBuilder, encoder: LSTMLMEncoder, values: Value) -> Value:
    """The LSTM layers and their projection."""
    frames = Frames(values, TimeAxis(g.size(values, 1), masks=False))
    for layer in encoder.layers:
        (frames,) = build_recurrent(g, layer, [frames])
    if encoder.projection is None:
        return frames.values
    return build_dense(g, encoder.projection, frames.values)


# What writes the graph of an encoder: (builder, encoder, values) -> values.
LANGUAGE_NETWORKS: dict[type, Callable[..., Value]] = {
    LSTMLMEncoder: build_lstm,
    TransformerLMEncoder: build_transformer,
}
