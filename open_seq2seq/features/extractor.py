"""Audio features: a recording's samples as the matrix that the network sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.fingerprint import check_fingerprint, make_fingerprint
from open_seq2seq.features.librosa_front_end import LibrosaFrontEnd
from open_seq2seq.features.options import (
    FEATURE_PARAMS,
    FEATURES,
    FeatureOptions,
    feature_problems,
)
from open_seq2seq.features.psf_front_end import PsfFrontEnd

__all__ = [
    "FEATURES",
    "FEATURE_PARAMS",
    "FeatureExtractor",
    "check_fingerprint",
    "feature_problems",
]

FRONT_ENDS: dict[str, type[PsfFrontEnd] | type[LibrosaFrontEnd]] = {
    "psf": PsfFrontEnd,
    "librosa": LibrosaFrontEnd,
}


class FeatureExtractor:
    """Computes features; made once, it holds its windows and filters.

    It keeps no state between recordings: threads may share it, processes may pickle it.

    Args:
      params: `FEATURE_PARAMS`, among other keys.

    Raises:
      InputError: the parameters are not valid.
    """

    PARAMS = FEATURES

    def __init__(self, params: Mapping[str, Any]):
        self.options = FeatureOptions.parse(params)
        self.num_features = self.options.num_audio_features
        self.front_end = FRONT_ENDS[self.options.backend](self.options)

    @property
    def notes(self) -> list[str]:
        """What a user should know about the parameters, one sentence each."""
        notes = self.options.notes()
        matrix = self.front_end.matrix
        empty = 0 if matrix is None else int(np.count_nonzero(~matrix.any(axis=0)))
        if matrix is not None and empty:
            notes.append(
                f"{empty} of {matrix.shape[1]} mel filters lie between the frequencies of a "
                f"{self.options.fft_length}-sample FFT and are constant."
            )
        return notes

    @property
    def frequencies(self) -> np.ndarray | None:
        """`[feature]` float64, the centre of each feature's band in Hz; None for mfcc."""
        options, matrix = self.options, self.front_end.matrix
        if options.input_type == "mfcc":
            return None
        bins = np.arange(options.fft_length // 2 + 1) * (options.sample_freq / options.fft_length)
        if matrix is None:
            return bins[: self.num_features]
        # Filters that lie between two bins have no weights: between their neighbours.
        weights = matrix.astype(np.float64)
        sums = weights.sum(axis=0)
        there = np.flatnonzero(sums)
        centres = (bins @ weights[:, there]) / sums[there]
        return np.interp(np.arange(self.num_features), there, centres)

    def __call__(self, samples: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Features of one recording.

        Args:
          samples: `[n]` float32 in [-1, 1] at `sample_freq`, n >= 1.
          rng: source of the dither; None: the same noise each time, as outside training.

        Returns:
          `[time, feature]` float32, always finite; time is `frames(n)`.

        Raises:
          InputError: no samples, whole numbers, several channels, NaN or infinity.
        """
        samples = np.asarray(samples)
        _check_samples(samples)
        return self.front_end(samples.astype(np.float32, copy=False), rng)

    @overload
    def frames(self, num_samples: int) -> int: ...
    @overload
    def frames(self, num_samples: np.ndarray) -> np.ndarray: ...
    def frames(self, num_samples: int | np.ndarray) -> int | np.ndarray:
        """Number of frames of recordings with `num_samples` (at least 1) samples."""
        count = self.front_end.frames(np.asarray(num_samples, np.int64))
        return int(count) if np.ndim(num_samples) == 0 else count

    def fingerprint(self) -> dict[str, Any]:
        """The parameters and a few numbers of a fixed signal, to store with a checkpoint."""
        return make_fingerprint(self, self.options)


def _check_samples(samples: np.ndarray) -> None:
    expected = "one channel of finite samples in [-1, 1]"
    problem = None
    if samples.ndim != 1:
        problem = Problem("samples", f"an array of shape {list(samples.shape)}", expected)
    elif samples.size == 0:
        problem = Problem("samples", "no samples", "at least one sample")
    elif not np.issubdtype(samples.dtype, np.floating):
        found = f"samples of type {samples.dtype}"
        remedy = "Convert them: 16-bit samples are divided by 32768."
        problem = Problem("samples", found, expected, remedy)
    elif not np.isfinite(samples).all():
        problem = Problem("samples", "NaN or infinite samples", expected)
    if problem:
        raise InputError("Cannot compute features:", [problem])
