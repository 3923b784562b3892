"""The steps that both front-ends are made of, without holding the GIL for long.

All is float32 but the transform of a spectrogram: its frequencies stand alone, and where
a weak one cancels to exactly zero in float32 it would fall to the floor of -300 dB.

Frames go through in blocks: a block's frames and spectrum stay in the processor's
cache, and memory does not grow with the length of a recording.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from open_seq2seq.features.options import FeatureOptions

BLOCK_FRAMES = 256

# OpenBLAS spreads large products over one pool of threads, where callers wait for each
# other; products of this few rows stay in the calling thread, so loader threads scale.
PRODUCT_ROWS = 8

# Floor of a standard deviation: silence has none, and 0/0 would poison the training.
SMALLEST_DEVIATION = 1e-5
# Of a feature's deviation over the frames that count, as a share of the features' mean one. A band
# that holds nothing in them (of recordings with a lower sample rate, say) does not move there,
# and the noise of a pause, which is not counted, would be thousands of deviations away.
SMALLEST_SHARE = 0.3

SPECTROGRAM_FLOOR = 1e-30
PRE_EMPHASIS = 0.97

# The loudest frame is the fifth loudest: a click fills one or two.
LOUDEST = 5


def pre_emphasis(samples: np.ndarray, out: np.ndarray, coefficient: float = PRE_EMPHASIS) -> None:
    """Writes `x[t] - 0.97 x[t-1]` (the first sample as it is) to `out`, both `[n]`."""
    out[0] = samples[0]
    np.multiply(samples[:-1], np.float32(-coefficient), out=out[1:])
    out[1:] += samples[1:]


def frame_features(
    signal: np.ndarray,
    frames: int,
    window: np.ndarray | None,
    options: FeatureOptions,
    width: int,
    convert: Callable[[np.ndarray, np.ndarray], None],
    levels: np.ndarray | None = None,
    exact: bool = False,
) -> np.ndarray:
    """Cuts a signal into frames and converts their power spectra, block by block.

    Args:
      signal: `[n]` float32, with `n >= (frames - 1) * hop_length + window_length`.
      frames: their number.
      window: `[window_length]`, None for a rectangular one.
      options: the lengths of window, hop and FFT; frames are filled up with zeros.
      width: numbers per frame of the result.
      convert: gets `|FFT|^2` of a block, `[block, fft_length // 2 + 1]`, which it may
        change, and writes its `[block, width]` to the second argument.
      levels: `[frames]` float32, filled with the sum of each frame's power spectrum, if given.
      exact: transform in float64.

    Returns:
      `[frames, width]` float32.
    """
    length = options.window_length
    views = sliding_window_view(signal, length)[:: options.hop_length][:frames]
    precision = np.float64 if exact or options.input_type == "spectrogram" else np.float32
    if window is not None:
        window = window.astype(precision)
    buffer = np.zeros((min(frames, BLOCK_FRAMES), options.fft_length), precision)
    out = np.empty((frames, width), np.float32)
    for first in range(0, frames, BLOCK_FRAMES):
        block = views[first : first + BLOCK_FRAMES]
        cut = buffer[: len(block)]
        cut_frames(block, window, cut[:, :length])
        powers = power(spectrum(cut))
        if levels is not None:
            powers.sum(axis=1, out=levels[first : first + len(block)])
        convert(powers, out[first : first + len(block)])
    return out


def cut_frames(views: np.ndarray, window: np.ndarray | None, out: np.ndarray) -> None:
    """Writes the windowed frames `[block, length]` to `out`."""
    if window is None:
        out[...] = views
    else:
        np.multiply(views, window, out=out)


def spectrum(frames: np.ndarray) -> np.ndarray:
    """FFT of real frames, `[block, num_fft]` -> `[block, num_fft // 2 + 1]`, in their precision."""
    return scipy.fft.rfft(frames, axis=-1)


def power(values: np.ndarray) -> np.ndarray:
    """Squared magnitude of complex numbers."""
    squares = np.square(values.real)
    squares += np.square(values.imag)
    return squares


def project(power: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """Writes `power @ matrix` (`[block, bin] @ [bin, feature]`) to `out`."""
    whole = len(power) // PRODUCT_ROWS * PRODUCT_ROWS
    bins, features = matrix.shape
    np.matmul(
        power[:whole].reshape(-1, PRODUCT_ROWS, bins),
        matrix,
        out=out[:whole].reshape(-1, PRODUCT_ROWS, features),
    )
    if whole < len(power):
        np.matmul(power[whole:], matrix, out=out[whole:])


def transform(energies: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`energies @ matrix`, `[time, energy] @ [energy, feature]` -> `[time, feature]` float32."""
    out = np.empty((len(energies), matrix.shape[1]), np.float32)
    project(energies, matrix, out)
    return out


def logarithm(energies: np.ndarray) -> None:
    """Natural logarithm, in place."""
    np.log(energies, out=energies)


def decibels(power: np.ndarray, out: np.ndarray) -> None:
    """Writes `10 log10(max(power, 1e-30))` to `out`."""
    np.maximum(power, SPECTROGRAM_FLOOR, out=out)
    np.log10(out, out=out)
    out *= np.float32(10.0)


def loud(levels: np.ndarray, decibels_below: float) -> np.ndarray:
    """Which frames carry sound: those whose power is within some dB of the loudest.

    Args:
      levels: `[time]`, power of each frame. The loudest is taken as the fifth loudest, so that
        a click does not make silence of everything else.
      decibels_below: the range, in dB.

    Returns:
      `[time]` bool; at least one is True.
    """
    place = max(len(levels) - LOUDEST, 0)
    loudest = np.partition(levels, place)[place]
    return levels >= loudest * np.float32(10.0 ** (-decibels_below / 10.0))


def normalise(
    features: np.ndarray,
    per_feature: bool,
    mean: np.ndarray | None = None,
    deviation: np.ndarray | None = None,
    counted: np.ndarray | None = None,
) -> None:
    """Subtracts the mean and divides by the (population) standard deviation, in place.

    Sums are kept in float64, so a constant feature becomes exactly zero; a deviation
    below 1e-5 counts as 1e-5, and with `counted` one below 0.3 of the features' mean deviation
    as that.

    Args:
      features: `[time, feature]` float32.
      per_feature: statistics of each feature over time, instead of one for all.
      mean: `[feature]`, used instead of the recording's own.
      deviation: `[feature]`, used instead of the recording's own.
      counted: `[time]` bool, the frames that the statistics are taken of; None: all.
    """
    axis = 0 if per_feature else None
    known = mean is not None and deviation is not None
    sample = features if counted is None or known else features[counted]
    if mean is not None and deviation is None:
        deviation = sample.std(axis=axis, dtype=np.float64)
    if mean is None:
        mean = sample.mean(axis=axis, dtype=np.float64)
    mean = np.asarray(mean, np.float32)
    features -= mean
    if deviation is None:
        # Of all frames the differences are there already.
        differences = features if sample is features else np.subtract(sample, mean, out=sample)
        deviation = np.sqrt(np.square(differences).mean(axis=axis, dtype=np.float64))
        if counted is not None:
            deviation = np.maximum(deviation, SMALLEST_SHARE * deviation.mean())
    features /= np.maximum(deviation, SMALLEST_DEVIATION).astype(np.float32)
