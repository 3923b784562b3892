"""The noise that is added to a signal before its features are computed."""

from __future__ import annotations

import functools

import numpy as np

# The dither is a stretch of one fixed sequence of normal numbers: drawing new ones took as
# long as all the rest. In training it begins at a random place, otherwise at the beginning,
# so that features and transcripts can be repeated. Outside training only its first part goes
# round, which an exported graph can hold.
DITHER_SEED = 20181105
DITHER_LENGTH = 1 << 20
DITHER_PERIOD = 1 << 14


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
