"""Audio features: a recording's samples as the matrix that the network sees."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import overload

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.fingerprint import check_fingerprint, make_fingerprint
from open_seq2seq.features.front_end import Context, FrontEnd, State
from open_seq2seq.features.librosa_front_end import LibrosaFrontEnd
from open_seq2seq.features.nemo_front_end import NemoFrontEnd
from open_seq2seq.features.normalization import Normalizer, make_normalizer
from open_seq2seq.features.options import FeatureOptions
from open_seq2seq.features.params import FEATURE_PARAMS, STORED
from open_seq2seq.features.problems import FEATURES, feature_problems, parse_options
from open_seq2seq.features.psf_front_end import PsfFrontEnd
from open_seq2seq.features.samples import check_samples
from open_seq2seq.features.statistics import (
    FeatureStatistics,
    StatisticsSum,
    stored_statistics,
)
from open_seq2seq.features.stored_front_end import StoredFrontEnd
from open_seq2seq.files import JsonObject

__all__ = [
    "FEATURES",
    "FEATURE_PARAMS",
    "FeatureExtractor",
    "check_fingerprint",
    "feature_problems",
]

FRONT_ENDS: dict[str, Callable[..., FrontEnd]] = {
    "psf": PsfFrontEnd,
    "librosa": LibrosaFrontEnd,
    "nemo": NemoFrontEnd,
    STORED: StoredFrontEnd,
}


class FeatureExtractor:
    """A front-end and the normalisation of its features; a `FrontEnd` itself.

    Made once, it holds windows and filters. It keeps no state between recordings: threads may
    share it, processes may pickle it.

    Where the parameters ask for statistics of the training data (`feature_norm`) and do not
    give them, `lacks_statistics` is True, and features can be computed after `with_statistics`
    or `with_stored_statistics` only.

    Args:
      params: `FEATURE_PARAMS`, among other keys; or the options that were made of them.

    Raises:
      InputError: the parameters are not valid.
    """

    PARAMS = FEATURES

    def __init__(self, params: Params | FeatureOptions):
        self.options = params if isinstance(params, FeatureOptions) else parse_options(params)
        self.num_features = self.options.num_audio_features
        self.front_end: FrontEnd = _front_end(self.options)
        self._normalizer = None if self.options.lacks_statistics else make_normalizer(self.options)

    @property
    def sample_freq(self) -> int:
        """The rate of the samples, in Hz."""
        return self.options.sample_freq

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return self.options.hop_length

    @property
    def context(self) -> Context:
        """The samples that a frame is made of, before its normalisation."""
        return self.front_end.context

    @property
    def frequencies(self) -> np.ndarray | None:
        """`[feature]` float64, the centre of each feature's band in Hz; None for mfcc."""
        return self.front_end.frequencies

    @property
    def notes(self) -> list[str]:
        """What a user should know about the parameters, one sentence each."""
        return self.options.notes() + self.front_end.notes

    @property
    def parameters(self) -> JsonObject:
        """What changes the features besides the samples, as JSON values: a cache's key."""
        return self.options.used()

    @property
    def normalizer(self) -> Normalizer:
        """What normalises the features.

        Raises:
          InputError: its statistics are not known.
        """
        if self._normalizer is None:
            found = f"no features_mean (feature_norm is {self.options.norm!r})"
            remedy = (
                "Training measures it and keeps it in the checkpoint; scripts/measure_features.py "
                "does so beforehand."
            )
            expected = "the mean of each feature in the training data"
            problem = Problem("data_layer_params", found, expected, remedy)
            raise InputError("Cannot normalise features:", [problem])
        return self._normalizer

    def __call__(
        self,
        samples: np.ndarray,
        rng: np.random.Generator | None = None,
        levels: np.ndarray | None = None,
    ) -> np.ndarray:
        """Features of one recording.

        Args:
          samples: `[n]` float32 in [-1, 1] at `sample_freq`, n >= 1.
          rng: source of the dither; None: the same noise each time, as outside training.
          levels: `[time]` float32; if given, filled with the power of each frame.

        Returns:
          `[time, feature]` float32, always finite; time is `frames(n)`.

        Raises:
          InputError: no samples, whole numbers, several channels, NaN or infinity; or the
            statistics of the training data are needed and not known.
        """
        normalizer, samples = self.normalizer, np.asarray(samples)
        check_samples(samples)
        if levels is None and normalizer.takes_levels:
            levels = np.empty(self.frames(len(samples)), np.float32)
        features = self.front_end(samples.astype(np.float32, copy=False), rng, levels)
        normalizer(features, levels)
        return features

    @overload
    def frames(self, samples: int) -> int: ...
    @overload
    def frames(self, samples: np.ndarray) -> np.ndarray: ...
    def frames(self, samples: int | np.ndarray) -> int | np.ndarray:
        """Number of frames of recordings with so many samples, at least 1."""
        count = self.front_end.frames(np.asarray(samples, np.int64))
        return int(count) if np.ndim(samples) == 0 else count

    def most_samples(self, frames: int) -> int:
        """The longest recording that has at most so many frames (at least 1), in samples."""
        options = self.options
        beyond = (frames + 1) * options.hop_length + options.window_length + options.fft_length
        return bisect_right(range(1, beyond), frames, key=self.frames)

    def levelled(self, samples: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The first step alone: samples at the front-end's level, with its dither, `[n]` float32.

        What follows can be computed elsewhere: see `build_features`.

        Args:
          samples, rng: as for a call.

        Raises:
          InputError: the samples are not what a call takes.
        """
        samples = np.asarray(samples)
        check_samples(samples)
        return self.front_end.levelled(samples.astype(np.float32, copy=False), rng)

    def fingerprint(self) -> JsonObject:
        """The parameters and a few numbers of a fixed signal, to store with a checkpoint."""
        if self._normalizer is None:  # the parameters tell what is missing, if it is compared
            return make_fingerprint(self.front_end, self.parameters, self.options.sample_freq)
        return make_fingerprint(self, self.parameters, self.options.sample_freq)

    def exact(self) -> FeatureExtractor:
        """The same with transforms in float64: what rounding does to the features shows."""
        other = copy.copy(self)
        other.front_end = _front_end(self.options, exact=True)
        return other

    # --- the statistics of the training data

    @property
    def lacks_statistics(self) -> bool:
        """Whether statistics of the training data are needed and not known yet."""
        return self._normalizer is None

    def with_statistics(self, statistics: FeatureStatistics) -> FeatureExtractor:
        """The same with these means and deviations."""
        mean, deviation = statistics.mean, statistics.deviation
        return FeatureExtractor(
            replace(self.options, features_mean=mean, features_std_dev=deviation)
        )

    def with_stored_statistics(self, fingerprint: JsonObject) -> FeatureExtractor:
        """With those of a checkpoint's fingerprint, where they are needed and it has them.

        Raises:
          InputError: they are damaged.
        """
        stored = stored_statistics(fingerprint) if self.lacks_statistics else None
        if stored is None or len(stored.mean) != self.num_features:
            return self
        return self.with_statistics(stored)

    def unnormalised(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features `[time, feature]` before normalisation, and the power of each frame `[time]`.

        Raises:
          InputError: the samples are not what a call takes.
        """
        check_samples(samples)
        levels = np.empty(self.frames(len(samples)), np.float32)
        features = self.front_end(samples.astype(np.float32, copy=False), None, levels)
        return features, levels

    def statistics_sum(self) -> StatisticsSum:
        """What `unnormalised` features of many recordings are added to, to measure statistics."""
        options = self.options
        norm_range = options.norm_range if options.backend == "librosa" else None
        return StatisticsSum(self.num_features, options.norm_per_feature, norm_range)

    # --- streams

    def streaming_problems(self) -> list[Problem]:
        """What in the parameters needs a whole recording, and what to set instead."""
        problems = self.front_end.streaming_problems()
        if self._normalizer is not None:
            problems += self._normalizer.streaming_problems()
        return problems

    def initial_state(self) -> State:
        """The state of a stream before its first sample; see `FrontEnd` and `OnlineFeatures`."""
        front_end, normalizer = self.front_end.initial_state(), self.normalizer.initial_state()
        return {**front_end, **{f"{_NORM}{name}": one for name, one in normalizer.items()}}

    def stream(self, samples: np.ndarray, state: State, last: bool) -> tuple[np.ndarray, State]:
        """The features that more samples complete; see `FrontEnd`."""
        if len(samples):
            check_samples(samples)
        of_norm = {name.removeprefix(_NORM): state[name] for name in state if _NORM in name}
        features, after = self.front_end.stream(samples, state, last)
        of_norm = self.normalizer.stream(features, of_norm)
        return features, {**after, **{f"{_NORM}{name}": one for name, one in of_norm.items()}}


_NORM = "norm/"


def _front_end(options: FeatureOptions, **exact: bool) -> FrontEnd:
    return FRONT_ENDS[STORED if options.is_stored else options.backend](options, **exact)
