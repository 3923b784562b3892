"""The librosa front-end of OpenSeq2Seq: centred STFT, Slaney mel filters."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features import filters, spectrum
from open_seq2seq.features.front_end import Context, State
from open_seq2seq.features.options import FeatureOptions

LOG_FLOOR = 1e-20
INT16_SCALE = 32768.0
PEAK_FLOOR = 1e-5 / INT16_SCALE  # the original's 1e-5, on its 16-bit scale

# The dither is a stretch of one fixed sequence of normal numbers: drawing new ones took as
# long as all the rest. In training it begins at a random place, otherwise at the beginning,
# so that features and transcripts can be repeated. Outside training only its first part goes
# round, which an exported graph can hold.
DITHER_SEED = 20181105
DITHER_LENGTH = 1 << 20
DITHER_PERIOD = 1 << 14


class LibrosaFrontEnd:
    """Features of librosa 0.6 as OpenSeq2Seq called it.

    Scale to the peak (or by `gain`), dither, pre-emphasis (not for spectrogram), a
    centred STFT with reflected edges and a symmetric window, then:

    * spectrogram: `10 log10(max(power, 1e-30))`, the lowest frequencies;
    * logfbank: `ln(mel energies + 1e-20)`;
    * mfcc: the orthonormal DCT-II of the log energies of `2 * num_audio_features` mel
      filters; with `legacy_mfcc` of the linear power spectrum;

    `noise_floor` adds power to what the logarithm is taken of.

    With a fixed gain it streams: the first frame waits for the samples that are reflected before
    it, only the last one for the end. See `FrontEnd` for what is not said here.

    Args:
      options: the parameters.
      exact: transform in float64, which tells how much of a difference is rounding.
    """

    def __init__(self, options: FeatureOptions, exact: bool = False):
        self.options, self.exact = options, exact
        self.window = filters.window(options.window, options.window_length)
        self.matrix, self.cepstra = _matrices(options)
        self.linear = options.input_type == "mfcc" and options.legacy_mfcc
        self.floor = np.float32(LOG_FLOOR)
        if options.noise_floor is not None:
            self.floor = _noise_power(options, self.window, self.matrix)
        # A window shorter than the FFT sits in its middle.
        self.left = options.fft_length // 2 - (options.fft_length - options.window_length) // 2

    @property
    def num_features(self) -> int:
        """See `FrontEnd`."""
        return self.options.num_audio_features

    @property
    def context(self) -> Context:
        """See `FrontEnd`."""
        emphasised = self.options.input_type != "spectrogram"
        return Context(self.left + emphasised, self.options.window_length - self.left)

    @property
    def frequencies(self) -> np.ndarray | None:
        """See `FrontEnd`."""
        return filters.band_centres(self.options, self.matrix)

    @property
    def notes(self) -> list[str]:
        """See `FrontEnd`."""
        return filters.empty_band_notes(self.options, self.matrix)

    def frames(self, samples: Any) -> Any:
        """Number of frames for `samples` (at least 1) samples."""
        odd = self.options.fft_length % 2
        return 1 + (samples - odd) // self.options.hop_length

    def __call__(
        self,
        samples: np.ndarray,
        rng: np.random.Generator | None = None,
        levels: np.ndarray | None = None,
    ) -> np.ndarray:
        """See `FrontEnd`."""
        signal = self._centred(self.levelled(samples, rng))
        return self._features(signal, self._count(samples), levels)

    def streaming_problems(self) -> list[Problem]:
        """See `FrontEnd`."""
        if self.options.gain is not None:
            return []
        found = "None: each recording is scaled by its own peak"
        remedy = f"Set gain to {1 / INT16_SCALE!r}, full scale, and train with it."
        return [Problem("gain", found, "a fixed factor", remedy)]

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
            ready = max((total + self.left - length) // hop + 1, done)
        else:
            ready = done
        features = np.zeros((0, self.num_features), np.float32)
        if ready > done:
            first, end = done * hop - self.left, (ready - 1) * hop - self.left + length
            signal = _with_reflections(held, total - len(held), total, first, end)
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

    def levelled(
        self, samples: np.ndarray, rng: np.random.Generator | None = None, position: int = 0
    ) -> np.ndarray:
        """See `FrontEnd`: scaled, with dither; `position` is the first sample's number."""
        if self.options.gain is None:
            factor = 1.0 / (float(max(samples.max(), -samples.min())) + PEAK_FLOOR)
        else:
            factor = self.options.gain * INT16_SCALE
        signal = samples * np.float32(factor)
        if self.options.dither > 0:
            signal += np.float32(self.options.dither) * dither_noise(len(signal), rng, position)
        return signal

    def _centred(self, signal: np.ndarray) -> np.ndarray:
        """Pre-emphasised, with reflected samples around, so that frame t is centred at t * hop."""
        count, left = len(signal), self.left
        last_frame = (self._count(signal) - 1) * self.options.hop_length
        padded = np.empty(max(last_frame + self.options.window_length, left + count), np.float32)
        middle = padded[left : left + count]
        if self.options.input_type == "spectrogram":
            middle[...] = signal
        else:
            spectrum.pre_emphasis(signal, middle)
        padded[:left] = middle[_reflected(np.arange(-left, 0), count)]
        padded[left + count :] = middle[_reflected(np.arange(count, len(padded) - left), count)]
        return padded

    def _emphasised(self, signal: np.ndarray, position: int, last: np.ndarray) -> np.ndarray:
        """A piece of the signal, pre-emphasised; `last` [1] is the sample before it."""
        if self.options.input_type == "spectrogram" or not len(signal):
            return signal
        if position == 0:
            emphasised = np.empty_like(signal)
            spectrum.pre_emphasis(signal, emphasised)
            return emphasised
        emphasised = np.empty(len(signal) + 1, np.float32)
        spectrum.pre_emphasis(np.concatenate([last, signal]), emphasised)
        return emphasised[1:]

    def _convert(self, power: np.ndarray, out: np.ndarray) -> None:
        """A block's power spectra to its numbers before the DCT of the energies."""
        if self.matrix is None:
            power = power[:, : out.shape[1]]
            if self.options.noise_floor is not None:
                power += self.floor
            spectrum.decibels(power, out)
            return
        spectrum.project(power, self.matrix, out)
        if not self.linear:
            out += self.floor
            spectrum.logarithm(out)


