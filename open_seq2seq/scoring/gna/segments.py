"""Functions of whole numbers in straight pieces, as the accelerator computes them.

Source: intel/gna, src/gna-lib/kernels/pwl.cpp, and OpenVINO 2023.3's plugin, backend/make_pwl.cpp,
gna_slope_scale.cpp and pwl_segments_creator_identity.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from open_seq2seq.scoring.gna.rounding import INT16, INT32, count_outside, saturated
from open_seq2seq.scoring.gna.scale_factors import activation_scale_factor, slope_code
from open_seq2seq.scoring.gna.tangents import HALVES, Piece, fitted

# What each function stays within beyond its pieces.
_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
ACTIVATIONS = ("sigmoid", "tanh", "relu")


@dataclass(frozen=True)
class Segments:
    """Pieces of a function of 32 bits with values of 16 bits.

    Args:
      x_base: `[segment]`, where each begins, a multiple of 4, rising.
      shift: `[segment]`, 8, 16, 24 or 32: bits behind the slope's point.
      y_base, slope: `[segment]`, of 16 bits.
      output_scale: the factor of the values.
    """

    x_base: np.ndarray
    shift: np.ndarray
    y_base: np.ndarray
    slope: np.ndarray
    output_scale: float

    @classmethod
    def encode(cls, pieces: Sequence[Piece], input_scale: float, output_scale: float) -> Segments:
        """The segments of real pieces.

        Args:
          pieces: rising; the first one's value also holds before it.
          input_scale, output_scale: the factors of arguments and values.
        """
        low, high = INT32
        kept = [piece for piece, after in pairwise(pieces) if after.start * input_scale > low]
        kept.append(pieces[-1])
        kept = [piece for piece in kept if piece.start * input_scale <= high]
        rows = []
        for piece in kept:
            # In float64 no number of 32 bits is rounded; -inf is the lowest.
            start = max(piece.start, low / input_scale)
            slope, k = slope_code(piece.slope * output_scale / input_scale)
            base = int(np.clip(np.trunc(start * input_scale), low, high)) & ~3
            y = (piece.slope * start if piece.slope else 0.0) + piece.offset
            rows.append((base, 8 * (k + 1), _round_16(y * output_scale), slope))
        base, shift, y_base, slope_codes = np.array(rows, np.int64).T
        return cls(base, shift, y_base, slope_codes, output_scale)

    @classmethod
    def of(cls, kind: str, input_scale: float, max_error: float) -> Segments:
        """Those of an activation.

        Args:
          kind: "sigmoid", "tanh", "relu" or "identity".
          input_scale: the factor of the sums that it takes.
          max_error: percent, `-pwl_me`.
        """
        output_scale = activation_scale_factor(kind, input_scale)
        if kind == "identity":
            return cls.identity(input_scale, output_scale)
        return cls.encode(activation_pieces(kind, max_error), input_scale, output_scale)

    @classmethod
    def identity(cls, input_scale: float, output_scale: float) -> Segments:
        """Another scale for the same numbers: flat, a line through 0, flat.

        Args:
          input_scale, output_scale: the factors.
        """
        low, high = (limit / output_scale for limit in INT16)
        return cls.encode(_line(low, high), input_scale, output_scale)

    @classmethod
    def clip(cls, limit: float, input_scale: float, output_scale: float) -> Segments:
        """The same, within plus and minus `limit` too: an LSTM's cell."""
        low, high = (one / output_scale for one in INT16)
        return cls.encode(_line(max(low, -limit), min(high, limit)), input_scale, output_scale)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """The values at whole numbers of 32 bits, both as float64, and how many saturate."""
        place = np.searchsorted(self.x_base, x, side="right") - 1
        below = place < 0
        place[below] = 0
        distance = x.astype(np.int64) - self.x_base[place]
        distance[below] = 0
        value = ((distance * self.slope[place]) >> self.shift[place]) + self.y_base[place]
        return saturated(value, INT16).astype(np.float64), count_outside(value, INT16)


@cache  # all layers of a network have the same
def activation_pieces(kind: str, max_error: float) -> tuple[Piece, ...]:
    """An activation's real pieces, flat where it ends.

    Args:
      kind: of `ACTIVATIONS`.
      max_error: percent of the values' range, `-pwl_me`.
    """
    if kind == "relu":
        return (Piece(-np.inf, 0.0, 0.0), Piece(0.0, 1.0, 0.0))
    left, right = HALVES[kind]
    low, high = _RANGES[kind]
    pieces = [*fitted(left, max_error), *fitted(right, max_error)]
    first, last = pieces[0], pieces[-1]
    before = float(np.clip(first.slope * left.low + first.offset, low, high))
    after = float(np.clip(last.slope * right.high + last.offset, low, high))
    return (Piece(-np.inf, 0.0, before), *pieces, Piece(right.high, 0.0, after))


def _line(low: float, high: float) -> list[Piece]:
    """The numbers themselves between two, through 0 exactly."""
    return [
        Piece(-np.inf, 0.0, low),
        Piece(low, 1.0, 0.0),
        Piece(0.0, 1.0, 0.0),
        Piece(high, 0.0, high),
    ]


def _round_16(value: float) -> int:
    low, high = INT16
    return int(np.clip(int(value + (0.5 if value > 0 else -0.5)), low, high))
