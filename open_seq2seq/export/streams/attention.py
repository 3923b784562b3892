"""Attention with limited context over a piece of streams: see `layers.attention`.

Pieces are small, so every query is multiplied by every key of the piece and of what is kept before
it; what a query does not see is hidden. Positions have a table of their own length, which is a
constant of the graph.
"""

from __future__ import annotations

import numpy as np

from open_seq2seq.export.networks.attention import NEVER, mixture, position_products, waves_of
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.graphs.builder import GraphBuilder, Size, Value
from open_seq2seq.layers.attention import RelativeAttention
from open_seq2seq.layers.attention_context import AttentionContext


def stream_attention(
    g: GraphBuilder, layer: RelativeAttention, queries: Value, keys_contents: Value, hidden: Value
) -> Value:
    """The outputs for the queries of a piece, `[batch, time, width]`.

    Args:
      g: what writes.
      layer: the attention, of limited context.
      queries: `[batch, time, width]`. With chunks the first one begins a chunk.
      keys_contents: `[batch, before + after + time, 2 * width]`, keys first: those that the first
        query sees, and so on.
      hidden: see `hidden_keys`.
    """
    context, width = layer.context, layer.width
    keys, contents = (g.cut(keys_contents, 2, first, first + width) for first in (0, width))
    back = context.chunk - 1
    # From the farthest frame before a query to the farthest after it that any query sees.
    places = context.before + back - np.arange(context.before + context.after + 2 * back + 1)
    positions = position_products(layer, waves_of(places, width)[None])

    def position_scores(queries: Value) -> Value:
        scores = g.matmul(queries, positions)
        count = g.size(queries, 2)
        shape = (g.size(queries, 0), layer.heads, count)
        # Each query's scores begin one key later than the last one's: a longer row, laid out anew.
        line = g.reshape(g.pad(scores, 3, 0, count), (*shape[:2], -1))
        line = g.cut(line, 2, 0, g.multiply(count, g.add(count, len(places) - 1)))
        return g.cut(g.reshape(line, (*shape, -1)), 3, back, -back if back else None)

    mixed = mixture(g, layer, (queries, keys, contents), position_scores, hidden)
    return build_dense(g, layer.attention_output, mixed)


def hidden_keys(g: GraphBuilder, context: AttentionContext, count: Size, own: Value) -> Value:
    """What is added to the scores `[batch, 1, query, key]`: 0 where a key is seen, else very small.

    Args:
      g: what writes.
      context: of the attention.
      count: queries of the piece.
      own: `[batch, before + after + count]`, 1.0 where a key belongs to its stream, else 0.0.
    """
    span, chunk = context.before + context.after, context.chunk
    first = g.expand_dims(g.arange(count), 1)
    if chunk > 1:
        first = g.multiply(g.floor_divide(first, chunk), chunk)
    keys = g.expand_dims(g.arange(g.add(count, span)), 0)
    began = g.to_float(g.less(g.subtract(first, 1), keys))
    goes_on = g.to_float(g.less(keys, g.add(first, span + chunk)))
    band = g.expand_dims(g.multiply(began, goes_on), 0)
    seen = g.expand_dims(g.multiply(band, g.expand_dims(own, 1)), 1)
    return g.multiply(g.subtract(seen, 1.0), NEVER)
