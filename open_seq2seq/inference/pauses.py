"""Where a recording pauses: its level against its own noise floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Levels, in dB relative to full scale. Below the second one there is no sound at all: zeros, or
# what a lossy codec makes of them.
_LOWEST = -120.0
DIGITAL_SILENCE = -90.0

_FLOOR_PERCENTILE, _SPEECH_PERCENTILE = 10, 95
# Speech that is less than this above the noise floor cannot be told from it by level, in dB.
_LEAST_CONTRAST = 6.0


def frame_levels(samples: np.ndarray, step: int) -> np.ndarray:
    """The level of each frame of `step` samples, in dB: `[ceil(n / step)]` float64.

    A constant offset does not count: it is that of the frame's deviation from its mean.

    Args:
      samples: `[n]` float32 in [-1, 1].
    """
    whole = len(samples) // step
    frames = samples[: whole * step].reshape(whole, step)
    variance = np.var(frames, axis=1, dtype=np.float64)
    if len(samples) > whole * step:
        variance = np.append(variance, np.var(samples[whole * step :], dtype=np.float64))
    return np.maximum(10 * np.log10(np.maximum(variance, 1e-12)), _LOWEST)


@dataclass(frozen=True)
class Thresholds:
    """Levels in dB.

    Args:
      pause: up to it there is a pause.
      quiet: up to it there is nothing but the noise floor.
    """

    pause: float
    quiet: float


def thresholds(levels: np.ndarray, above_floor: float) -> Thresholds:
    """From a recording's own levels: the floor is their 10th percentile, speech the 95th.

    Args:
      levels: `[frame]` in dB.
      above_floor: how far a pause may be above the noise floor, in dB.
    """
    audible = levels[levels > DIGITAL_SILENCE]
    if not len(audible):
        return Thresholds(DIGITAL_SILENCE, DIGITAL_SILENCE)
    floor, speech = np.percentile(audible, [_FLOOR_PERCENTILE, _SPEECH_PERCENTILE])
    if speech - floor < _LEAST_CONTRAST:
        return Thresholds(DIGITAL_SILENCE, DIGITAL_SILENCE)
    margin = min(above_floor, (speech - floor) / 2)
    return Thresholds(float(floor + margin), float(floor + margin / 2))


def runs(mask: np.ndarray, shortest: int = 1) -> list[tuple[int, int]]:
    """First and last (excluded) index of each run of True that is long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= shortest]
