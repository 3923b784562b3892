"""What every front-end is: samples in, features out, and what a stream needs to know of it."""

from __future__ import annotations

from typing import NamedTuple, Protocol, overload

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features.options import FeatureOptions

# Plain arrays by name: what a stream carries from one call to the next.
State = dict[str, np.ndarray]


class Context(NamedTuple):
    """The samples that a frame is made of: frame t sees `[t * hop - left, t * hop + right)`.

    Args:
      left: samples before the frame's place.
      right: samples from its place on: the only delay of a stream.
    """

    left: int
    right: int


class FrontEnd(Protocol):
    """From samples to features `[time, feature]`, before they are normalised.

    A front-end keeps nothing between recordings: threads may share it, processes may pickle it.
    `FeatureExtractor` adds the normalisation and the checks, and is used in the same way.
    """

    options: FeatureOptions

    @property
    def num_features(self) -> int:
        """Features of a frame."""

    @property
    def context(self) -> Context:
        """The samples that a frame is made of."""

    @property
    def frequencies(self) -> np.ndarray | None:
        """`[feature]` float64, the centre of each feature's band in Hz; None: no bands."""

    @property
    def notes(self) -> list[str]:
        """What a user should know about the parameters, one sentence each."""

    @overload
    def frames(self, samples: int) -> int: ...
    @overload
    def frames(self, samples: np.ndarray) -> np.ndarray: ...
    def frames(self, samples: int | np.ndarray) -> int | np.ndarray:
        """Number of frames of recordings with so many samples, at least 1."""

    def __call__(
        self,
        samples: np.ndarray,
        rng: np.random.Generator | None = None,
        levels: np.ndarray | None = None,
    ) -> np.ndarray:
        """Features of one recording.

        Args:
          samples: `[n]` float32 in [-1, 1], n >= 1.
          rng: source of the dither; None: the same noise each time.
          levels: `[time]` float32; if given, filled with the power of each frame.

        Returns:
          `[time, feature]` float32, always finite.
        """

    def levelled(self, samples: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The signal that frames are cut from: samples at the front-end's level, with its dither.

        Args:
          samples, rng: as for a call.

        Returns:
          `[n]` float32.
        """

    def streaming_problems(self) -> list[Problem]:
        """What in the parameters needs a whole recording, and what to set instead."""

    def initial_state(self) -> State:
        """The state of a stream before its first sample."""

    def stream(self, samples: np.ndarray, state: State, last: bool) -> tuple[np.ndarray, State]:
        """The features that more samples complete: together those of the whole recording.

        Args:
          samples: `[n]` float32, what follows on the samples before; n may be 0.
          state: `initial_state`, or what the call before returned. It is not changed.
          last: whether the recording ends with them.

        Returns:
          `[time, feature]` float32, the frames that are complete now, and the new state.

        Raises:
          InputError: it cannot stream, see `streaming_problems`.
        """
