"""Features that were computed elsewhere and stored, such as Kaldi's archives.

Their "samples" are the stored numbers, frame after frame: as many samples for a frame as it has
features. So lengths, statistics, streams and exported models need no other way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features.front_end import Context, State
from open_seq2seq.features.options import FeatureOptions


class StoredFrontEnd:
    """The stored numbers as they are; see `FrontEnd`.

    Args:
      options: the parameters; `hop_length` is the number of features.
      exact: changes nothing.
    """

    def __init__(self, options: FeatureOptions, exact: bool = False):
        self.options = options

    @property
    def num_features(self) -> int:
        """See `FrontEnd`."""
        return self.options.num_audio_features

    @property
    def context(self) -> Context:
        """See `FrontEnd`: a frame is itself."""
        return Context(0, self.num_features)

    @property
    def frequencies(self) -> np.ndarray | None:
        """See `FrontEnd`: of stored features nothing is known."""
        return None

    @property
    def notes(self) -> list[str]:
        """See `FrontEnd`."""
        return []

    def frames(self, samples: Any) -> Any:
        """See `FrontEnd`."""
        return np.maximum(np.asarray(samples) // self.num_features, 1)

    def __call__(
        self,
        samples: np.ndarray,
        rng: np.random.Generator | None = None,
        levels: np.ndarray | None = None,
    ) -> np.ndarray:
        """See `FrontEnd`."""
        count, size = int(self.frames(len(samples))), self.num_features
        rows = np.zeros(count * size, np.float32)
        rows[: len(samples)] = samples[: count * size]
        if levels is not None:
            levels[:] = 1
        return rows.reshape(count, size)

    def levelled(self, samples: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """See `FrontEnd`."""
        return samples.astype(np.float32, copy=False)

    def streaming_problems(self) -> list[Problem]:
        """See `FrontEnd`."""
        return []

    def initial_state(self) -> State:
        """See `FrontEnd`: what is left of a frame."""
        return {"samples": np.zeros(0, np.float32)}

    def stream(self, samples: np.ndarray, state: State, last: bool) -> tuple[np.ndarray, State]:
        """See `FrontEnd`."""
        held = np.concatenate([state["samples"], samples.astype(np.float32, copy=False)])
        count = len(held) // self.num_features * self.num_features
        rows = held[:count].reshape(-1, self.num_features)
        return rows, {"samples": held[count:]}
