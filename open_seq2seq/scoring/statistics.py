"""How far scores are from others: the numbers of OpenVINO's speech sample, and more."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np


@dataclass
class ErrorStatistics:
    """Sums over scores, from which the statistics follow; two of them can be added.

    With e = |score - reference| over all frames and classes:

    Args:
      count: numbers that are compared: both are finite, or the same infinity.
      max_error: the largest e.
      sum_error, sum_squares: of e.
      sum_frame_rms: of each frame's root mean square.
      frames: rows.
      agreeing: rows whose largest score is of the same class.
      max_relative_error: the largest e / (|reference| + 1e-20).
      sum_reference, max_reference: of |reference|.
      not_finite: NaN, or an infinity where the other is none.
    """

    count: int = 0
    max_error: float = 0.0
    sum_error: float = 0.0
    sum_squares: float = 0.0
    sum_frame_rms: float = 0.0
    frames: int = 0
    agreeing: int = 0
    max_relative_error: float = 0.0
    sum_reference: float = 0.0
    max_reference: float = 0.0
    not_finite: int = 0

    @classmethod
    def of(cls, scores: np.ndarray, reference: np.ndarray) -> ErrorStatistics:
        """Of one utterance.

        Args:
          scores, reference: `[time, class]`, of one shape.
        """
        assert scores.shape == reference.shape, (scores.shape, reference.shape)
        ours, theirs = scores.astype(np.float64), reference.astype(np.float64)
        with np.errstate(invalid="ignore"):
            error = np.abs(ours - theirs)
        error[ours == theirs] = 0.0  # infinities
        bad = ~np.isfinite(error)
        error[bad] = 0.0
        sizes = np.where(bad | ~np.isfinite(theirs), 0.0, np.abs(theirs))
        squares = error**2
        rows = len(error)
        columns = max(error.shape[1], 1)
        agreeing = 0
        if error.size:
            same = ours.argmax(axis=1) == theirs.argmax(axis=1)
            agreeing = int(np.count_nonzero(same & ~bad.any(axis=1)))
        return cls(
            count=int(error.size - bad.sum()),
            max_error=float(error.max(initial=0.0)),
            sum_error=float(error.sum()),
            sum_squares=float(squares.sum()),
            sum_frame_rms=float(np.sqrt(squares.sum(axis=1) / columns).sum()),
            frames=rows,
            agreeing=agreeing,
            max_relative_error=float((error / (sizes + 1e-20)).max(initial=0.0)),
            sum_reference=float(sizes.sum()),
            max_reference=float(sizes.max(initial=0.0)),
            not_finite=int(bad.sum()),
        )

    def __add__(self, other: ErrorStatistics) -> ErrorStatistics:
        merged = {}
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            merged[one.name] = max(mine, theirs) if one.name.startswith("max_") else mine + theirs
        return ErrorStatistics(**merged)

    @property
    def avg_error(self) -> float:
        """The mean e."""
        return self.sum_error / max(self.count, 1)

    @property
    def rms_error(self) -> float:
        """The Python sample's "avg rms error": `sqrt(mean(e**2))`."""
        return math.sqrt(self.sum_squares / max(self.count, 1))

    @property
    def frame_rms_error(self) -> float:
        """The C++ sample's "avg rms error", without context frames: the mean of frames' rms."""
        return self.sum_frame_rms / max(self.frames, 1)

    @property
    def stdev_error(self) -> float:
        """`sqrt(mean(e**2) - mean(e)**2)`: the standard deviation of the absolute error."""
        return math.sqrt(max(self.sum_squares / max(self.count, 1) - self.avg_error**2, 0.0))

    @property
    def avg_reference(self) -> float:
        """The mean |reference|."""
        return self.sum_reference / max(self.count, 1)

    @property
    def agreement(self) -> float:
        """The share of frames whose best class is the same."""
        return self.agreeing / max(self.frames, 1)

    def to_json(self) -> dict[str, float | int]:
        """By name."""
        return {
            "frames": self.frames,
            "max_error": self.max_error,
            "avg_error": self.avg_error,
            "avg_rms_error": self.rms_error,
            "stdev_error": self.stdev_error,
            "frame_rms_error": self.frame_rms_error,
            "max_relative_error": self.max_relative_error,
            "top1_agreement": self.agreement,
            "max_reference": self.max_reference,
            "avg_reference": self.avg_reference,
            "not_finite": self.not_finite,
        }
