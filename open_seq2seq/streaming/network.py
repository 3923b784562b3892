"""What a session needs of a network: it takes the samples of many streams piece by piece."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from open_seq2seq.errors import InputError, Problem

# What a network keeps of a stream between two pieces: its own object, which others only hand on.
StreamState = Any


class Piece(NamedTuple):
    """The next samples of a stream.

    Args:
      samples: `[n]` float32 at the network's rate, finite. n is a multiple of the network's
        `piece_samples`, except of the last piece.
      state: what was kept of the pieces before.
      last: whether the stream ends with them; then n may be 0.
    """

    samples: np.ndarray
    state: StreamState
    last: bool = False


class StreamingNetwork(Protocol):
    """A network, front-end included, that takes streams piece by piece; threads may share it.

    The rows of a stream, put together, are those of the whole recording, however it is cut.
    """

    @property
    def sample_freq(self) -> int:
        """The rate of the samples, in Hz."""

    @property
    def row_samples(self) -> int:
        """Samples from one row of log-probabilities to the next."""

    @property
    def piece_samples(self) -> int:
        """Samples of which a piece has a multiple: a row's, or those of rows that come together."""

    @property
    def look_ahead(self) -> float:
        """Seconds after a row's own place that it depends on: the only delay there is."""

    def initial_state(self) -> StreamState:
        """What a stream begins with."""

    def compute(self, pieces: Sequence[Piece]) -> list[tuple[np.ndarray, StreamState]]:
        """The rows that pieces of different streams complete, all computed together.

        Returns:
          For each log-probabilities (or logits) `[time, class]` float32, the blank last, and the
          new state. The old one is not changed.
        """

    def arrays_of(self, state: StreamState) -> dict[str, np.ndarray]:
        """A state as plain arrays by name, to be stored or sent."""

    def state_of(self, arrays: Mapping[str, np.ndarray]) -> StreamState:
        """The state that `arrays_of` gave these of.

        Raises:
          InputError: they are of another network.
        """


def check_state(
    arrays: Mapping[str, np.ndarray], own: Mapping[str, np.ndarray], free: Collection[str] = ()
) -> None:
    """Raises InputError for arrays that are no state of a network.

    Args:
      arrays: what is given.
      own: those of a state of it.
      free: names whose shapes change while a stream goes on.
    """
    wrong = sorted(own.keys() ^ arrays.keys()) or [
        name
        for name, value in own.items()
        if arrays[name].dtype != value.dtype
        or (name not in free and arrays[name].shape != value.shape)
    ]
    if wrong:
        expected = "the arrays of a stream of this model"
        problem = Problem("state", f"other arrays {', '.join(wrong[:5])}", expected)
        raise InputError("The stream is of another network:", [problem])
