"""Attention with relative positions, as a graph: see `layers.attention`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from open_seq2seq.export.networks.folding import float32, value_of
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.export.networks.head import build_dense
from open_seq2seq.graphs.builder import GraphBuilder, Size, Value
from open_seq2seq.layers.attention import RelativeAttention
from open_seq2seq.layers.attention_context import AttentionContext

# In place of the scores of frames that are not seen.
NEVER = 1e4


class Surroundings(NamedTuple):
    """What the attentions of all layers have in common.

    Args:
      hidden: added to the scores `[block, head, query, key]`: 0 where a key is seen, else very
        small; None: all are seen.
      waves: sines and cosines of the positions, `[1, query + key, width]`, all sines first; of
        blocks an array.
    """

    hidden: Value | None
    waves: Value


def surroundings(g: GraphBuilder, context: AttentionContext, frames: Frames) -> Surroundings:
    """Masks and positions of `[batch, time, width]`."""
    width = g.size(frames.values, 2)
    if context.is_limited:
        size = context.block
        positions = size - 1 + context.before - np.arange(3 * size)
        return Surroundings(_hidden_in_blocks(g, context, frames), waves_of(positions, width)[None])
    count = g.size(frames.values, 1)
    first = g.to_float(g.subtract(count, 1))
    places = g.subtract(first, g.to_float(g.arange(g.add(count, count))))
    angles = g.multiply(g.expand_dims(places, 1), float32(_rates(width))[None])
    waves = g.concatenate([g.unary("sin", angles), g.unary("cos", angles)], 1)
    return Surroundings(_hidden(g, context, frames), g.expand_dims(waves, 0))


def build_attention(
    g: GraphBuilder, layer: RelativeAttention, values: Value, around: Surroundings
) -> Value:
    """The attention in evaluation, `[batch, time, width]` to the same shape."""
    context = layer.context
    queries, keys, contents = products_of(g, layer, values)
    count = g.size(values, 1)
    if context.is_limited:
        queries = _blocks(g, queries, context.block)
        keys, contents = (_pairs_of_blocks(g, part, context) for part in (keys, contents))

    def by_position(queries: Value) -> Value:
        return _position_scores(g, layer, queries, around.waves, g.size(keys, 1))

    mixed = mixture(g, layer, (queries, keys, contents), by_position, around.hidden)
    if context.is_limited:
        mixed = g.reshape(mixed, (g.size(values, 0), -1, layer.width))
        mixed = g.cut(mixed, 1, 0, count)
    return build_dense(g, layer.attention_output, mixed)


def products_of(
    g: GraphBuilder, layer: RelativeAttention, values: Value
) -> tuple[Value, Value, Value]:
    """Queries, keys and contents `[batch, time, width]`; queries are scaled."""
    width = layer.width
    size = width // layer.heads
    # The root that scores are divided by is part of the queries' product and of the biases.
    scale = np.repeat([size**-0.5, 1.0, 1.0], width)
    products = layer.queries_keys_values
    bias = None if products.bias is None else float32(value_of(products.bias) * scale)
    parts = g.dense(values, float32(value_of(products.kernel) * scale), bias)
    queries, keys, contents = (
        g.cut(parts, 2, first, first + width) for first in (0, width, 2 * width)
    )
    return queries, keys, contents


def mixture(
    g: GraphBuilder,
    layer: RelativeAttention,
    products: tuple[Value, Value, Value],
    position_scores: Callable[[Value], Value],
    hidden: Value | None,
) -> Value:
    """What each query sees of the contents, `[batch, query, width]`.

    Args:
      g: what writes.
      layer: the attention.
      products: queries, keys and contents; see `products_of`.
      position_scores: queries `[batch, head, query, size]` -> the scores of the keys' positions
        `[batch, head, query, key]`.
      hidden: see `Surroundings`.
    """
    (queries, keys, contents), heads = products, layer.heads
    size = layer.width // heads
    by_content, by_position = (
        _by_head(g, g.add(queries, float32(value_of(one).reshape(-1) * size**-0.5)), heads)
        for one in (layer.biases.content, layer.biases.position)
    )
    scores = g.matmul(by_content, g.transpose(_by_head(g, keys, heads), (0, 1, 3, 2)))
    scores = g.add(scores, position_scores(by_position))
    if hidden is not None:
        scores = g.add(scores, hidden)
    powers = g.unary("exp", g.subtract(scores, g.reduce("max", scores, (3,))))
    weights = g.divide(powers, g.reduce("sum", powers, (3,)))
    mixed = g.transpose(g.matmul(weights, _by_head(g, contents, heads)), (0, 2, 1, 3))
    return g.reshape(mixed, (g.size(queries, 0), g.size(queries, 1), layer.width))


def _position_scores(
    g: GraphBuilder, layer: RelativeAttention, queries: Value, waves: Value, keys: Size
) -> Value:
    """See `ops.relative_attention`; `[block, head, query, size]` -> `[block, head, query, key]`."""
    if isinstance(waves, np.ndarray):  # Of blocks, the same for all recordings.
        positions = position_products(layer, waves)
    else:
        each = _by_head(g, g.dense(waves, float32(_wave_kernel(layer))), layer.heads)
        positions = g.transpose(each, (0, 1, 3, 2))
    scores = g.matmul(queries, positions)
    shape = (g.size(queries, 0), layer.heads, g.size(queries, 2))
    line = g.reshape(scores, (*shape[:2], -1))
    line = g.cut(line, 2, g.subtract(shape[2], 1), -1)
    return g.cut(g.reshape(line, (*shape, -1)), 3, 0, keys)


def position_products(layer: RelativeAttention, waves: np.ndarray) -> np.ndarray:
    """What queries are multiplied by for positions `[1, position, width]`: [1, head, size, .]."""
    each = (waves @ _wave_kernel(layer)).reshape(1, -1, layer.heads, layer.width // layer.heads)
    return float32(each.transpose(0, 2, 3, 1))


def _wave_kernel(layer: RelativeAttention) -> np.ndarray:
    """The positions' kernel for all sines first."""
    kernel = value_of(layer.positions.kernel)
    return np.concatenate([kernel[0::2], kernel[1::2]])


