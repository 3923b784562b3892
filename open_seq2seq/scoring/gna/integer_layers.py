"""Layers that compute frames in whole numbers, or between whole and real ones.

Each takes and gives rows `[frame, feature]`. Whole numbers of 16 bits are float32 arrays, in which
they are exact; so they go through layers that only move numbers (splices, shifts) as they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from open_seq2seq.scoring.gna.affine import IntegerAffine, IntegerDiagonal
from open_seq2seq.scoring.gna.rounding import INT16, INT32, count_outside, quantized, saturated
from open_seq2seq.scoring.gna.segments import Segments


@dataclass(frozen=True)
class Quantize:
    """Real numbers to whole ones: `x * scale`, rounded.

    Args:
      name: under which saturations are counted.
      scale: the factor.
      saturations: of all quantised layers, by name.
    """

    name: str
    scale: float
    saturations: Counter[str] = field(compare=False, repr=False, default_factory=Counter)

    def rows(self, x: np.ndarray) -> np.ndarray:
        """`[frame, feature]` float32."""
        scaled = np.abs(x * np.float32(self.scale)) >= INT16[1] + 0.5
        self.saturations[self.name] += int(np.count_nonzero(scaled))
        return quantized(x, self.scale, INT16).astype(np.float32)


@dataclass(frozen=True)
class Dequantize:
    """Whole numbers to real ones."""

    scale: float

    def rows(self, x: np.ndarray) -> np.ndarray:
        """`[frame, feature]` float32."""
        return (x / np.float64(self.scale)).astype(np.float32)


@dataclass(frozen=True)
class IntegerLayer:
    """Sums of 32 bits, then a function of 16 bits or, of an output layer, real numbers.

    Args:
      name: under which saturations are counted.
      sums: the affine or diagonal layer.
      segments: the function; None: the sums over their factor.
      gather: `[part, n]`: indices of the input's features for which the sums are computed one
        after the other (a convolution's patches); None: all of them at once.
      block: inputs after which sums are saturated.
      saturations: of all quantised layers, by name: sums, and values of functions.
    """

    name: str
    sums: IntegerAffine | IntegerDiagonal
    segments: Segments | None
    gather: np.ndarray | None = None
    block: int = 12288
    saturations: Counter[str] = field(compare=False, repr=False, default_factory=Counter)

    @property
    def output_scale(self) -> float | None:
        """The factor of what it gives; None: real numbers."""
        return None if self.segments is None else self.segments.output_scale

    def rows(self, x: np.ndarray) -> np.ndarray:
        """`[frame, feature]` float32."""
        total = self._sums(x.astype(np.float64))
        if self.segments is None:
            return (total / self.sums.output_scale).astype(np.float32)
        values, outside = self.segments(total)
        self.saturations[self.name] += outside
        return values.astype(np.float32)

    def _sums(self, x: np.ndarray) -> np.ndarray:
        if isinstance(self.sums, IntegerDiagonal):
            total, outside = self.sums(x)
        elif self.gather is None:
            total, outside = self.sums(x, self.block)
        else:
            parts, size = self.gather.shape
            patches = x[:, self.gather.ravel()].reshape(len(x) * parts, size)
            total, outside = self.sums(patches, self.block)
            total = total.reshape(len(x), -1)
        self.saturations[self.name] += outside
        return total


@dataclass(frozen=True)
class IntegerSum:
    """The sum of inputs of one factor, then a function of 16 bits.

    Args:
      name: under which saturations are counted.
      weight: a power of two that numbers are multiplied by, for more bits of the function.
      segments: of the sum.
      saturations: of all quantised layers, by name.
    """

    name: str
    weight: float
    segments: Segments
    saturations: Counter[str] = field(compare=False, repr=False, default_factory=Counter)

    def rows(self, *inputs: np.ndarray) -> np.ndarray:
        """`[frame, feature]` float32 each."""
        total = np.sum([x.astype(np.float64) for x in inputs], axis=0) * self.weight
        self.saturations[self.name] += count_outside(total, INT32)
        values, outside = self.segments(saturated(total, INT32))
        self.saturations[self.name] += outside
        return values.astype(np.float32)
