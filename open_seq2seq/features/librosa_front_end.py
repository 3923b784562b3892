"""The librosa front-end of OpenSeq2Seq: centred STFT, Slaney mel filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features import filters, spectrum
from open_seq2seq.features.centred_front_end import CentredFrontEnd
from open_seq2seq.features.dither import dither_noise
from open_seq2seq.features.options import FeatureOptions

LOG_FLOOR = 1e-20
INT16_SCALE = 32768.0
PEAK_FLOOR = 1e-5 / INT16_SCALE  # the original's 1e-5, on its 16-bit scale


class LibrosaFrontEnd(CentredFrontEnd):
    """Features of librosa 0.6 as OpenSeq2Seq called it.

    Scale to the peak (or by `gain`), dither, pre-emphasis (not for spectrogram), a
    centred STFT with reflected edges and a symmetric window, then:

    * spectrogram: `10 log10(max(power, 1e-30))`, the lowest frequencies;
    * logfbank: `ln(mel energies + 1e-20)`;
    * mfcc: the orthonormal DCT-II of the log energies of `2 * num_audio_features` mel
      filters; with `legacy_mfcc` of the linear power spectrum;

    `noise_floor` adds power to what the logarithm is taken of. With a fixed gain it streams.

    Args:
      options: the parameters.
      exact: transform in float64, which tells how much of a difference is rounding.
    """

    def __init__(self, options: FeatureOptions, exact: bool = False):
        window = filters.window(options.window, options.window_length)
        matrix, cepstra = _matrices(options)
        emphasis = None if options.input_type == "spectrogram" else spectrum.PRE_EMPHASIS
        super().__init__(options, window, matrix, cepstra, emphasis, exact=exact)
        self.linear = options.input_type == "mfcc" and options.legacy_mfcc
        self.floor = np.float32(LOG_FLOOR)
        if options.noise_floor is not None:
            self.floor = _noise_power(options, self.window, self.matrix)

    def frames(self, samples: Any) -> Any:
        """Number of frames for `samples` (at least 1) samples."""
        odd = self.options.fft_length % 2
        return 1 + (samples - odd) // self.options.hop_length

    def streaming_problems(self) -> list[Problem]:
        """See `FrontEnd`."""
        if self.options.gain is not None:
            return []
        found = "None: each recording is scaled by its own peak"
        remedy = f"Set gain to {1 / INT16_SCALE!r}, full scale, and train with it."
        return [Problem("gain", found, "a fixed factor", remedy)]

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
