"""Rounding and saturation, as OpenVINO's GNA plugin and the accelerator do them."""

from __future__ import annotations

import numpy as np

INT8, INT16, INT32 = ((-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32))


def quantized(values: np.ndarray, scale: float | np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """Whole numbers of `values * scale`, half away from zero, within limits.

    The plugin computes in float32: adds a half with the number's sign, clamps, cuts the fraction.

    Args:
      values: any shape.
      scale: a factor, or one for each row.
      limits: `INT8`, `INT16` or `INT32`.

    Returns:
      float64 of whole numbers, in which their products and sums are exact up to 2**53.
    """
    scaled = np.asarray(values, np.float32) * np.asarray(scale, np.float32)
    scaled += np.where(scaled > 0, np.float32(0.5), np.float32(-0.5))
    return np.trunc(np.clip(scaled.astype(np.float64), *limits))


def saturated(values: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """The numbers within limits."""
    return np.clip(values, *limits)


def count_outside(values: np.ndarray, limits: tuple[int, int]) -> int:
    """How many numbers saturate."""
    low, high = limits
    return int(np.count_nonzero(values < low) + np.count_nonzero(values > high))
