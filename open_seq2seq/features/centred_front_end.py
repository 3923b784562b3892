"""Front-ends of a centred STFT: what librosa's and NeMo's have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features import filters, spectrum
from open_seq2seq.features.front_end import Context, State
from open_seq2seq.features.options import FeatureOptions


class CentredFrontEnd(ABC):
    """Frame t is centred at sample `t * hop_length`; what lies outside is reflected, or zero.

    A signal at some level (`levelled`), pre-emphasised, is cut into windowed frames, and their
    power spectra are converted (`_convert`). See `FrontEnd` for what is not said here.

    With a level that is known beforehand it streams: the first frame waits for the samples that are
    reflected before it, only the last one for the end.

    Args:
      options: the parameters.
      window: `[window_length]`; None: a rectangular one.
      matrix: `[bin, energy]`, what the power spectrum is multiplied with; None: nothing.
      cepstra: `[energy, feature]`, what logarithms of the energies are multiplied with; or None.
      emphasis: of the pre-emphasis; None: there is none.
      reflects: whether edges are reflected, instead of zero.
      exact: transform in float64, which tells how much of a difference is rounding.
    """

    def __init__(
        self,
        options: FeatureOptions,
        window: np.ndarray | None,
        matrix: np.ndarray | None,
        cepstra: np.ndarray | None = None,
        emphasis: float | None = spectrum.PRE_EMPHASIS,
        reflects: bool = True,
        exact: bool = False,
    ):
        self.options, self.exact = options, exact
        self.window, self.matrix, self.cepstra = window, matrix, cepstra
        self.emphasis, self.reflects = emphasis, reflects
        # A window shorter than the FFT sits in its middle.
        self.left = options.fft_length // 2 - (options.fft_length - options.window_length) // 2

    @property
    def num_features(self) -> int:
        """See `FrontEnd`."""
        return self.options.num_audio_features

    @property
    def context(self) -> Context:
        """See `FrontEnd`."""
        emphasised = self.emphasis is not None
        return Context(self.left + emphasised, self.options.window_length - self.left)

    @property
    def frequencies(self) -> np.ndarray | None:
        """See `FrontEnd`."""
        return filters.band_centres(self.options, self.matrix)

    @property
    def notes(self) -> list[str]:
        """See `FrontEnd`."""
        return filters.empty_band_notes(self.options, self.matrix)

    @abstractmethod
    def frames(self, samples: Any) -> Any:
        """See `FrontEnd`."""

    @abstractmethod
    def levelled(
        self, samples: np.ndarray, rng: np.random.Generator | None = None, position: int = 0
    ) -> np.ndarray:
        """See `FrontEnd`; `position` is the first sample's number."""

    @abstractmethod
    def streaming_problems(self) -> list[Problem]:
        """See `FrontEnd`."""

    @abstractmethod
    def _convert(self, power: np.ndarray, out: np.ndarray) -> None:
        """A block's power spectra to its numbers before the DCT of the energies."""

    def __call__(
        self,
        samples: np.ndarray,
        rng: np.random.Generator | None = None,
        levels: np.ndarray | None = None,
    ) -> np.ndarray:
        """See `FrontEnd`."""
        signal = self._centred(self.levelled(samples, rng))
        return self._features(signal, self._count(samples), levels)

    def initial_state(self) -> State:
        """`held` and `last`: samples; `samples` and `frames`: how many there were."""
        zero = np.asarray(0, np.int64)
        held = np.zeros(0, np.float32)
        return {"held": held, "last": np.zeros(1, np.float32), "samples": zero, "frames": zero}

    def stream(self, samples: np.ndarray, state: State, last: bool) -> tuple[np.ndarray, State]:
        """See `FrontEnd`."""
        if self.streaming_problems():
            raise InputError("The features cannot stream:", self.streaming_problems())
        options, before, done = self.options, int(state["samples"]), int(state["frames"])
        levelled = self.levelled(samples, None, before)
        held = np.concatenate([state["held"], self._emphasised(levelled, before, state["last"])])
        total, hop, length = before + len(samples), options.hop_length, options.window_length
        if last:
            ready = int(self.frames(total)) if total else 0
        elif total > self.left:  # what is reflected before the first frame is there
            ready = (total + self.left - length) // hop + 1
            ready = max(min(ready, int(self.frames(total))), done)
        else:
            ready = done
        features = np.zeros((0, self.num_features), np.float32)
        if ready > done:
            first, end = done * hop - self.left, (ready - 1) * hop - self.left + length
            signal = self._with_edges(held, total - len(held), total, first, end)
            features = self._features(signal, ready - done)
        # The next frame, and as many samples before it as the end may be reflected on.
        needed = max(ready * hop - self.left - length, 0) if ready else 0
        after = {
            "held": held[max(needed - (total - len(held)), 0) :].copy(),
            "last": levelled[-1:].copy() if len(levelled) else state["last"],
            "samples": np.asarray(total, np.int64),
            "frames": np.asarray(ready, np.int64),
        }
        return features, after

    def _features(
        self, signal: np.ndarray, frames: int, levels: np.ndarray | None = None
    ) -> np.ndarray:
        """The features of frames that begin `hop_length` apart in a pre-emphasised signal."""
        options = self.options
        width = options.num_audio_features if self.matrix is None else self.matrix.shape[1]
        features = spectrum.frame_features(
            signal, frames, self.window, options, width, self._convert, levels, self.exact
        )
        if self.cepstra is not None:
            features = spectrum.transform(features, self.cepstra)
        return features

    def _count(self, samples: np.ndarray) -> int:
        return int(self.frames(np.int64(len(samples))))

    def _centred(self, signal: np.ndarray) -> np.ndarray:
        """Pre-emphasised, with what lies around it, so that frame t is centred at t * hop."""
        count, left = len(signal), self.left
        last_frame = (self._count(signal) - 1) * self.options.hop_length
        padded = np.empty(max(last_frame + self.options.window_length, left + count), np.float32)
        middle = padded[left : left + count]
        if self.emphasis is None:
            middle[...] = signal
        else:
            spectrum.pre_emphasis(signal, middle, self.emphasis)
        if self.reflects:
            padded[:left] = middle[_reflected(np.arange(-left, 0), count)]
            padded[left + count :] = middle[_reflected(np.arange(count, len(padded) - left), count)]
        else:
            padded[:left] = 0
            padded[left + count :] = 0
        return padded

    def _emphasised(self, signal: np.ndarray, position: int, last: np.ndarray) -> np.ndarray:
        """A piece of the signal, pre-emphasised; `last` [1] is the sample before it."""
        if self.emphasis is None or not len(signal):
            return signal
        if position == 0:
            emphasised = np.empty_like(signal)
            spectrum.pre_emphasis(signal, emphasised, self.emphasis)
            return emphasised
        emphasised = np.empty(len(signal) + 1, np.float32)
        spectrum.pre_emphasis(np.concatenate([last, signal]), emphasised, self.emphasis)
        return emphasised[1:]

    def _with_edges(
        self, held: np.ndarray, held_from: int, count: int, first: int, end: int
    ) -> np.ndarray:
        """Samples `[first, end)` of a recording, with those that stand for what is outside it.

        Args:
          held: those from `held_from` to `count`.
        """
        inside = held[max(first, 0) - held_from : max(min(end, count) - held_from, 0)]
        outside = np.arange(first, min(end, 0)), np.arange(max(first, count), end)
        if self.reflects:
            before, after = (held[_reflected(index, count) - held_from] for index in outside)
        else:
            before, after = (np.zeros(len(index), np.float32) for index in outside)
        return np.concatenate([before, inside, after])


def _reflected(index: np.ndarray, count: int) -> np.ndarray:
    """Indices beyond `[0, count)` mirrored at the first and last sample, as often as needed."""
    period = max(2 * (count - 1), 1)
    index = np.abs(index) % period
    return np.minimum(index, period - index)
