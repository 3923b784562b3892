"""Recordings that are too quiet, too loud or overdriven."""

from __future__ import annotations

import numpy as np

_FULL_SCALE = 32768


def at_level(samples: np.ndarray, decibels: float) -> np.ndarray:
    """A recording of another level, as a file of 16 bits would hold it.

    Args:
      samples: `[n]` float32 in [-1, 1].
      decibels: the change. What goes beyond full scale is clipped, and what lies below the
        last bit is lost.

    Returns:
      `[n]` float32.
    """
    steps = np.rint(samples.astype(np.float64) * (10 ** (decibels / 20) * _FULL_SCALE))
    return (np.clip(steps, -_FULL_SCALE, _FULL_SCALE - 1) / _FULL_SCALE).astype(np.float32)


def clipped(samples: np.ndarray, share: float) -> np.ndarray:
    """A recording whose loudest samples are cut off at one level.

    Args:
      samples: `[n]` float32.
      share: of the samples that reach that level.

    Returns:
      `[n]` float32.
    """
    limit = np.float32(np.quantile(np.abs(samples), 1 - share))
    return np.clip(samples, -limit, limit)
