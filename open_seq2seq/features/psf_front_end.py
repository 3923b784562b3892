"""The psf front-end of OpenSeq2Seq: what python_speech_features 0.6 computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features import filters, spectrum
from open_seq2seq.features.front_end import Context, State
from open_seq2seq.features.options import FeatureOptions

PEAK_FLOOR = 1e-5 / 32768  # the original's 1e-5, on its 16-bit scale
SMALLEST_ENERGY = float(np.finfo(np.float64).eps)


class PsfFrontEnd:
    """Features of python_speech_features as OpenSeq2Seq called it.

    Scale to the peak and truncate to 16-bit whole numbers, append silence until the
    number of frames is a multiple of `pad_to`, then:

    * spectrogram: symmetric Hann window, `10 log10(max(power / length, 1e-30))`, the
      lowest frequencies. (The original subtracts the recording's maximum, which the
      normalisation removes again.)
    * logfbank: pre-emphasis, no window, `ln` of HTK mel energies of `power / FFT length`,
      where an energy of zero counts as 2.2e-16;
    * mfcc: the same with `2 * num_audio_features` filters, orthonormal DCT-II, lifter;

    The appended silence is normalised with the rest, and counts in its statistics. See `FrontEnd`
    for what is not said here.

    Args:
      options: the parameters.
      exact: transform in float64, which tells how much of a difference is rounding.
    """

    def __init__(self, options: FeatureOptions, exact: bool = False):
        self.options, self.exact = options, exact
        self.window = None
        if options.input_type == "spectrogram":
            self.window = filters.window("hanning", options.window_length)
        self.matrix, self.cepstra = _matrices(options)

    @property
    def num_features(self) -> int:
        """See `FrontEnd`."""
        return self.options.num_audio_features

    @property
    def context(self) -> Context:
        """See `FrontEnd`."""
        emphasised = self.options.input_type != "spectrogram"
        return Context(int(emphasised), self.options.window_length)

    @property
    def frequencies(self) -> np.ndarray | None:
        """See `FrontEnd`."""
        return filters.band_centres(self.options, self.matrix)

    @property
    def notes(self) -> list[str]:
        """See `FrontEnd`."""
        return filters.empty_band_notes(self.options, self.matrix)

    def frames(self, samples: Any) -> Any:
        """Number of frames for `samples` samples, appended silence included."""
        pad_to = max(self.options.pad_to, 1)
        return -(-self._own_frames(samples) // pad_to) * pad_to

    def __call__(
        self,
        samples: np.ndarray,
        rng: np.random.Generator | None = None,
        levels: np.ndarray | None = None,
    ) -> np.ndarray:
        """See `FrontEnd`; there is no dither, `rng` is not used."""
        signal = self._padded(self.levelled(samples))
        options, frames = self.options, self._count(samples)
        width = options.num_audio_features if self.matrix is None else self.matrix.shape[1]
        features = spectrum.frame_features(
            signal, frames, self.window, options, width, self._convert, levels, self.exact
        )
        if self.cepstra is not None:
            features = spectrum.transform(features, self.cepstra)
        return features

    def levelled(self, samples: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """See `FrontEnd`: 16-bit whole numbers, without dither."""
        peak = np.float32(max(samples.max(), -samples.min()) + PEAK_FLOOR)
        # Rounded as every runtime of an exported graph does it: a quotient that is rounded
        # otherwise is another whole number now and then.
        signal = samples * (np.float32(1.0) / peak * np.float32(32767.0))
        return np.trunc(signal, out=signal)

    def streaming_problems(self) -> list[Problem]:
        """See `FrontEnd`."""
        found = "'psf': each recording is scaled by its own peak"
        remedy = f"Set backend to 'librosa' and gain to {1 / 32768!r}, and train with them."
        return [Problem("backend", found, "'librosa'", remedy)]

    def initial_state(self) -> State:
        """Nothing: it cannot stream."""
        return {}

    def stream(self, samples: np.ndarray, state: State, last: bool) -> tuple[np.ndarray, State]:
        """It cannot."""
        raise InputError("The features cannot stream:", self.streaming_problems())

    def _own_frames(self, samples: np.ndarray) -> np.ndarray:
        """Number of frames that hold samples of the recording; the last may be part of one."""
        options = self.options
        return 1 + np.maximum(-((options.window_length - samples) // options.hop_length), 0)

    def _count(self, samples: np.ndarray) -> int:
        return int(self.frames(np.int64(len(samples))))

    def _padded(self, signal: np.ndarray) -> np.ndarray:
        """The signal of all frames: pre-emphasised (not for spectrogram), silence appended."""
        options, count = self.options, len(signal)
        frames = self._count(signal)
        padded = np.zeros(
            max((frames - 1) * options.hop_length + options.window_length, count), np.float32
        )
        if options.input_type == "spectrogram":
            padded[:count] = signal
            return padded
        spectrum.pre_emphasis(signal, padded[:count])
        # Silence for pad_to is appended before the pre-emphasis, what fills the last frame after.
        if frames > int(self._own_frames(np.int64(count))):
            padded[count] = np.float32(-spectrum.PRE_EMPHASIS) * signal[-1]
        return padded

    def _convert(self, power: np.ndarray, out: np.ndarray) -> None:
        """A block's power spectra to its numbers before the DCT of the energies."""
        if self.matrix is None:
            power /= self.options.fft_length
            spectrum.decibels(power[:, : out.shape[1]], out)
            return
        spectrum.project(power, self.matrix, out)
        # Only zeros are this small: the energies come from whole numbers.
        np.maximum(out, np.float32(SMALLEST_ENERGY), out=out)
        spectrum.logarithm(out)


def _matrices(options: FeatureOptions) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What the power spectrum, and after the logarithm the energies, are multiplied with."""
    features, num_fft = options.num_audio_features, options.fft_length
    if options.input_type == "spectrogram":
        return None, None
    count = features if options.input_type == "logfbank" else 2 * features
    mel = filters.htk_mel_filters(options.sample_freq, num_fft, count).T / np.float32(num_fft)
    if options.input_type == "logfbank":
        return np.ascontiguousarray(mel), None
    cepstra = filters.dct_matrix(count, features) * filters.cepstral_lifter(features, count)
    return np.ascontiguousarray(mel), cepstra.astype(np.float32)
