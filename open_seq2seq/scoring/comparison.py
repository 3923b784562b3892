"""Scores beside a reference: matched by key, with totals and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from open_seq2seq.scoring.statistics import ErrorStatistics

# Keys of a kind that a message names.
_MOST_NAMED = 5


@dataclass(frozen=True)
class Tolerance:
    """What is allowed.

    Args:
      max_error: of the largest error of any score; None: anything.
      avg_error: of the mean error of all scores; None: anything.
    """

    max_error: float | None = None
    avg_error: float | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for."""
        return self.max_error is not None or self.avg_error is not None


@dataclass
class Comparison:
    """The scores of one output beside a reference.

    Args:
      output: the output's name.
      reference: from keys to `[time, class]`.

    `total` is over all utterances, `by_key` of each; `missing` are keys of the reference without
    scores (after `finish`), `extra` those of scores without reference, `misshaped` have other
    numbers of rows or columns, `not_finite` so many scores that are NaN or infinite.
    """

    output: str
    reference: Mapping[str, np.ndarray]
    total: ErrorStatistics = field(default_factory=ErrorStatistics)
    by_key: dict[str, ErrorStatistics] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    misshaped: dict[str, str] = field(default_factory=dict)
    not_finite: dict[str, int] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def add(self, key: str, scores: np.ndarray) -> ErrorStatistics | None:
        """Compares an utterance's scores `[time, class]`; None: that is not possible."""
        self._seen.add(key)
        if key not in self.reference:
            self.extra.append(key)
            return None
        reference = self.reference[key]
        if reference.shape != scores.shape:
            self.misshaped[key] = f"{_shape(scores)} scores, {_shape(reference)} in the reference"
            return None
        statistics = ErrorStatistics.of(scores, reference)
        if statistics.not_finite:
            self.not_finite[key] = statistics.not_finite
        self.by_key[key] = statistics
        self.total = self.total + statistics
        return statistics

    def finish(self) -> None:
        """Looks for what of the reference has had no scores."""
        self.missing = [key for key in self.reference if key not in self._seen]

    @property
    def worst(self) -> str | None:
        """The utterance with the largest error; None: nothing was compared."""
        if not self.by_key:
            return None
        return max(self.by_key, key=lambda key: self.by_key[key].max_error)

    def complaints(self) -> list[str]:
        """What could not be compared, a sentence for each kind."""
        sentences = []
        if self.missing:
            sentences.append(f"{_named(self.missing)} of the reference: there are no scores.")
        if self.extra:
            sentences.append(f"{_named(self.extra)}: not in the reference.")
        if not self.by_key and self.missing and self.extra:
            sentences.append("No utterance of the reference has the key of one that was scored.")
        for key, shapes in list(self.misshaped.items())[:_MOST_NAMED]:
            sentences.append(f"{key}: {shapes}.")
        if len(self.misshaped) > _MOST_NAMED:
            left = len(self.misshaped) - _MOST_NAMED
            sentences.append(f"and {left} more of another shape than the reference.")
        if self.not_finite:
            count = sum(self.not_finite.values())
            keys = _named(list(self.not_finite))
            sentences.append(f"{keys}: {count} scores are NaN or infinite, here or there.")
        return sentences

    def exceeded(self, tolerance: Tolerance) -> list[str]:
        """Why the scores are not within a tolerance; empty: they are."""
        reasons = []
        most, mean = tolerance.max_error, tolerance.avg_error
        if most is not None and self.total.max_error > most:
            reasons.append(
                f"max error {self.total.max_error:.7f} of {self.worst} is above {most:g}"
            )
        if mean is not None and self.total.avg_error > mean:
            reasons.append(f"avg error {self.total.avg_error:.7f} is above {mean:g}")
        if not self.by_key:
            reasons.append("nothing was compared")
        for what, keys in (
            ("missing", self.missing),
            ("extra", self.extra),
            ("of another shape", self.misshaped),
            ("with NaN or infinity", self.not_finite),
        ):
            if keys:
                reasons.append(f"{len(keys)} utterances {what}")
        return reasons

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "output": self.output,
            "total": self.total.to_json(),
            "worst": self.worst,
            "utterances": {key: one.to_json() for key, one in self.by_key.items()},
            "missing": self.missing,
            "extra": self.extra,
            "misshaped": self.misshaped,
            "not_finite": self.not_finite,
        }


def _shape(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))


def _named(keys: list[str]) -> str:
    more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
    return ", ".join(keys[:_MOST_NAMED]) + more
