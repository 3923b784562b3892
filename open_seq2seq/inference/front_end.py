"""What comes between a recording's samples and the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from open_seq2seq.features.samples import check_samples


class FrontEnd(Protocol):
    """From samples to what the network takes: features, or the samples themselves."""

    @property
    def sample_freq(self) -> int:
        """The rate of the samples, in Hz."""

    @property
    def hop_length(self) -> int:
        """Samples from one frame of features to the next."""

    def __call__(self, samples: np.ndarray, /) -> np.ndarray:
        """What the network takes of one recording, `[time, feature]` or `[n]`.

        Args:
          samples: `[n]` floats in [-1, 1] at `sample_freq`.

        Raises:
          InputError: no samples, whole numbers, several channels, NaN or infinity.
        """


@dataclass(frozen=True)
class RawSamples:
    """The `FrontEnd` of a network that has its own inside.

    Args:
      sample_freq, hop_length: those of the front-end inside.
    """

    sample_freq: int
    hop_length: int

    def __call__(self, samples: np.ndarray, /) -> np.ndarray:
        """See `FrontEnd`."""
        check_samples(samples)
        return samples.astype(np.float32, copy=False)
