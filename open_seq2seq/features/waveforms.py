"""Recordings in a batch whose features the device computes."""

from __future__ import annotations

from typing import Any, NamedTuple


class Waveforms(NamedTuple):
    """Recordings of like length, and the masks over their features.

    Args:
      samples: `[batch, n]` float32, what `FeatureExtractor.levelled` returns, 0 past each length.
      counts: `[batch]` int32, samples of each recording.
      kept_frames: `[batch, time]` bool, False where a mask is over a frame; n samples have as many
        frames.
      kept_features: `[batch, feature]` bool, False where a mask is over a feature.
    """

    samples: Any
    counts: Any
    kept_frames: Any
    kept_features: Any
