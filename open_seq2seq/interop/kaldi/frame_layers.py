"""Layers that compute each frame by itself, in NumPy: the reference of all other ways.

`frame_layer(layer, [x, ...])`: rows `[n, in]` float32 -> rows `[n, out]`. Layers that are not of
`layers.py` (quantised ones) compute themselves: `layer.rows(x, ...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.layers import Layer

_ROOTS = np.float32(1e-20)


def frame_layer(layer: Layer, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """The output of a layer, of a few or all frames."""
    own = getattr(layer, "rows", None)
    return own(*inputs) if own is not None else _LAYERS[type(layer)](layer, *inputs)


def is_frame_layer(layer: Layer) -> bool:
    """Whether a layer's output at a frame depends on its inputs at that frame only."""
    return type(layer) in _LAYERS or hasattr(layer, "rows")


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function, without overflow."""
    half = np.float32(0.5)
    return half * np.tanh(half * x) + half


def dct_matrix(dim: int, kept: int) -> np.ndarray:
    """`[kept, dim]`: rows of the orthonormal cosine transform (II)."""
    rows = np.arange(kept)[:, None] * (np.arange(dim)[None] + 0.5) * np.pi / dim
    matrix = np.cos(rows) * np.sqrt(2.0 / dim)
    matrix[:1] = np.sqrt(1.0 / dim)
    return matrix.astype(np.float32)


def _affine(layer: L.Affine, x: np.ndarray) -> np.ndarray:
    y = x @ layer.weight.T
    return y if layer.bias is None else y + layer.bias


def _block_affine(layer: L.BlockAffine, x: np.ndarray) -> np.ndarray:
    inputs = np.split(x, layer.blocks, axis=1)
    weights = np.split(layer.weight, layer.blocks)
    return np.concatenate([one @ w.T for one, w in zip(inputs, weights)], axis=1) + layer.bias


def _repeated_affine(layer: L.RepeatedAffine, x: np.ndarray) -> np.ndarray:
    rows = x.reshape(-1, layer.weight.shape[1]) @ layer.weight.T + layer.bias
    return rows.reshape(len(x), -1)


def _diagonal(layer: L.Diagonal, x: np.ndarray) -> np.ndarray:
    y = x if layer.scale is None else x * layer.scale
    return y if layer.offset is None else y + layer.offset


def _repeated_diagonal(layer: L.RepeatedDiagonal, x: np.ndarray) -> np.ndarray:
    size = len(layer.scale if layer.scale is not None else layer.offset)  # type: ignore[arg-type]
    blocks = x.reshape(len(x), -1, size)
    return _diagonal(L.Diagonal(layer.scale, layer.offset), blocks).reshape(x.shape)


def _dct(layer: L.Dct, x: np.ndarray) -> np.ndarray:
    matrix = dct_matrix(layer.dct_dim, layer.kept)
    blocks = x.reshape(len(x), -1, layer.dct_dim)
    if layer.reorder:
        blocks = x.reshape(len(x), layer.dct_dim, -1).transpose(0, 2, 1)
    found = blocks @ matrix.T
    return (found.transpose(0, 2, 1) if layer.reorder else found).reshape(len(x), -1)


def _convolution(layer: L.Convolution, x: np.ndarray) -> np.ndarray:
    stride, dim = layer.patch_stride, layer.patch_dim
    splices = x.shape[1] // stride
    if layer.appended:
        frames = x.reshape(len(x), stride, splices).transpose(0, 2, 1)
    else:
        frames = x.reshape(len(x), splices, stride)
    starts = range(0, stride - dim + 1, layer.patch_step)
    patches = [frames[:, :, start : start + dim].reshape(len(x), -1) for start in starts]
    return np.concatenate([one @ layer.filters.T + layer.bias for one in patches], axis=1)


def _convolution_3d(layer: L.Convolution3d, x: np.ndarray) -> np.ndarray:
    (size_x, size_y, size_z), (taps_x, taps_y) = layer.shape, layer.filter_shape
    if layer.z_fastest:
        volume = x.reshape(len(x), size_x, size_y, size_z)
    else:
        volume = x.reshape(len(x), size_x, size_z, size_y).transpose(0, 1, 3, 2)
    found = []
    for at_x in range(0, size_x - taps_x + 1, layer.step[0]):
        for at_y in range(0, size_y - taps_y + 1, layer.step[1]):
            patch = volume[:, at_x : at_x + taps_x, at_y : at_y + taps_y]
            found.append(patch.reshape(len(x), -1) @ layer.filters.T + layer.bias)
    return np.concatenate(found, axis=1)


def _activation(layer: L.Activation, x: np.ndarray) -> np.ndarray:
    if layer.kind == "log":
        return np.log(np.maximum(x, np.float32(layer.floor)))
    return _ACTIVATIONS[layer.kind](x)


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, np.float32(0)),
    "soft_hinge": lambda x: np.maximum(x, np.float32(0)) + np.log1p(np.exp(-np.abs(x))),
    "exp": np.exp,
    "absolute": np.abs,
}


def _power(layer: L.Power, x: np.ndarray) -> np.ndarray:
    return np.power(np.abs(x), np.float32(layer.exponent))


def _softmax(layer: L.Softmax, x: np.ndarray) -> np.ndarray:
    if layer.blocks:
        ends = np.cumsum(layer.blocks)[:-1]
        parts = [_softmax(L.Softmax(layer.log), part) for part in np.split(x, ends, axis=1)]
        return np.concatenate(parts, axis=1)
    x = x - x.max(axis=1, keepdims=True)
    total = np.exp(x).sum(axis=1, keepdims=True)
    return x - np.log(total) if layer.log else np.exp(x) / total


def _pnorm(layer: L.Pnorm, x: np.ndarray) -> np.ndarray:
    groups = np.abs(x.reshape(len(x), layer.groups, -1))
    if layer.p == 2:
        return np.sqrt(np.square(groups).sum(axis=2))
    largest = groups.max(axis=2)
    if np.isinf(layer.p):
        return largest
    # Of shares of the largest: powers of the numbers themselves overflow.
    scale = np.maximum(largest, _ROOTS)
    shares = np.power(groups / scale[..., None], np.float32(layer.p)).sum(axis=2)
    return scale * np.power(shares, np.float32(1 / layer.p))


def _pool(layer: L.Pool, x: np.ndarray) -> np.ndarray:
    blocks = x.reshape(len(x), -1, layer.stride)
    starts = range(0, blocks.shape[1] - layer.size + 1, layer.step)
    pools = [blocks[:, start : start + layer.size] for start in starts]
    found = [one.max(axis=1) if layer.kind == "max" else one.mean(axis=1) for one in pools]
    return np.concatenate(found, axis=1)


def _pool_3d(layer: L.Pool3d, x: np.ndarray) -> np.ndarray:
    volume = x.reshape(len(x), *layer.shape)
    for axis, (size, step) in enumerate(zip(layer.size, layer.step), start=1):
        windows = np.lib.stride_tricks.sliding_window_view(volume, size, axis=axis)
        volume = np.take(windows.max(axis=-1), range(0, windows.shape[axis], step), axis=axis)
    return volume.reshape(len(x), -1)


def _normalize(layer: L.Normalize, x: np.ndarray) -> np.ndarray:
    blocks = x.reshape(len(x), -1, layer.block_dim)
    squares = np.square(blocks)
    mean = (squares.sum if layer.is_length else squares.mean)(axis=2, keepdims=True)
    rms = np.float32(layer.target_rms)
    y = blocks / np.sqrt(np.maximum(mean / (rms * rms), np.float32(layer.floor)))
    if layer.add_log_stddev:
        deviation = np.log(np.maximum(mean, np.float32(layer.floor))) / 2
        y = np.concatenate([y, deviation], axis=2)
    return y.reshape(len(x), -1)


def _select(layer: L.Select, x: np.ndarray) -> np.ndarray:
    return x[:, list(layer.indices)]


def _range(layer: L.Range, x: np.ndarray) -> np.ndarray:
    return x[:, layer.start : layer.start + layer.size]


def _sum_groups(layer: L.SumGroups, x: np.ndarray) -> np.ndarray:
    starts = np.cumsum([0, *layer.sizes[:-1]])
    return np.add.reduceat(x, starts, axis=1)


def _sum_blocks(layer: L.SumBlocks, x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1, layer.size).sum(axis=1) * np.float32(layer.scale)


def _product(layer: L.Product, x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1, layer.size).prod(axis=1)


def _lstm_cell(layer: L.LstmCell, x: np.ndarray) -> np.ndarray:
    cell = layer.peepholes.shape[1]
    gate_i, gate_f, part, gate_o, before = np.split(x[:, : 5 * cell], 5, axis=1)
    masks = x[:, 5 * cell :, None].transpose(1, 0, 2) if layer.has_masks else (1, 1, 1)
    w_i, w_f, w_o = layer.peepholes
    i = sigmoid(gate_i + w_i * before) * masks[0]
    f = sigmoid(gate_f + w_f * before) * masks[1]
    c = f * before + i * np.tanh(part)
    o = sigmoid(gate_o + w_o * c) * masks[2]
    return np.concatenate([c, o * np.tanh(c)], axis=1).astype(np.float32)


def _gru_cell(layer: L.GruCell, x: np.ndarray) -> np.ndarray:
    cell, recurrent = layer.weight.shape
    sizes = np.cumsum([cell, recurrent, cell, cell])
    z, r, part, before, state = np.split(x, sizes, axis=1)
    h = np.tanh(part + (r * state) @ layer.weight.T)
    return np.concatenate([h, (1 - z) * h + z * before], axis=1)


def _output_gru_cell(layer: L.OutputGruCell, x: np.ndarray) -> np.ndarray:
    z, part, before = np.split(x, 3, axis=1)
    h = np.tanh(part + layer.weight * before)
    return np.concatenate([h, (1 - z) * h + z * before], axis=1)


def _sum(layer: L.Sum, *inputs: np.ndarray) -> np.ndarray:
    total = inputs[0]
    for one in inputs[1:]:
        total = total + one
    return total


_LAYERS: dict[type, Callable[..., Any]] = {
    L.Affine: _affine,
    L.BlockAffine: _block_affine,
    L.RepeatedAffine: _repeated_affine,
    L.Diagonal: _diagonal,
    L.RepeatedDiagonal: _repeated_diagonal,
    L.Dct: _dct,
    L.Convolution: _convolution,
    L.Convolution3d: _convolution_3d,
    L.Activation: _activation,
    L.Power: _power,
    L.Softmax: _softmax,
    L.Pnorm: _pnorm,
    L.Pool: _pool,
    L.Pool3d: _pool_3d,
    L.Normalize: _normalize,
    L.Select: _select,
    L.Range: _range,
    L.SumGroups: _sum_groups,
    L.SumBlocks: _sum_blocks,
    L.Product: _product,
    L.LstmCell: _lstm_cell,
    L.GruCell: _gru_cell,
    L.OutputGruCell: _output_gru_cell,
    L.Identity: lambda layer, x: x,
    L.Concatenate: lambda layer, *inputs: np.concatenate(inputs, axis=1),
    L.Sum: _sum,
}
