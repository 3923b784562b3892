"""By whose mean and deviation features are normalised: the recording's, fixed, or running ones.

Each is a formula in NumPy that holds for whole recordings and, where it can stream, for pieces:
the same numbers whatever the pieces.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features import spectrum
from open_seq2seq.features.front_end import State
from open_seq2seq.features.options import FeatureOptions

# Frames whose sums are scaled together, and the logarithm of the largest scale in float64.
_BLOCK, _LARGEST_SCALE = 256, 600

# What NeMo adds to deviations.
DEVIATION_EPSILON = 1e-5


class Normalizer(Protocol):
    """Normalises features in place; it keeps nothing between recordings."""

    takes_levels: bool

    def __call__(self, features: np.ndarray, levels: np.ndarray | None = None) -> None:
        """A whole recording.

        Args:
          features: `[time, feature]` float32.
          levels: `[time]`, the power of each frame; needed if `takes_levels`.
        """

    def streaming_problems(self) -> list[Problem]:
        """Why it needs the whole recording, if it does."""

    def initial_state(self) -> State:
        """The state of a stream before its first frame."""

    def stream(self, features: np.ndarray, state: State) -> State:
        """The next frames `[time, feature]` of a stream, in place; returns the new state."""


def make_normalizer(options: FeatureOptions) -> Normalizer:
    """The normalisation that the parameters ask for, if its statistics are known."""
    mean, deviation = options.features_mean, options.features_std_dev
    if options.norm == "running":
        hop_seconds = options.hop_length / options.sample_freq
        constant = options.running_time_constant
        return RunningNormalizer(
            options.num_audio_features,
            options.norm_per_feature,
            mean,
            deviation,
            options.running_prior_frames,
            None if constant is None else constant / hop_seconds,
        )
    if options.norm == "none":
        features = options.num_audio_features
        return FixedNormalizer(np.zeros(features), np.ones(features))
    if options.norm == "fixed":
        assert mean is not None and deviation is not None
        return FixedNormalizer(mean, deviation)
    if options.backend == "psf":
        return UtteranceNormalizer(per_feature=False)
    if options.backend == "nemo":
        return UnbiasedNormalizer(options.norm_per_feature)
    return UtteranceNormalizer(options.norm_per_feature, options.norm_range, mean, deviation)


class UtteranceNormalizer:
    """`(x - mean) / deviation` of the recording itself; see `spectrum.normalise`.

    Args:
      per_feature: statistics of each feature over time, instead of one for all.
      norm_range: only frames within so many dB of the loudest count; None: all.
      mean, deviation: `[feature]`, one of them may be given instead.
    """

    def __init__(
        self,
        per_feature: bool,
        norm_range: float | None = None,
        mean: np.ndarray | None = None,
        deviation: np.ndarray | None = None,
    ):
        self.per_feature, self.norm_range = per_feature, norm_range
        self.mean, self.deviation = mean, deviation
        self.takes_levels = norm_range is not None

    def __call__(self, features: np.ndarray, levels: np.ndarray | None = None) -> None:
        """See `Normalizer`."""
        counted = None
        if self.norm_range is not None:
            assert levels is not None
            counted = spectrum.loud(levels, self.norm_range)
        spectrum.normalise(features, self.per_feature, self.mean, self.deviation, counted)

    def streaming_problems(self) -> list[Problem]:
        """See `Normalizer`."""
        return [
            Problem(
                "feature_norm",
                "'utterance': mean and deviation of the whole recording",
                "'fixed' or 'running'",
                "Set feature_norm to 'running' (or 'fixed') and train with it.",
            )
        ]

    def initial_state(self) -> State:
        """Nothing: it cannot stream."""
        return {}

    def stream(self, features: np.ndarray, state: State) -> State:
        """It cannot."""
        raise ValueError(str(self.streaming_problems()[0]))


class UnbiasedNormalizer(UtteranceNormalizer):
    """`(x - mean) / (deviation + 1e-5)` of the recording itself, as NeMo has it.

    The deviation is that of a sample, divided by n - 1; that of a single number is 0. What does
    not change becomes exactly 0.

    Args:
      per_feature: statistics of each feature over time, instead of one for all.
    """

    def __init__(self, per_feature: bool):
        super().__init__(per_feature)

    def __call__(self, features: np.ndarray, levels: np.ndarray | None = None) -> None:
        """See `Normalizer`."""
        axis = 0 if self.per_feature else None
        features -= features.mean(axis=axis, dtype=np.float64).astype(np.float32)
        features -= features.mean(axis=axis, dtype=np.float64).astype(np.float32)
        count = len(features) if self.per_feature else features.size
        squares = np.square(features).sum(axis=axis, dtype=np.float64)
        deviation = np.sqrt(squares / max(count - 1, 1))
        features /= (deviation + DEVIATION_EPSILON).astype(np.float32)


class FixedNormalizer:
    """`(x - mean) / max(deviation, 1e-5)` with the same numbers for every recording.

    Args:
      mean, deviation: `[feature]`.
    """

    takes_levels = False

    def __init__(self, mean: np.ndarray, deviation: np.ndarray):
        self.mean, self.deviation = mean, deviation

    def __call__(self, features: np.ndarray, levels: np.ndarray | None = None) -> None:
        """See `Normalizer`."""
        spectrum.normalise(features, True, self.mean, self.deviation)

    def streaming_problems(self) -> list[Problem]:
        """None."""
        return []

    def initial_state(self) -> State:
        """Nothing to carry on."""
        return {}

    def stream(self, features: np.ndarray, state: State) -> State:
        """See `Normalizer`."""
        self(features)
        return state


class RunningNormalizer:
    """Normalises each frame by the frames up to it, the frame itself included, and a prior.

    With the prior's mean m, deviation d and weight N (in frames), and `a = exp(-1 / T)` for a
    time constant of T frames (1 where nothing is forgotten), after frame x_t, t = 0, 1, ...:

        n_t = a n_{t-1} + 1           n_{-1} = N
        s_t = a s_{t-1} + x_t         s_{-1} = N m
        q_t = a q_{t-1} + x_t^2       q_{-1} = N (m^2 + d^2)
        mean_t = s_t / n_t            deviation_t = sqrt(q_t / n_t - mean_t^2)
        y_t = (x_t - mean_t) / max(deviation_t, 1e-5)

    for each feature by itself; not per feature, x_t and x_t^2 in the sums are their means over
    the features. The sums are float64: any pieces of a recording give the same features.

    Args:
      num_features: features of a frame.
      per_feature: statistics of each feature, instead of one for all.
      mean, deviation: `[feature]`, the prior's; None where its weight is 0.
      prior_frames: its weight N, in frames.
      time_constant: T, in frames; None: nothing is forgotten.
    """

    takes_levels = False

    def __init__(
        self,
        num_features: int,
        per_feature: bool,
        mean: np.ndarray | None = None,
        deviation: np.ndarray | None = None,
        prior_frames: float = 0.0,
        time_constant: float | None = None,
    ):
        self.per_feature, self.prior_frames = per_feature, prior_frames
        self.decay = 1.0 if time_constant is None else math.exp(-1.0 / time_constant)
        block = (
            _BLOCK if time_constant is None else min(_BLOCK, int(_LARGEST_SCALE * time_constant))
        )
        self._powers = self.decay ** np.arange(max(block, 1))[:, None]
        zeros = np.zeros(num_features)
        self.mean = zeros if mean is None else np.asarray(mean, np.float64)
        self.deviation = zeros if deviation is None else np.asarray(deviation, np.float64)

    def __call__(self, features: np.ndarray, levels: np.ndarray | None = None) -> None:
        """See `Normalizer`."""
        self.stream(features, self.initial_state())

    def streaming_problems(self) -> list[Problem]:
        """None."""
        return []

    def initial_state(self) -> State:
        """The prior: `weight` [] (n), `sum` and `square_sum` `[feature]` or `[1]` (s, q)."""
        square = np.square(self.mean) + np.square(self.deviation)
        mean = self.mean if self.per_feature else self.mean.mean(keepdims=True)
        square = square if self.per_feature else square.mean(keepdims=True)
        weight = np.float64(self.prior_frames)
        return {"weight": np.asarray(weight), "sum": weight * mean, "square_sum": weight * square}

    def stream(self, features: np.ndarray, state: State) -> State:
        """See `Normalizer`."""
        if not len(features):
            return state
        values = features.astype(np.float64)
        squares = np.square(values)
        if not self.per_feature:
            squares = squares.mean(axis=1, keepdims=True)
            sums = self._accumulated(values.mean(axis=1, keepdims=True), state["sum"])
        else:
            sums = self._accumulated(values.copy(), state["sum"])
        squares = self._accumulated(squares, state["square_sum"])
        weights = self._accumulated(np.ones((len(values), 1)), state["weight"][None])
        after = {"weight": weights[-1, 0], "sum": sums[-1].copy(), "square_sum": squares[-1].copy()}
        sums /= weights
        squares /= weights
        squares -= np.square(sums)
        np.maximum(squares, spectrum.SMALLEST_DEVIATION**2, out=squares)
        values -= sums
        values /= np.sqrt(squares)
        features[...] = values
        return {name: np.asarray(value) for name, value in after.items()}

    def _accumulated(self, values: np.ndarray, before: np.ndarray) -> np.ndarray:
        """`y_t = a y_{t-1} + x_t` over the first axis, from y_{-1} = `before` on, in place."""
        size = len(self._powers)
        for first in range(0, len(values), size):
            block = values[first : first + size]
            # As y_t / a^t = a y_{-1} + the sum of x_k / a^k for k <= t, no loop over frames.
            powers = self._powers[: len(block)]
            block /= powers
            block[0] += self.decay * before
            np.cumsum(block, axis=0, out=block)
            block *= powers
            before = block[-1]
        return values
