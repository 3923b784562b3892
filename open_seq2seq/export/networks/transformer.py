"""The graph of `TransformerLMEncoder`."""

from __future__ import annotations

import math

import numpy as np

from open_seq2seq.encoders.text.transformer_lm import (
    TransformerBlock,
    TransformerLMEncoder,
    wave_rates,
)
from open_seq2seq.export.networks.activations import gelu_tanh
from open_seq2seq.export.networks.folding import float32, value_of
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.export.networks.normalizations import build_layer_norm
from open_seq2seq.graphs.builder import GraphBuilder, Value

# In place of the scores of tokens that follow.
_NEVER = -1e9


def build_transformer(g: GraphBuilder, encoder: TransformerLMEncoder, values: Value) -> Value:
    """The encoder in evaluation, `[batch, time, width]` to the same shape."""
    numbers = g.arange(g.size(values, 1))
    angles = g.multiply(g.expand_dims(g.to_float(numbers), 1), wave_rates(encoder.width)[None])
    waves = g.concatenate([g.unary("sin", angles), g.unary("cos", angles)], 1)
    values = g.add(values, g.expand_dims(waves, 0))
    # [time, time]: whether a token, a column, is not after another, a row.
    before = g.less(g.expand_dims(numbers, 0), g.expand_dims(g.add(numbers, 1), 1))
    for block in encoder.blocks:
        values = _block(g, block, values, before)
    return build_layer_norm(g, encoder.norm, values, 3)


def _block(g: GraphBuilder, block: TransformerBlock, values: Value, before: Value) -> Value:
    normal = build_layer_norm(g, block.attention_norm, values, 3)
    attended = build_dense(g, block.attention_output, _attend(g, block, normal, before))
    values = g.add(values, attended)
    normal = build_layer_norm(g, block.filter_norm, values, 3)
    hidden = gelu_tanh(g, build_dense(g, block.filter_input, normal))
    return g.add(values, build_dense(g, block.filter_output, hidden))


def _attend(g: GraphBuilder, block: TransformerBlock, values: Value, before: Value) -> Value:
    """Causal attention of each head, side by side."""
    width, size = block.width, block.width // block.heads
    # The root that scores are divided by is part of the kernel.
    scale = np.repeat([1 / math.sqrt(size), 1.0, 1.0], width)
    layer = block.queries_keys_values
    kernel, bias = value_of(layer.kernel) * scale, value_of(layer.bias) * scale
    parts = g.dense(values, float32(kernel), float32(bias))
    shape = (g.size(values, 0), g.size(values, 1), block.heads, size)
    queries, keys, contents = (
        g.transpose(g.reshape(g.cut(parts, 2, first, first + width), shape), axes)
        for first, axes in ((0, (0, 2, 1, 3)), (width, (0, 2, 3, 1)), (2 * width, (0, 2, 1, 3)))
    )
    weights = _softmax(g, g.select(before, g.matmul(queries, keys), _NEVER))
    mixed = g.transpose(g.matmul(weights, contents), (0, 2, 1, 3))
    return g.reshape(mixed, (*shape[:2], width))


def _softmax(g: GraphBuilder, scores: Value) -> Value:
    """Over the last axis of `[batch, head, time, time]`."""
    powers = g.unary("exp", g.subtract(scores, g.reduce("max", scores, (3,))))
    return g.divide(powers, g.reduce("sum", powers, (3,)))
