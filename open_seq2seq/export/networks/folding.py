"""Weights as an exported graph has them: in float32, with what is constant multiplied in.

Products are computed in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from open_seq2seq.export.eager import eager
from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.tensors import Variable


class Affine(NamedTuple):
    """`x * scale + shift` of each channel.

    Args:
      scale: `[channel]` float64, or 1.
      shift: `[channel]` float64, or None for 0.
    """

    scale: Any = 1.0
    shift: np.ndarray | None = None


NOTHING = Affine()


def value_of(variable: Variable) -> np.ndarray:
    """A variable's value as float64."""
    with eager():
        return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)


def float32(values: Any) -> Any:
    """An array with a graph's numbers; None stays None."""
    return None if values is None else np.ascontiguousarray(values, np.float32)


def affine_of(norm: BatchNorm | None) -> Affine:
    """What batch normalization is in evaluation; without one, nothing."""
    if norm is None:
        return NOTHING
    variance = value_of(norm.moving_variance)
    scale = value_of(norm.gamma) / np.sqrt(variance + norm.epsilon)
    return Affine(scale, value_of(norm.beta) - value_of(norm.moving_mean) * scale)


def total(shifts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """The sum of those that there are."""
    there = [shift for shift in shifts if shift is not None]
    return sum(there[1:], there[0]) if there else None


def without_strided_dilation(
    kernel: np.ndarray, stride: Sequence[int], dilation: Sequence[int]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """A kernel `[tap, (tap,) ...]` and its dilation, which is 1 where there is a stride.

    Not every runtime takes both together; zeros between the taps are equal.
    """
    if max(stride) == 1 or max(dilation) == 1:
        return kernel, tuple(dilation)
    taps = kernel.shape[: len(dilation)]
    spans = [(tap - 1) * gap + 1 for tap, gap in zip(taps, dilation)]
    spread = np.zeros((*spans, *kernel.shape[len(dilation) :]), kernel.dtype)
    spread[tuple(slice(None, None, gap) for gap in dilation)] = kernel
    return spread, (1,) * len(dilation)
