"""Layers that compute each frame by itself, as operations of a `GraphBuilder`.

`weights(layer)`: the arrays that a graph holds; `frame_layer(g, layer, w, [x, ...])`: values
`[batch, time, in]` to `[batch, time, out]`, with `w` those arrays, or variables in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.frame_layers import dct_matrix
from open_seq2seq.interop.kaldi.layers import Layer

Weights: TypeAlias = Mapping[str, Any]


def weights(layer: Layer) -> dict[str, np.ndarray]:
    """The arrays of a layer as graphs hold them: kernels `[in, out]`."""
    if isinstance(layer, L.Tdnn) and is_narrowing(layer):
        blocks = layer.weight.reshape(len(layer.weight), len(layer.offsets), -1)
        kernel = blocks.transpose(2, 1, 0).reshape(blocks.shape[2], -1)
        return {"kernel": kernel} if layer.bias is None else {"kernel": kernel, "bias": layer.bias}
    if isinstance(layer, (L.Affine, L.BlockAffine, L.RepeatedAffine, L.Tdnn)):
        found = {"kernel": layer.weight.T}
        return found if layer.bias is None else {**found, "bias": layer.bias}
    if isinstance(layer, (L.Diagonal, L.RepeatedDiagonal)):
        pairs = {"scale": layer.scale, "offset": layer.offset}
        return {name: array for name, array in pairs.items() if array is not None}
    if isinstance(layer, (L.Convolution, L.Convolution3d)):
        return {"kernel": layer.filters.T, "bias": layer.bias}
    if isinstance(layer, L.TimeHeightConvolution):
        return {"kernel": layer.weight.T, "bias": layer.bias}
    if isinstance(layer, L.Lstm):
        return {
            "kernel": layer.weight.T,
            "recurrent_kernel": layer.recurrent.T,
            "bias": layer.bias,
            "peephole_i": layer.peephole_i,
            "peephole_f": layer.peephole_f,
            "peephole_o": layer.peephole_o,
            "projection": layer.projection.T,
        }
    if isinstance(layer, L.LstmCell):
        return dict(zip(("peephole_i", "peephole_f", "peephole_o"), layer.peepholes))
    if isinstance(layer, L.GruCell):
        return {"kernel": layer.weight.T}
    if isinstance(layer, L.OutputGruCell):
        return {"scale": layer.weight}
    return {}


def is_narrowing(layer: L.Tdnn) -> bool:
    """Whether a layer's kernel is `[in, offsets * out]`.

    It multiplies each frame once and moves the few products, not the many features: of a factored
    TDNN's first half that is a tenth of the copying.
    """
    count = len(layer.offsets)
    return count > 1 and len(layer.weight) * count < layer.weight.shape[1]


def frame_layer(g: GraphBuilder, layer: Layer, w: Weights, inputs: Sequence[Value]) -> Value:
    """The output of a layer."""
    return _LAYERS[type(layer)](g, layer, w, *inputs)


def split(g: GraphBuilder, x: Value, sizes: Sequence[int]) -> list[Value]:
    """Consecutive features."""
    ends = np.cumsum(sizes)
    return [g.cut(x, -1, int(end - size), int(end)) for end, size in zip(ends, sizes)]


def concatenated(g: GraphBuilder, values: Sequence[Value]) -> Value:
    """Features side by side; one alone is itself."""
    return values[0] if len(values) == 1 else g.concatenate(values, 2)


def grouped(g: GraphBuilder, x: Value, *sizes: int) -> Value:
    """`[batch, time, features]` with the features as axes of their own."""
    return g.reshape(x, (g.size(x, 0), g.size(x, 1), *sizes))


def flat(g: GraphBuilder, x: Value, size: int) -> Value:
    """The axes behind the time as one of `size` features."""
    return g.reshape(x, (g.size(x, 0), g.size(x, 1), size))


def dense(g: GraphBuilder, w: Weights, x: Value) -> Value:
    """The product with a kernel, and a bias if there is one."""
    return g.dense(x, w["kernel"], w.get("bias"))


def _block_affine(g: GraphBuilder, layer: L.BlockAffine, w: Weights, x: Value) -> Value:
    rows, columns = layer.weight.shape
    size = rows // layer.blocks
    parts = split(g, x, [columns] * layer.blocks)
    kernels = [w["kernel"][:, n * size : (n + 1) * size] for n in range(layer.blocks)]
    found = [g.dense(part, kernel) for part, kernel in zip(parts, kernels)]
    return g.add(concatenated(g, found), w["bias"])


def _repeated_affine(g: GraphBuilder, layer: L.RepeatedAffine, w: Weights, x: Value) -> Value:
    parts = split(g, x, [layer.weight.shape[1]] * layer.repeats)
    return concatenated(g, [dense(g, w, part) for part in parts])


def _diagonal(g: GraphBuilder, layer: L.Diagonal, w: Weights, x: Value) -> Value:
    y = g.multiply(x, w["scale"]) if "scale" in w else x
    return g.add(y, w["offset"]) if "offset" in w else y


def _repeated_diagonal(
    g: GraphBuilder, layer: L.RepeatedDiagonal, w: Weights, x: Value, dim: int
) -> Value:
    size = len(layer.scale if layer.scale is not None else layer.offset)  # type: ignore[arg-type]
    blocks = grouped(g, x, dim // size, size)
    return flat(g, _diagonal(g, L.Diagonal(layer.scale, layer.offset), w, blocks), dim)


def _dct(g: GraphBuilder, layer: L.Dct, w: Weights, x: Value) -> Value:
    kernel, blocks = dct_matrix(layer.dct_dim, layer.kept).T, layer.dim // layer.dct_dim
    if layer.reorder:
        order = np.arange(layer.dim).reshape(layer.dct_dim, blocks).T.ravel()
        x = g.take(x, order, 2)
    found = [g.dense(part, kernel) for part in split(g, x, [layer.dct_dim] * blocks)]
    y = concatenated(g, found)
    if layer.reorder:
        order = np.arange(blocks * layer.kept).reshape(blocks, layer.kept).T.ravel()
        y = g.take(y, order, 2)
    return y


def _patches(g: GraphBuilder, w: Weights, x: Value, places: Sequence[np.ndarray]) -> Value:
    """A product for each of several choices of features."""
    return concatenated(g, [dense(g, w, g.take(x, one, 2)) for one in places])


def _convolution(g: GraphBuilder, layer: L.Convolution, w: Weights, x: Value) -> Value:
    dim, stride = layer.patch_dim, layer.patch_stride
    splices = layer.filters.shape[1] // dim
    features = np.arange(splices * stride)
    if layer.appended:
        features = features.reshape(stride, splices).T
    features = features.reshape(splices, stride)
    starts = range(0, stride - dim + 1, layer.patch_step)
    return _patches(g, w, x, [features[:, one : one + dim].ravel() for one in starts])


def _convolution_3d(g: GraphBuilder, layer: L.Convolution3d, w: Weights, x: Value) -> Value:
    (size_x, size_y, size_z), (taps_x, taps_y) = layer.shape, layer.filter_shape
    numbers = np.arange(size_x * size_y * size_z)
    if layer.z_fastest:
        volume = numbers.reshape(size_x, size_y, size_z)
    else:
        volume = numbers.reshape(size_x, size_z, size_y).transpose(0, 2, 1)
    places = [
        volume[at_x : at_x + taps_x, at_y : at_y + taps_y].ravel()
        for at_x in range(0, size_x - taps_x + 1, layer.step[0])
        for at_y in range(0, size_y - taps_y + 1, layer.step[1])
    ]
    return _patches(g, w, x, places)


def _activation(g: GraphBuilder, layer: L.Activation, w: Weights, x: Value) -> Value:
    if layer.kind == "log":
        return g.unary("log", g.maximum(x, float(layer.floor)))
    if layer.kind == "absolute":
        return g.unary("abs", x)
    if layer.kind == "soft_hinge":
        small = g.unary("exp", g.multiply(g.unary("abs", x), -1.0))
        return g.add(g.unary("relu", x), g.unary("log", g.add(small, 1.0)))
    return g.unary(layer.kind, x)


def _power(g: GraphBuilder, layer: L.Power, w: Weights, x: Value) -> Value:
    if layer.exponent == 2:
        return g.unary("square", x)
    x = g.unary("abs", x)
    if layer.exponent == 0.5:
        return g.unary("sqrt", x)
    whole = int(layer.exponent)
    if whole == layer.exponent and 1 <= whole <= 8:
        y = x
        for _ in range(whole - 1):
            y = g.multiply(y, x)
        return y
    # 0 is as near to it as float32 is.
    logs = g.unary("log", g.maximum(x, float(np.finfo(np.float32).tiny)))
    return g.unary("exp", g.multiply(logs, float(layer.exponent)))


def _softmax(g: GraphBuilder, layer: L.Softmax, w: Weights, x: Value) -> Value:
    if layer.blocks:
        whole = L.Softmax(layer.log)
        return concatenated(g, [_softmax(g, whole, w, one) for one in split(g, x, layer.blocks)])
    if layer.log:
        return g.log_softmax(x)
    x = g.unary("exp", g.subtract(x, g.reduce("max", x, (2,))))
    return g.divide(x, g.reduce("sum", x, (2,)))


def _pnorm(g: GraphBuilder, layer: L.Pnorm, w: Weights, x: Value, dim: int) -> Value:
    groups = grouped(g, x, layer.groups, dim // layer.groups)
    if layer.p == 2:
        total = g.reduce("sum", g.unary("square", groups), (3,))
        return flat(g, g.unary("sqrt", total), layer.groups)
    size = g.unary("abs", groups)
    largest = g.reduce("max", size, (3,))
    if np.isinf(layer.p):
        return flat(g, largest, layer.groups)
    scale = g.maximum(largest, 1e-20)
    shares = g.divide(size, scale)
    if layer.p != 1:
        # x ** p of numbers from 0 to 1; what is under 1e-30 adds nothing.
        logs = g.unary("log", g.maximum(shares, 1e-30))
        shares = g.unary("exp", g.multiply(logs, float(layer.p)))
    total = g.reduce("sum", shares, (3,))
    if layer.p != 1:
        total = g.unary("exp", g.multiply(g.unary("log", total), float(1 / layer.p)))
    return flat(g, g.multiply(scale, total), layer.groups)


def _pool(g: GraphBuilder, layer: L.Pool, w: Weights, x: Value, dim: int) -> Value:
    count = dim // layer.stride
    starts = range(0, count - layer.size + 1, layer.step)
    if layer.size == layer.step and count % layer.size == 0:  # blocks that do not overlap
        blocks = grouped(g, x, len(starts), layer.size, layer.stride)
        found = g.reduce("max" if layer.kind == "max" else "mean", blocks, (3,))
        return flat(g, found, len(starts) * layer.stride)
    parts = []
    for start in starts:
        begin, end = start * layer.stride, (start + layer.size) * layer.stride
        blocks = grouped(g, g.cut(x, 2, begin, end), layer.size, layer.stride)
        found = g.reduce("max" if layer.kind == "max" else "mean", blocks, (2,))
        parts.append(flat(g, found, layer.stride))
    return concatenated(g, parts)


def _pool_3d(g: GraphBuilder, layer: L.Pool3d, w: Weights, x: Value) -> Value:
    volume = np.arange(int(np.prod(layer.shape))).reshape(layer.shape)
    windows = np.lib.stride_tricks.sliding_window_view(volume, layer.size)
    steps = tuple(slice(None, None, one) for one in layer.step)
    places = windows[steps].reshape(-1, int(np.prod(layer.size)))
    # One choice of features for each place in the pools: the maximum of them.
    found = g.take(x, places[:, 0], 2)
    for column in places.T[1:]:
        found = g.maximum(found, g.take(x, column, 2))
    return found


def _normalize(g: GraphBuilder, layer: L.Normalize, w: Weights, x: Value, dim: int) -> Value:
    count = dim // layer.block_dim
    blocks = grouped(g, x, count, layer.block_dim)
    mean = g.reduce("sum" if layer.is_length else "mean", g.unary("square", blocks), (3,))
    squared = float(np.float32(layer.target_rms) * np.float32(layer.target_rms))
    floored = g.maximum(g.divide(mean, squared) if squared != 1 else mean, float(layer.floor))
    y = g.divide(blocks, g.unary("sqrt", floored))
    size = layer.block_dim
    if layer.add_log_stddev:
        deviation = g.multiply(g.unary("log", g.maximum(mean, float(layer.floor))), 0.5)
        y, size = g.concatenate([y, deviation], 3), size + 1
    return flat(g, y, count * size)


def _sum_groups(g: GraphBuilder, layer: L.SumGroups, w: Weights, x: Value) -> Value:
    parts = split(g, x, layer.sizes) if len(layer.sizes) < 64 else None
    if parts is not None:
        return concatenated(g, [g.reduce("sum", part, (2,)) for part in parts])
    groups = np.repeat(np.arange(len(layer.sizes)), layer.sizes)
    if len(set(layer.sizes)) == 1:
        blocks = grouped(g, x, len(layer.sizes), layer.sizes[0])
        return flat(g, g.reduce("sum", blocks, (3,)), len(layer.sizes))
    kernel = (groups[:, None] == np.arange(len(layer.sizes))).astype(np.float32)
    return g.dense(x, kernel)


def _sum_blocks(g: GraphBuilder, layer: L.SumBlocks, w: Weights, x: Value, dim: int) -> Value:
    total = g.reduce("sum", grouped(g, x, dim // layer.size, layer.size), (2,))
    return g.multiply(flat(g, total, layer.size), float(layer.scale))


def _product(g: GraphBuilder, layer: L.Product, w: Weights, x: Value, dim: int) -> Value:
    first, *others = split(g, x, [layer.size] * (dim // layer.size))
    for one in others:
        first = g.multiply(first, one)
    return first


def _lstm_cell(g: GraphBuilder, layer: L.LstmCell, w: Weights, x: Value) -> Value:
    cell = layer.peepholes.shape[1]
    sizes = [cell] * 5 + ([1] * 3 if layer.has_masks else [])
    gate_i, gate_f, part, gate_o, before, *masks = split(g, x, sizes)
    i = g.unary("sigmoid", g.add(gate_i, g.multiply(before, w["peephole_i"])))
    f = g.unary("sigmoid", g.add(gate_f, g.multiply(before, w["peephole_f"])))
    if masks:
        i, f = g.multiply(i, masks[0]), g.multiply(f, masks[1])
    c = g.add(g.multiply(f, before), g.multiply(i, g.unary("tanh", part)))
    o = g.unary("sigmoid", g.add(gate_o, g.multiply(c, w["peephole_o"])))
    o = g.multiply(o, masks[2]) if masks else o
    return g.concatenate([c, g.multiply(o, g.unary("tanh", c))], 2)


def _mixed(g: GraphBuilder, z: Value, h: Value, before: Value) -> Value:
    """[h, (1 - z) h + z before]."""
    return g.concatenate([h, g.add(h, g.multiply(z, g.subtract(before, h)))], 2)


def _gru_cell(g: GraphBuilder, layer: L.GruCell, w: Weights, x: Value) -> Value:
    cell, recurrent = layer.weight.shape
    z, r, part, before, state = split(g, x, [cell, recurrent, cell, cell, recurrent])
    h = g.unary("tanh", g.add(part, g.dense(g.multiply(r, state), w["kernel"])))
    return _mixed(g, z, h, before)


def _output_gru_cell(g: GraphBuilder, layer: L.OutputGruCell, w: Weights, x: Value) -> Value:
    z, part, before = split(g, x, [len(layer.weight)] * 3)
    h = g.unary("tanh", g.add(part, g.multiply(before, w["scale"])))
    return _mixed(g, z, h, before)


def _sum(g: GraphBuilder, layer: L.Sum, w: Weights, *inputs: Value) -> Value:
    total = inputs[0]
    for one in inputs[1:]:
        total = g.add(total, one)
    return total


def _with_dim(function: Callable[..., Value]) -> Callable[..., Value]:
    """For layers that do not know how many features come in."""

    def call(g: GraphBuilder, layer: Layer, w: Weights, x: Value) -> Value:
        return function(g, layer, w, x, int(g.size(x, 2)))

    return call


_LAYERS: dict[type, Callable[..., Value]] = {
    L.Affine: lambda g, layer, w, x: dense(g, w, x),
    L.BlockAffine: _block_affine,
    L.RepeatedAffine: _repeated_affine,
    L.Diagonal: _diagonal,
    L.RepeatedDiagonal: _with_dim(_repeated_diagonal),
    L.Dct: _dct,
    L.Convolution: _convolution,
    L.Convolution3d: _convolution_3d,
    L.Activation: _activation,
    L.Power: _power,
    L.Softmax: _softmax,
    L.Pnorm: _with_dim(_pnorm),
    L.Pool: _with_dim(_pool),
    L.Pool3d: _pool_3d,
    L.Normalize: _with_dim(_normalize),
    L.Select: lambda g, layer, w, x: g.take(x, np.array(layer.indices), 2),
    L.Range: lambda g, layer, w, x: g.cut(x, 2, layer.start, layer.start + layer.size),
    L.SumGroups: _sum_groups,
    L.SumBlocks: _with_dim(_sum_blocks),
    L.Product: _with_dim(_product),
    L.LstmCell: _lstm_cell,
    L.GruCell: _gru_cell,
    L.OutputGruCell: _output_gru_cell,
    L.Identity: lambda g, layer, w, x: x,
    L.Concatenate: lambda g, layer, w, *inputs: concatenated(g, inputs),
    L.Sum: _sum,
}
