"""Layers that look at several frames, as operations of a `GraphBuilder`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from open_seq2seq.graphs.builder import Value
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.graph_layers import (
    Weights,
    concatenated,
    flat,
    frame_layer,
    is_narrowing,
)
from open_seq2seq.interop.kaldi.network import Node


def time_layer(graph: Any, node: Node, w: Weights, first: int, last: int, step: int = 1) -> Value:
    """Frames `first` to T + `last` of a node, every `step`-th; see `Graph`."""
    layer = node.layer
    if isinstance(layer, L.Splice):
        return _splice(graph, node, layer, first, last, step)
    if isinstance(layer, L.Tdnn):
        return _tdnn(graph, node, layer, w, first, last, step)
    return _LAYERS[type(layer)](graph, node, layer, w, first, last)


def _numbers(graph: Any, first: int, last: int) -> Value:
    """`[T + last - first]` numbers of frames."""
    g = graph.g
    return g.add(g.arange(g.add(graph.frames, last - first)), first)


def _clamped(graph: Any, name: str, offset: int, first: int, last: int) -> Value:
    """Frames at an offset; beyond the ends the first and last one."""
    g = graph.g
    begin, end = (int(one) for one in graph.spans[name])
    value = graph.rows(name, begin, end)
    if not offset:
        return graph.cut(value, first - begin, end - last)
    size = g.size(value, 1)
    places = g.add(_numbers(graph, first, last), offset - begin)
    places = g.minimum(g.maximum(places, 0), g.subtract(size, 1))
    return g.take(value, places, 1)


def _splice(graph: Any, node: Node, layer: L.Splice, first: int, last: int, step: int) -> Value:
    (name,) = node.inputs
    if layer.clamp:
        parts = [_clamped(graph, name, offset, first, last) for offset in layer.offsets]
    else:
        parts = [graph.rows(name, first + one, last + one, step) for one in layer.offsets]
    g = graph.g
    if layer.take_max:
        found = parts[0]
        for one in parts[1:]:
            found = g.maximum(found, one)
        return found
    if layer.constant_dim:
        kept = graph.dim(name) - layer.constant_dim
        own = graph.rows(name, first, last, step)
        parts = [g.cut(one, 2, 0, kept) for one in parts]
        parts.append(g.cut(own, 2, kept, kept + layer.constant_dim))
    return concatenated(g, parts)


def _tdnn(
    graph: Any, node: Node, layer: L.Tdnn, w: Weights, first: int, last: int, step: int
) -> Value:
    (name,), g = node.inputs, graph.g
    if not is_narrowing(layer):
        parts = [graph.rows(name, first + one, last + one, step) for one in layer.offsets]
        return g.dense(concatenated(g, parts), w["kernel"], w.get("bias"))
    low, high, dim = min(layer.offsets), max(layer.offsets), node.dim
    blocks = [(at * dim, (at + 1) * dim) for at in range(len(layer.offsets))]
    if len({one % step for one in layer.offsets}) == 1:
        found = g.dense(graph.rows(name, first + low, last + high, step), w["kernel"])
        parts = [
            graph.cut(g.cut(found, 2, *block), (one - low) // step, (high - one) // step)
            for one, block in zip(layer.offsets, blocks)
        ]
    else:
        parts = [
            g.dense(graph.rows(name, first + one, last + one, step), w["kernel"][:, start:end])
            for one, (start, end) in zip(layer.offsets, blocks)
        ]
    total = parts[0]
    for part in parts[1:]:
        total = g.add(total, part)
    return g.add(total, w["bias"]) if "bias" in w else total


def _time_height(
    graph: Any, node: Node, layer: L.TimeHeightConvolution, w: Weights, first: int, last: int
) -> Value:
    """Of each frame the heights as rows, for one product of all of them."""
    (name,), g = node.inputs, graph.g
    rows, filters = {}, layer.filters_in
    heights = [height for _, height in layer.offsets]
    below = max(0, -min(heights))
    above = max(0, (layer.height_out - 1) * layer.height_step + max(heights) + 1 - layer.height_in)
    for time in sorted({time for time, _ in layer.offsets}):
        value = graph.rows_or_zero(name, first + time, last + time)
        shape = (g.size(value, 0), g.size(value, 1), layer.height_in, filters)
        rows[time] = g.pad(g.reshape(value, shape), 2, below, above)
    parts = []
    for time, height in layer.offsets:
        start = height + below
        stop = start + (layer.height_out - 1) * layer.height_step + 1
        parts.append(g.cut(rows[time], 2, start, stop, layer.height_step))
    patches = g.concatenate(parts, 3) if len(parts) > 1 else parts[0]
    found = g.add(g.matmul(patches, w["kernel"]), w["bias"])
    return flat(g, found, layer.height_out * layer.filters_out)


def _attention(
    graph: Any, node: Node, layer: L.Attention, w: Weights, first: int, last: int
) -> Value:
    (name,), g = node.inputs, graph.g
    key, value, places = layer.key_dim, layer.value_dim, range(-layer.left, layer.right + 1)
    dim = 2 * key + value + len(places)
    found = []
    for head in range(layer.heads):
        around = []
        for place in places:
            offset = place * layer.stride
            rows = graph.rows_or_zero(name, first + offset, last + offset)
            around.append(g.cut(rows, 2, head * dim, (head + 1) * dim))
        own = around[layer.left]
        query = g.cut(own, 2, key + value, 2 * key + value)
        bias = g.cut(own, 2, 2 * key + value, dim)
        products = [
            g.reduce("sum", g.multiply(g.cut(one, 2, 0, key), query), (2,)) for one in around
        ]
        scores = g.add(g.multiply(concatenated(g, products), float(layer.key_scale)), bias)
        shares = frame_layer(g, L.Softmax(), {}, [scores])
        total = None
        for number, one in enumerate(around):
            share = g.cut(shares, 2, number, number + 1)
            part = g.multiply(g.cut(one, 2, key, key + value), share)
            total = part if total is None else g.add(total, part)
        found += [total, shares] if layer.output_context else [total]
    return concatenated(g, found)


# --- descriptors that choose frames by their numbers


def _round(graph: Any, node: Node, layer: L.Round, w: Weights, first: int, last: int) -> Value:
    g, size, (name,) = graph.g, layer.modulus, node.inputs
    begin, end = (int(one) for one in graph.spans[name])
    numbers = _rounded(graph, size, first, last)
    return g.take(graph.rows(name, begin, end), g.subtract(numbers, begin), 1)


def _rounded(graph: Any, size: int, first: int, last: int) -> Value:
    """Numbers of frames, rounded down to multiples; also of those before the first one."""
    g = graph.g
    ahead = -(-abs(first) // size) * size  # whole divisions are of numbers from 0 on
    numbers = g.add(_numbers(graph, first, last), ahead)
    return g.subtract(g.multiply(g.floor_divide(numbers, size), size), ahead)


def _switch(graph: Any, node: Node, layer: L.Switch, w: Weights, first: int, last: int) -> Value:
    g, count = graph.g, len(node.inputs)
    rest = g.subtract(_numbers(graph, first, last), _rounded(graph, count, first, last))
    column = g.expand_dims(g.expand_dims(g.to_float(rest), 0), 2)
    found = graph.rows(node.inputs[-1], first, last)
    for place in reversed(range(count - 1)):
        chosen = g.less(column, place + 0.5)
        found = g.select(chosen, graph.rows(node.inputs[place], first, last), found)
    return found


def _failover(
    graph: Any, node: Node, layer: L.Failover, w: Weights, first: int, last: int
) -> Value:
    g, (name, other) = graph.g, node.inputs
    if graph.is_everywhere(name):
        return graph.rows(name, first, last)
    begin, end = (int(one) for one in graph.spans[name])
    numbers = g.to_float(_numbers(graph, first, last))
    column = g.expand_dims(g.expand_dims(numbers, 0), 2)
    there = graph.rows_or_zero(name, first, last)
    found = graph.rows_or_zero(other, first, last)
    if begin > first:
        there = g.select(g.less(column, begin - 0.5), found, there)
    if end < last:
        limit = g.to_float(g.add(graph.frames, end))
        inside = g.less(column, g.subtract(limit, 0.5))
        there = g.select(inside, there, found)
    return there


def _constant(
    graph: Any, node: Node, layer: L.Constant, w: Weights, first: int, last: int
) -> Value:
    return graph.g.add(graph.zeros(first, last), np.full(layer.dim, layer.value, np.float32))


# --- statistics


def _window(graph: Any, numbers: Value, low: Value, high: Value) -> Value:
    """`[rows, n]`: 1 where a number (of a row of n) is from `low` (a column) to `high`."""
    g = graph.g
    inside = g.less(low, g.add(numbers, 0.5))
    return g.multiply(g.to_float(inside), g.to_float(g.less(numbers, g.add(high, 0.5))))


def _extraction(
    graph: Any, node: Node, layer: L.StatisticsExtraction, w: Weights, first: int, last: int
) -> Value:
    """Sums over frames as a product with a matrix of ones and zeros."""
    (name,), g = node.inputs, graph.g
    begin, end = (int(one) for one in graph.spans[name])
    value = graph.rows(name, begin, end)
    start = g.expand_dims(g.to_float(_rounded(graph, layer.period, first, last)), 1)
    numbers = g.expand_dims(g.to_float(_numbers(graph, begin, end)), 0)
    matrix = _window(graph, numbers, start, g.add(start, float(layer.period - 1)))
    if layer.input_period > 1:
        step = _rounded(graph, layer.input_period, begin, end)
        rest = g.subtract(_numbers(graph, begin, end), step)
        matrix = g.multiply(matrix, g.to_float(g.less(g.to_float(rest), 0.5)))
    sums = [g.matmul(matrix, value)]
    if layer.with_variance:
        sums.append(g.matmul(matrix, g.unary("square", value)))
    count = g.reduce("sum", matrix, (1,))
    count = g.add(g.multiply(g.cut(sums[0], 2, 0, 1), 0.0), g.expand_dims(count, 0))
    return g.concatenate([count, *sums], 2)


def _pooling(
    graph: Any, node: Node, layer: L.StatisticsPooling, w: Weights, first: int, last: int
) -> Value:
    (name,), g = node.inputs, graph.g
    begin, end = (int(one) for one in graph.spans[name])
    value = graph.rows(name, begin, end)
    numbers = g.expand_dims(g.to_float(_numbers(graph, begin, end)), 0)
    own = g.expand_dims(g.to_float(_numbers(graph, first, last)), 1)
    low, high = g.subtract(own, float(layer.left)), g.add(own, float(layer.right))
    rest = g.subtract(_numbers(graph, begin, end), _rounded(graph, layer.period, begin, end))
    whole = g.to_float(g.less(g.to_float(rest), 0.5))
    total = g.matmul(g.multiply(_window(graph, numbers, low, high), whole), value)
    count = g.maximum(g.cut(total, 2, 0, 1), 1e-20)
    size = graph.dim(name) - 1
    dim = size // 2 if layer.with_stddev else size
    parts = [g.unary("log", count)] * layer.log_counts
    mean = g.divide(g.cut(total, 2, 1, 1 + dim), count)
    parts.append(mean)
    if layer.with_stddev:
        variance = g.divide(g.cut(total, 2, 1 + dim, 1 + size), count)
        variance = g.subtract(variance, g.unary("square", mean))
        parts.append(g.unary("sqrt", g.maximum(variance, float(layer.variance_floor))))
    return concatenated(g, parts)


_LAYERS: dict[type, Callable[..., Value]] = {
    L.TimeHeightConvolution: _time_height,
    L.Attention: _attention,
    L.Round: _round,
    L.Switch: _switch,
    L.Failover: _failover,
    L.Constant: _constant,
    L.StatisticsExtraction: _extraction,
    L.StatisticsPooling: _pooling,
}
