"""Means and deviations of the training data's features: measured, stored, read again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features import spectrum
from open_seq2seq.files import JsonObject, write_whole

# Parameters that do not change what is measured, only what is done with it.
_LATER = {
    "feature_norm",
    "features_mean",
    "features_std_dev",
    "running_prior_frames",
    "running_time_constant",
}


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """What `fixed` normalises by and `running` begins with.

    Args:
      mean, deviation: `[feature]` float32.
      frames: how many they are measured on; 0: not known.
    """

    mean: np.ndarray
    deviation: np.ndarray
    frames: int = 0


class StatisticsSum:
    """Sums of features and their squares, in float64, over recordings.

    Args:
      num_features: features of a frame.
      per_feature: statistics of each feature, instead of one for all.
      norm_range: of each recording, only frames within so many dB of the loudest count.
    """

    def __init__(self, num_features: int, per_feature: bool, norm_range: float | None = None):
        self.num_features, self.per_feature = num_features, per_feature
        self.norm_range = norm_range
        self.frames = 0
        self._sum, self._square_sum = np.zeros(num_features), np.zeros(num_features)

    def add(self, features: np.ndarray, levels: np.ndarray | None = None) -> None:
        """A recording's features `[time, feature]` and the powers of its frames `[time]`."""
        if self.norm_range is not None and levels is not None:
            features = features[spectrum.loud(levels, self.norm_range)]
        values = features.astype(np.float64)
        self._sum += values.sum(axis=0)
        self._square_sum += np.square(values).sum(axis=0)
        self.frames += len(values)

    def add_sums(self, frames: int, sums: np.ndarray, squares: np.ndarray) -> None:
        """`sums` of other recordings."""
        self.frames += frames
        self._sum += sums
        self._square_sum += squares

    def sums(self) -> tuple[int, np.ndarray, np.ndarray]:
        """Frames, and the sums `[feature]` of features and of their squares."""
        return self.frames, self._sum, self._square_sum

    def result(self) -> FeatureStatistics:
        """Mean and (population) deviation of all frames.

        Raises:
          InputError: there are no frames.
        """
        if not self.frames:
            problem = Problem("the recordings", "none that can be read", "at least one")
            raise InputError("The features' mean and deviation cannot be measured:", [problem])
        mean, square = self._sum / self.frames, self._square_sum / self.frames
        if not self.per_feature:
            mean = np.full(self.num_features, mean.mean())
            square = np.full(self.num_features, square.mean())
        deviation = np.sqrt(np.maximum(square - np.square(mean), 0.0))
        return FeatureStatistics(mean.astype(np.float32), deviation.astype(np.float32), self.frames)


def stored_statistics(fingerprint: JsonObject) -> FeatureStatistics | None:
    """The statistics in a checkpoint's fingerprint; None where it has none.

    Raises:
      InputError: they are damaged.
    """
    parameters = fingerprint.get("parameters", {})
    given = [parameters.get(name) for name in ("features_mean", "features_std_dev")]
    if given[0] is None or given[1] is None:
        return None
    mean, deviation = _vectors(given, "the checkpoint's features")
    if len(mean) != parameters.get("num_audio_features", len(mean)):
        expected = f"{parameters['num_audio_features']} numbers"
        problem = Problem("the checkpoint's features_mean", f"{len(mean)} numbers", expected)
        raise InputError("The statistics of the features cannot be used:", [problem])
    return FeatureStatistics(mean, deviation)


def write_statistics(
    path: Path, statistics: FeatureStatistics, parameters: JsonObject, recordings: int
) -> None:
    """Writes a file for `feature_norm_file`.

    Args:
      parameters: `FeatureOptions.used()`, which the numbers hold for.
      recordings: how many were measured.
    """
    content = {
        "features_mean": statistics.mean.tolist(),
        "features_std_dev": statistics.deviation.tolist(),
        "recordings": recordings,
        "frames": statistics.frames,
        "parameters": _measured_with(parameters),
    }
    write_whole(path, json.dumps(content, indent=1) + "\n")


def read_statistics(path: Path, parameters: JsonObject) -> FeatureStatistics:
    """Reads a file of `write_statistics`.

    Args:
      parameters: `FeatureOptions.used()` of the front-end that is to use it.

    Raises:
      InputError: it cannot be read, or was measured with other parameters.
    """
    summary = "The statistics of the features cannot be used:"
    remedy = "Measure again with scripts/measure_features.py, or leave out feature_norm_file."
    try:
        content = json.loads(path.read_text())
        given = [content["features_mean"], content["features_std_dev"]]
        measured_with, frames = dict(content["parameters"]), int(content["frames"])
    except OSError as error:
        found = error.strerror or str(error)
        problem = Problem(f"feature_norm_file {path}", found, "a file that can be read", remedy)
        raise InputError(summary, [problem]) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        expected = "a file of scripts/measure_features.py"
        problem = Problem(str(path), f"{type(error).__name__}: {error}", expected, remedy)
        raise InputError(summary, [problem]) from error
    mean, deviation = _vectors(given, str(path))
    problems = [
        Problem(
            f"{path}, {name}", repr(measured_with.get(name)), f"{value!r} as in the config", remedy
        )
        for name, value in _measured_with(parameters).items()
        if measured_with.get(name) != value
    ]
    if problems:
        raise InputError(summary, problems)
    return FeatureStatistics(mean, deviation, frames)


def _measured_with(parameters: JsonObject) -> JsonObject:
    return {name: value for name, value in parameters.items() if name not in _LATER}


def _vectors(given: list[object], where: str) -> list[np.ndarray]:
    try:
        vectors = [np.asarray(one, np.float32) for one in given]
        fits = all(one.ndim == 1 and np.isfinite(one).all() for one in vectors)
        fits = fits and len(vectors[0]) == len(vectors[1]) and bool((vectors[1] >= 0).all())
    except (ValueError, TypeError, OverflowError):
        fits = False
    if not fits:
        expected = "means and deviations, finite and as many of both"
        problem = Problem(where, "other values", expected)
        raise InputError("The statistics of the features cannot be used:", [problem])
    return vectors
