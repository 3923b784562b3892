"""Constant matrices and vectors of the front-ends: windows, mel filters, DCT.

They are computed here from their formulas, because importing librosa takes three
seconds in each process; the tests hold them to librosa's own.
"""

from __future__ import annotations

import numpy as np

from open_seq2seq.features.options import FeatureOptions

# Slaney's mel scale: linear to 1 kHz, then logarithmic (Auditory Toolbox, 1998).
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def window(name: str, length: int) -> np.ndarray | None:
    """A symmetric window `[length]` float64; None stands for a rectangular one."""
    if name == "none":
        return None
    shape = np.hanning if name == "hanning" else np.hamming
    return shape(length)


def slaney_mel_filters(sample_freq: int, num_fft: int, filters: int) -> np.ndarray:
    """Triangular mel filters of unit area from 0 Hz to the Nyquist frequency.

    The same as `librosa.filters.mel` with its defaults (Slaney's scale and norm).

    Returns:
      `[filters, num_fft // 2 + 1]` float32.
    """
    top = _hz_to_mel(sample_freq / 2)
    corners = _mel_to_hz(np.linspace(0.0, top, filters + 2))
    frequencies = np.arange(num_fft // 2 + 1) * (sample_freq / num_fft)
    triangles = [
        np.interp(frequencies, corners[i : i + 3], [0.0, 2.0 / (corners[i + 2] - corners[i]), 0.0])
        for i in range(filters)
    ]
    return np.asarray(triangles, dtype=np.float32)


def htk_mel_filters(sample_freq: int, num_fft: int, filters: int) -> np.ndarray:
    """The mel filters of python_speech_features: HTK's scale, corners on FFT bins.

    With many filters (80 at 16 kHz and 512 samples) some are empty.

    Returns:
      `[filters, num_fft // 2 + 1]` float32.
    """
    from python_speech_features import get_filterbanks

    return get_filterbanks(filters, num_fft, sample_freq).astype(np.float32)


def cepstral_lifter(coefficients: int, strength: int) -> np.ndarray:
    """`1 + L/2 sin(pi n / L)` for n < coefficients, `[coefficients]`; raises high cepstra."""
    steps = np.arange(coefficients)
    return 1.0 + strength / 2.0 * np.sin(np.pi * steps / strength)


def dct_matrix(inputs: int, outputs: int) -> np.ndarray:
    """The orthonormal DCT-II: a matrix `[inputs, outputs]` float64, `x @ matrix`."""
    angles = np.pi / inputs * np.outer(np.arange(inputs) + 0.5, np.arange(outputs))
    matrix = np.sqrt(2.0 / inputs) * np.cos(angles)
    matrix[:, 0] = np.sqrt(1.0 / inputs)
    return matrix


def band_centres(options: FeatureOptions, matrix: np.ndarray | None) -> np.ndarray | None:
    """`[feature]` float64, the centre of each feature's band in Hz; None for mfcc.

    Args:
      matrix: `[bin, filter]`, what the power spectrum is multiplied with; None: it is not.
    """
    if options.input_type == "mfcc":
        return None
    bins = np.arange(options.fft_length // 2 + 1) * (options.sample_freq / options.fft_length)
    if matrix is None:
        return bins[: options.num_audio_features]
    # Filters that lie between two bins have no weights: between their neighbours.
    weights = matrix.astype(np.float64)
    sums = weights.sum(axis=0)
    there = np.flatnonzero(sums)
    centres = (bins @ weights[:, there]) / sums[there]
    return np.interp(np.arange(options.num_audio_features), there, centres)


def empty_band_notes(options: FeatureOptions, matrix: np.ndarray | None) -> list[str]:
    """What a user should know of filters without weights; `matrix` as in `band_centres`."""
    empty = 0 if matrix is None else int(np.count_nonzero(~matrix.any(axis=0)))
    if matrix is None or not empty:
        return []
    return [
        f"{empty} of {matrix.shape[1]} mel filters lie between the frequencies of a "
        f"{options.fft_length}-sample FFT and are constant."
    ]


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mels: np.ndarray) -> np.ndarray:
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mels, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _HZ_PER_MEL, above)
