"""Vocal tract length perturbation: features as if another speaker had spoken.

Jaitly and Hinton 2013, "Vocal Tract Length Perturbation (VTLP) improves speech recognition". A
shorter vocal tract has its formants at higher frequencies. Unlike a change of speed, it leaves
durations and pitch as they are.
"""

from __future__ import annotations

import numpy as np

# Up to here frequencies are multiplied by the factor, above they go linearly to the Nyquist
# frequency: it covers the formants that matter. As a share where the rate is low.
BOUNDARY = 4800.0
BOUNDARY_SHARE = 0.6


def warped_frequencies(frequencies: np.ndarray, factor: float, sample_freq: int) -> np.ndarray:
    """Where the energy of each frequency comes from, in Hz; section 2 of the paper.

    Args:
      frequencies: `[n]`, in Hz, from 0 to the Nyquist frequency.
      factor: above 1, a band takes what lies above it: formants move down.
      sample_freq: in Hz.
    """
    nyquist = sample_freq / 2
    boundary = min(BOUNDARY, BOUNDARY_SHARE * nyquist) * min(factor, 1.0)
    knee = boundary / factor
    slope = (nyquist - boundary) / (nyquist - knee)
    return np.where(
        frequencies <= knee, frequencies * factor, nyquist - slope * (nyquist - frequencies)
    )


def warp(
    features: np.ndarray, frequencies: np.ndarray, factor: float, sample_freq: int
) -> np.ndarray:
    """Features with a warped frequency axis, interpolated between neighbouring bands.

    Args:
      features: `[time, feature]`, log energies; not changed.
      frequencies: `[feature]`, where each band lies, in Hz, increasing.
      factor, sample_freq: as for `warped_frequencies`.

    Returns:
      `[time, feature]`, of the dtype of `features`.
    """
    last = len(frequencies) - 1
    sources = warped_frequencies(frequencies, factor, sample_freq)
    position = np.interp(sources, frequencies, np.arange(last + 1))
    lower = np.minimum(position.astype(np.int64), max(last - 1, 0))
    share = (position - lower).astype(features.dtype)
    upper = features[:, np.minimum(lower + 1, last)]
    below = features[:, lower]
    return below + share * (upper - below)
