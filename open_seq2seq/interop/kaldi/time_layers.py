"""Layers that look at several frames, in NumPy."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.frame_layers import frame_layer, is_frame_layer, sigmoid
from open_seq2seq.interop.kaldi.network import Node

Numbers: TypeAlias = "range | np.ndarray"


class Frames(Protocol):
    """Rows of nodes, by the numbers of frames: `Tracks`."""

    def span(self, name: str) -> tuple[float, float]:
        """The frames of a node that are there: from, and behind the last one."""

    def rows(self, name: str, numbers: Numbers) -> np.ndarray:
        """`[n, dim]` of frames that are there."""

    def rows_or_zero(self, name: str, numbers: Numbers) -> np.ndarray:
        """`[n, dim]`; frames that are not there are zero."""

    def dim(self, name: str) -> int:
        """Features of a node."""


def computed(tracks: Frames, node: Node, numbers: Numbers) -> np.ndarray:
    """`[n, dim]` of a node at frames whose inputs are there."""
    layer = node.layer
    if is_frame_layer(layer):
        return frame_layer(layer, [tracks.rows(name, numbers) for name in node.inputs])
    array = np.asarray(numbers)
    name = node.inputs[0]
    if isinstance(layer, L.Splice):
        return _splice(layer, tracks, name, array)
    if isinstance(layer, L.Tdnn):
        parts = [tracks.rows(name, array + offset) for offset in layer.offsets]
        return frame_layer(L.Affine(layer.weight, layer.bias), [np.concatenate(parts, axis=1)])
    if isinstance(layer, L.TimeHeightConvolution):
        return _time_height(layer, tracks, name, array)
    if isinstance(layer, L.Attention):
        return _attention(layer, tracks, name, array)
    if isinstance(layer, L.StatisticsExtraction):
        return _extraction(layer, tracks, name, array)
    assert isinstance(layer, L.StatisticsPooling), layer
    return _pooling(layer, tracks, name, array)


def _splice(layer: L.Splice, tracks: Frames, name: str, numbers: np.ndarray) -> np.ndarray:
    first, end = tracks.span(name)
    parts = []
    for offset in layer.offsets:
        wanted = numbers + offset
        if layer.clamp:
            wanted = np.clip(wanted, int(first), int(end) - 1)
        parts.append(tracks.rows(name, wanted))
    if layer.take_max:
        return np.max(parts, axis=0)
    if not layer.constant_dim:
        return np.concatenate(parts, axis=1)
    constant = tracks.rows(name, numbers)[:, -layer.constant_dim :]
    return np.concatenate([*(one[:, : -layer.constant_dim] for one in parts), constant], axis=1)


def _time_height(
    layer: L.TimeHeightConvolution, tracks: Frames, name: str, numbers: np.ndarray
) -> np.ndarray:
    count, filters = len(numbers), layer.filters_in
    heights = np.arange(layer.height_out) * layer.height_step
    patches = np.zeros((count, layer.height_out, len(layer.offsets), filters), np.float32)
    for time in {time for time, _ in layer.offsets}:
        rows = tracks.rows_or_zero(name, numbers + time).reshape(count, layer.height_in, filters)
        for place, (own, height) in enumerate(layer.offsets):
            if own == time:
                inside = (heights + height >= 0) & (heights + height < layer.height_in)
                patches[:, inside, place] = rows[:, (heights + height)[inside]]
    found = patches.reshape(count * layer.height_out, -1) @ layer.weight.T + layer.bias
    return found.reshape(count, -1)


def _attention(layer: L.Attention, tracks: Frames, name: str, numbers: np.ndarray) -> np.ndarray:
    places = np.arange(-layer.left, layer.right + 1) * layer.stride
    key, value, contexts = layer.key_dim, layer.value_dim, len(places)
    around = numbers[:, None] + places
    rows = tracks.rows_or_zero(name, around.ravel())
    rows = rows.reshape(len(numbers), contexts, layer.heads, -1)
    own = rows[:, layer.left]
    keys, values = rows[..., :key], rows[..., key : key + value]
    query, bias = own[..., key + value : 2 * key + value], own[..., 2 * key + value :]
    products = np.einsum("nchk,nhk->nhc", keys, query) * np.float32(layer.key_scale) + bias
    weights = frame_layer(L.Softmax(), [products.reshape(-1, contexts)]).reshape(products.shape)
    found = np.einsum("nhc,nchv->nhv", weights, values)
    if layer.output_context:
        found = np.concatenate([found, weights], axis=2)
    return found.reshape(len(numbers), -1).astype(np.float32)


def _extraction(
    layer: L.StatisticsExtraction, tracks: Frames, name: str, numbers: np.ndarray
) -> np.ndarray:
    first, end = tracks.span(name)
    found = np.zeros((len(numbers), 1), np.float32)
    sums = squares = np.zeros((len(numbers), tracks.dim(name)), np.float32)
    for step in range(0, layer.period, layer.input_period):
        wanted = numbers - numbers % layer.period + step
        rows = tracks.rows_or_zero(name, wanted)
        found[:, 0] += (wanted >= first) & (wanted < end)
        sums, squares = sums + rows, squares + np.square(rows)
    return np.concatenate([found, sums, *([squares] if layer.with_variance else [])], axis=1)


def _pooling(
    layer: L.StatisticsPooling, tracks: Frames, name: str, numbers: np.ndarray
) -> np.ndarray:
    first, end = tracks.span(name)
    found = np.zeros((len(numbers), tracks.dim(name)), np.float32)
    for row, number in enumerate(numbers):
        # Extracted statistics are of whole periods.
        start = max(number - layer.left, first)
        start = -(-int(start) // layer.period) * layer.period
        wanted = np.arange(start, min(number + layer.right + 1, end), layer.period)
        if len(wanted):
            found[row] = tracks.rows(name, wanted).sum(axis=0)
    count = np.maximum(found[:, :1], np.float32(1e-20))
    parts = [np.log(count)] * layer.log_counts
    dim = (found.shape[1] - 1) // (2 if layer.with_stddev else 1)
    mean = found[:, 1 : 1 + dim] / count
    parts.append(mean)
    if layer.with_stddev:
        variance = found[:, 1 + dim :] / count - np.square(mean)
        parts.append(np.sqrt(np.maximum(variance, np.float32(layer.variance_floor))))
    return np.concatenate(parts, axis=1)


def lstm(
    layer: L.Lstm, x: np.ndarray, state: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """nnet1's LSTM over frames in their order.

    Args:
      layer: forward or backward: then `x` and the result are from the last frame to the first.
      x: `[n, in]`.
      state: r `[out]` and c `[cell]` before the first frame.

    Returns:
      `[n, out]`, and the state behind the last frame.
    """
    own = getattr(layer, "recur", None)
    if own is not None:  # a quantised one
        return own(x, state)
    projected = x @ layer.weight.T + layer.bias
    r, c = state
    found = np.zeros((len(x), len(layer.projection)), np.float32)
    clip = np.float32(layer.cell_clip)
    for t, part in enumerate(projected):
        g, i, f, o = np.split(part + layer.recurrent @ r, 4)
        i, f = sigmoid(i + layer.peephole_i * c), sigmoid(f + layer.peephole_f * c)
        c = np.tanh(g) * i + c * f
        if clip > 0:
            c = np.clip(c, -clip, clip)
        o = sigmoid(o + layer.peephole_o * c)
        r = layer.projection @ (o * np.tanh(c))
        found[t] = r
    return found, (r, c)
