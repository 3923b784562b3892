"""Which layers are sums of products, and with which weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.layers import Layer


@dataclass(frozen=True)
class Sums:
    """An affine layer's numbers.

    Args:
      weight: `[output, input]`, or `[dim]` of a diagonal one.
      bias: `[output]` or None.
      gather: see `IntegerLayer`.
      may_be_8_bit: whether `-qb 8` is of it: convolutions and diagonal layers keep 16 bits.
    """

    weight: np.ndarray
    bias: np.ndarray | None
    gather: np.ndarray | None = None
    may_be_8_bit: bool = True


def as_affine(layer: Layer, dim: int) -> Sums | None:
    """A layer's weights; None: it is no affine one.

    Args:
      layer: of Kaldi's.
      dim: features of its input.
    """
    if isinstance(layer, (L.Affine, L.Tdnn)):
        return Sums(layer.weight, layer.bias)
    if isinstance(layer, L.Diagonal):
        ones = np.ones(dim, np.float32)
        return Sums(ones if layer.scale is None else layer.scale, layer.offset, None, False)
    if isinstance(layer, L.RepeatedDiagonal):
        scale, offset = (
            None if one is None else np.tile(one, dim // len(one))
            for one in (layer.scale, layer.offset)
        )
        return as_affine(L.Diagonal(scale, offset), dim)
    if isinstance(layer, L.RepeatedAffine):
        width = layer.weight.shape[1]
        return Sums(layer.weight, layer.bias, np.arange(layer.repeats * width).reshape(-1, width))
    if isinstance(layer, L.BlockAffine):
        rows = np.split(layer.weight, layer.blocks)
        width = layer.weight.shape[1]
        whole = np.zeros((len(layer.weight), width * layer.blocks), np.float32)
        for at, block in enumerate(rows):
            size = len(block)
            whole[at * size : (at + 1) * size, at * width : (at + 1) * width] = block
        return Sums(whole, layer.bias)
    if isinstance(layer, L.Convolution):
        return Sums(layer.filters, layer.bias, _patches(layer, dim), False)
    return None


def _patches(layer: L.Convolution, dim: int) -> np.ndarray:
    """Indices of each patch's features, `[patch, splices * patch_dim]`."""
    splices = dim // layer.patch_stride
    starts = np.arange(0, layer.patch_stride - layer.patch_dim + 1, layer.patch_step)
    at = starts[:, None, None]
    splice = np.arange(splices)[None, :, None]
    inside = np.arange(layer.patch_dim)[None, None]
    if layer.appended:
        index = (at + inside) * splices + splice
    else:
        index = splice * layer.patch_stride + at + inside
    return index.reshape(len(starts), -1)