def dither_noise(
    count: int, rng: np.random.Generator | None = None, position: int = 0
) -> np.ndarray:
    """Normal numbers `[count]` float32; without `rng` always the same ones.

    Args:
      position: without `rng`, the number of the first sample that they are for.
    """
    noise = _noise_sequence() if rng else _noise_sequence()[:DITHER_PERIOD]
    start = int(rng.integers(len(noise))) if rng else position % len(noise)
    if start + count <= len(noise):
        return noise[start : start + count]
    return np.resize(np.roll(noise, -start), count)


@functools.cache
def _noise_sequence() -> np.ndarray:
    rng = np.random.default_rng(DITHER_SEED)
    return rng.standard_normal(DITHER_LENGTH, dtype=np.float32)


def _matrices(options: FeatureOptions) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What the power spectrum, and after the logarithm the energies, are multiplied with."""
    features, num_fft = options.num_audio_features, options.fft_length
    if options.input_type == "spectrogram":
        return None, None
    if options.input_type == "logfbank":
        return filters.slaney_mel_filters(options.sample_freq, num_fft, features).T.copy(), None
    if options.legacy_mfcc:
        return filters.dct_matrix(num_fft // 2 + 1, features).astype(np.float32), None
    mel = filters.slaney_mel_filters(options.sample_freq, num_fft, 2 * features).T.copy()
    return mel, filters.dct_matrix(2 * features, features).astype(np.float32)


def _noise_power(
    options: FeatureOptions, window: np.ndarray | None, matrix: np.ndarray | None
) -> np.ndarray:
    """The power that white noise of the level `noise_floor` has in each band, `[feature]` float32.

    Noise of variance s^2 has s^2 times the window's energy in each frequency of the FFT;
    pre-emphasis multiplies it by |1 - 0.97 exp(-jw)|^2.
    """
    energy = options.window_length if window is None else float(np.square(window).sum())
    power = np.full(options.fft_length // 2 + 1, 10.0 ** ((options.noise_floor or 0) / 10) * energy)
    if matrix is None:
        return power[: options.num_audio_features].astype(np.float32)
    angles = 2 * np.pi * np.arange(len(power)) / options.fft_length
    power *= np.square(np.abs(1 - spectrum.PRE_EMPHASIS * np.exp(-1j * angles)))
    return (power @ matrix).astype(np.float32)


def _reflected(index: np.ndarray, count: int) -> np.ndarray:
    """Indices beyond `[0, count)` mirrored at the first and last sample, as often as needed."""
    period = max(2 * (count - 1), 1)
    index = np.abs(index) % period
    return np.minimum(index, period - index)


def _with_reflections(
    held: np.ndarray, held_from: int, count: int, first: int, end: int
) -> np.ndarray:
    """Samples `[first, end)` of a recording, mirrored where they lie outside `[0, count)`.

    Args:
      held: those from `held_from` to `count`.
    """
    inside = held[max(first, 0) - held_from : max(min(end, count) - held_from, 0)]
    before, after = np.arange(first, min(end, 0)), np.arange(max(first, count), end)
    parts = [held[_reflected(index, count) - held_from] for index in (before, after)]
    return np.concatenate([parts[0], inside, parts[1]])
