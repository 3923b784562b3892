"""Pauses put before, into and behind recordings: silence, digital or with a little noise.

Corpora are cut close around what is said. A network that has never seen a pause takes its
first one for speech, and whoever speaks to it from a microphone pauses all the time.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.errors import Problem

PLACES = ("before", "within", "after")

# A pause goes into speech where it is quiet anyway, between words or in the closure of a consonant
# (30 ms and more): where the power over 20 ms is this much below the loudest, with sound on both
# sides. Most words have no such place, and the pause goes behind them.
QUIET_DB = 25.0
_BLOCK_SECONDS = 0.01
_SMOOTHED_BLOCKS = 2


def _check(values: Params, where: str) -> Iterable[Problem]:
    low, high = values.get("noise_level_min", -90.0), values.get("noise_level_max", -50.0)
    if low > high:
        expected = f"at most noise_level_max, {high:g}"
        remedy = f"Set it to {high:g} or less, or raise noise_level_max."
        yield Problem(f"{where}/noise_level_min", f"{low:g}", expected, remedy)


PAUSES = Schema(
    "pauses",
    [
        Param(
            "probability",
            float,
            "Probability of a pause, for each of the three places by itself: before the "
            "recording, within it (at a quiet spot; behind it if there is none), behind it.",
            0.3,
            minimum=0,
            maximum=1,
        ),
        Param(
            "max_duration",
            float,
            "Longest pause, in seconds. Short ones are the most frequent: the length is this "
            "times the square of a uniform number, a third of it on average.",
            1.0,
            minimum=0,
        ),
        Param(
            "digital_share",
            float,
            "Share of the recordings whose pauses are digital silence; the others' are noise.",
            0.5,
            minimum=0,
            maximum=1,
        ),
        Param(
            "noise_level_min",
            float,
            "Lowest level of the noise in pauses, in dB relative to the recording's peak.",
            -90.0,
            maximum=0,
        ),
        Param("noise_level_max", float, "Highest level of that noise, in dB.", -50.0, maximum=0),
    ],
    check=_check,
    summary="Pauses put before, into and behind recordings.",
)


class Pauses:
    """Draws pauses and puts them into recordings.

    Args:
      params: the parameters of `PAUSES`; None: there are none.
      sample_freq: the samples' rate, in Hz.
    """

    def __init__(self, params: Params | None, sample_freq: int):
        self.params = PAUSES.fill(dict(params or {"probability": 0.0}))
        self.sample_freq = sample_freq
        longest = self.params["max_duration"] if self.params["probability"] else 0.0
        self._longest = round(longest * sample_freq)

    @property
    def longest(self) -> int:
        """Samples of the longest pauses of one recording, together."""
        return len(PLACES) * self._longest

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """The samples of silence of n recordings, `[n, 3]` int64: before, within, after."""
        share = rng.random((n, len(PLACES)))
        there = rng.random((n, len(PLACES))) < self.params["probability"]
        return np.where(there, np.round(self._longest * np.square(share)), 0).astype(np.int64)

    def insert(
        self, samples: np.ndarray, pauses: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Puts pauses into a recording; its own samples are not changed.

        Args:
          samples: `[n]` float32.
          pauses: `[3]` int64, samples before, within and after; see `draw`.
          rng: source of the place within, and of the noise and its level.

        Returns:
          `[n + pauses.sum()]` float32; `samples` itself where there are no pauses.
        """
        before, within, after = (int(count) for count in pauses)
        if not before + within + after:
            return samples
        place = quiet_place(samples, self.sample_freq, rng) if within else len(samples)
        silence = self._silence(samples, before + within + after, rng)
        first, second, third = np.split(silence, [before, before + within])
        return np.concatenate([first, samples[:place], second, samples[place:], third])

    def _silence(self, samples: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < self.params["digital_share"]:
            return np.zeros(count, np.float32)
        level = rng.uniform(self.params["noise_level_min"], self.params["noise_level_max"])
        peak = float(np.abs(samples).max(initial=0.0))
        noise = rng.standard_normal(count, dtype=np.float32)
        noise *= np.float32(peak * 10.0 ** (level / 20.0))
        return noise


def quiet_place(samples: np.ndarray, sample_freq: int, rng: np.random.Generator) -> int:
    """A random one of the quiet spots inside a recording, as an index; its end if it has none.

    Quiet: the power over 20 ms is `QUIET_DB` below the loudest 20 ms of the recording. Inside:
    there are louder ones before and behind it.
    """
    block = max(round(_BLOCK_SECONDS * sample_freq), 1)
    count = len(samples) // block
    if count < _SMOOTHED_BLOCKS:
        return len(samples)
    power = np.square(samples[: count * block].reshape(count, block)).mean(axis=1, dtype=np.float64)
    smooth = np.convolve(power, np.full(_SMOOTHED_BLOCKS, 1 / _SMOOTHED_BLOCKS), "valid")
    quiet = smooth <= smooth.max() * 10.0 ** (-QUIET_DB / 10.0)
    loud = np.flatnonzero(~quiet)
    if not len(loud):  # all of it is silence
        return len(samples)
    inside = loud[0] + np.flatnonzero(quiet[loud[0] : loud[-1]])
    if not len(inside):
        return len(samples)
    # In the middle of the 20 ms.
    return int((rng.choice(inside) + _SMOOTHED_BLOCKS / 2) * block)
