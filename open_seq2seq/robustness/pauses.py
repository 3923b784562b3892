"""Silence and low noise before, within and behind a recording."""

from __future__ import annotations

import numpy as np

# Where a pause within a recording is put: at the quietest window of its middle half, if that
# is so much below the loudest one. Elsewhere nobody pauses: it would be inside a sound.
_WINDOW_SECONDS = 0.02
_QUIET_DB = 25.0


def with_pause(samples: np.ndarray, sample_freq: int, pause: np.ndarray, place: str) -> np.ndarray:
    """A recording with a pause in it.

    Args:
      samples: `[n]` float32.
      sample_freq: their rate, in Hz.
      pause: `[m]` float32.
      place: "before", "after", or "within": at `quiet_place`.

    Returns:
      `[n + m]` float32; `samples` itself where there is no place for a pause within.
    """
    at = {"before": 0, "after": len(samples)}.get(place, quiet_place(samples, sample_freq))
    if at is None:
        return samples
    return np.concatenate([samples[:at], pause.astype(np.float32), samples[at:]])


def silence(sample_freq: int, seconds: float) -> np.ndarray:
    """Digital silence, `[seconds * sample_freq]` float32 zeros."""
    return np.zeros(round(seconds * sample_freq), np.float32)


def noise_floor(
    sample_freq: int, seconds: float, level: float, rng: np.random.Generator
) -> np.ndarray:
    """White noise such as a quiet room and its microphone leave, `[seconds * sample_freq]`.

    Args:
      level: its power in dB relative to full scale: 20 log10 of the root mean square.
    """
    noise = rng.standard_normal(round(seconds * sample_freq))
    return (noise * 10 ** (level / 20)).astype(np.float32)


def quiet_place(samples: np.ndarray, sample_freq: int) -> int | None:
    """The middle of the quietest 20 ms in the middle half of a recording, in samples.

    A pause goes where a speaker would make one: None where those 20 ms are less than 25 dB below
    the loudest, as in most recordings of a single word.
    """
    count = len(samples)
    width = max(1, round(_WINDOW_SECONDS * sample_freq))
    first, last = count // 4, count - count // 4
    if last - first < width:
        return None
    energies = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    windows = energies[width:] - energies[:-width]
    middle = windows[first : last - width + 1]
    quietest = int(middle.argmin())
    if middle[quietest] > windows.max() * 10 ** (-_QUIET_DB / 10):
        return None
    return first + quietest + width // 2