def waves_of(positions: np.ndarray, width: int) -> np.ndarray:
    """Sines and cosines of positions, `[position, width]`, all sines first."""
    angles = positions[:, None] * _rates(width)[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def _rates(width: int) -> np.ndarray:
    return np.float64(10000.0) ** -(np.arange(0, width, 2) / width)


def _by_head(g: GraphBuilder, values: Value, heads: int) -> Value:
    """`[batch, time, channel]` -> `[batch, head, time, size]`."""
    batch, time, width = (g.size(values, axis) for axis in range(3))
    return g.transpose(g.reshape(values, (batch, time, heads, width // heads)), (0, 2, 1, 3))


def _blocks(g: GraphBuilder, values: Value, size: int) -> Value:
    """`[batch, time, channel]` -> `[batch * block, size, channel]`."""
    values = g.pad(values, 1, 0, _missing(g, values, size))
    return g.reshape(values, (-1, size, g.size(values, 2)))


def _pairs_of_blocks(g: GraphBuilder, values: Value, context: AttentionContext) -> Value:
    """`[batch, time, channel]` -> `[batch * block, 2 * size, channel]`: what a block sees."""
    size, width = context.block, g.size(values, 2)
    behind = g.add(_missing(g, values, size), size - context.before)
    values = g.pad(values, 1, context.before, behind)
    each = g.reshape(values, (g.size(values, 0), -1, size, width))
    pairs = g.concatenate([g.cut(each, 1, 0, -1), g.cut(each, 1, 1, None)], 2)
    return g.reshape(pairs, (-1, 2 * size, width))


def _count(g: GraphBuilder, values: Value, size: int) -> Size:
    return g.floor_divide(g.add(g.size(values, 1), size - 1), size)


def _missing(g: GraphBuilder, values: Value, size: int) -> Size:
    return g.subtract(g.multiply(_count(g, values, size), size), g.size(values, 1))


def _hidden_in_blocks(g: GraphBuilder, context: AttentionContext, frames: Frames) -> Value:
    size, values = context.block, frames.values
    first = g.multiply(g.arange(_count(g, values, size)), size)
    places = g.add(g.expand_dims(first, 1), np.arange(2 * size)[None] - context.before)
    began = g.to_float(g.less(-1, places))
    if frames.time.masks:
        count = g.expand_dims(g.expand_dims(frames.time.count, 1), 2)
        own = g.multiply(began, g.to_float(g.less(g.expand_dims(places, 0), count)))
    else:
        own = g.multiply(began, g.to_float(g.less(places, frames.time.count)))
        own = g.tile(g.expand_dims(own, 0), 0, g.size(values, 0))
    hidden = g.reshape(g.multiply(g.subtract(own, 1.0), NEVER), (-1, 1, 1, 2 * size))
    queries, keys = np.arange(size)[:, None] + context.before, np.arange(2 * size)[None]
    band = np.asarray(context.visible(queries, keys))
    return g.add(hidden, float32((band - 1.0) * NEVER)[None, None])


def _hidden(g: GraphBuilder, context: AttentionContext, frames: Frames) -> Value | None:
    count = g.size(frames.values, 1)
    seen = _band(g, context, count)
    if frames.time.masks:
        mask = frames.time.mask(g, frames.values, 3)
        mask = g.reshape(mask, (g.size(mask, 0), 1, 1, count))
        seen = [*seen, mask]
    if not seen:
        return None
    product = seen[0]
    for other in seen[1:]:
        product = g.multiply(product, other)
    return g.multiply(g.subtract(product, 1.0), NEVER)


def _band(g: GraphBuilder, context: AttentionContext, count: Size) -> list[Value]:
    """1.0 where a query `[., ., query, 1]` sees a key `[., ., 1, key]`, for each limit."""
    numbers = g.arange(count)
    left, right = context.left, context.right
    if context.chunked:
        numbers = g.floor_divide(numbers, context.chunk)
        left, right = None if left is None else left // context.chunk, 0
    queries = g.reshape(numbers, (1, 1, count, 1))
    keys = g.reshape(numbers, (1, 1, 1, count))
    seen = []
    if left is not None:
        seen.append(g.to_float(g.less(queries, g.add(keys, left + 1))))
    if right is not None:
        seen.append(g.to_float(g.less(keys, g.add(queries, right + 1))))
    return seen
