"""Networks that need the whole utterance, in streams: windows that overlap.

Each chunk is computed with what is left and right of it, and only its own rows are taken. Windows
begin on whole rows, so that their rows are those of the recording, and are put together by their
numbers: none is there twice, none is missing. They are equal to the offline ones where left and
right reach as far as the network sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.streaming.network import Piece, check_state

# Inputs of several recordings -> the logits `[time, class]` of each.
Logits = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]


class WindowLengths(NamedTuple):
    """What is computed at once, in seconds, each rounded to whole rows.

    Args:
      left: before the chunk.
      chunk: whose rows are taken.
      right: after the chunk: they have to be there before it is computed.
    """

    left: float = 4.0
    chunk: float = 1.0
    right: float = 1.0


class _Buffer(NamedTuple):
    """A stream: the samples from `first` on, a multiple of a row, and the rows given so far."""

    samples: np.ndarray
    first: int
    rows: int


class BufferedNetwork:
    """A `StreamingNetwork` of any network, by windows that overlap.

    Args:
      front_end: samples `[n]` -> what the network takes; statistics of the utterance are those of
        the window.
      logits: the network.
      sample_freq: Hz.
      row_samples: samples from one row to the next.
      lengths: of the windows.

    Raises:
      InputError: the lengths are none.
    """

    def __init__(
        self,
        front_end: Callable[[np.ndarray], np.ndarray],
        logits: Logits,
        sample_freq: int,
        row_samples: int,
        lengths: WindowLengths,
    ):
        problems = [
            Problem(name, repr(value), "seconds, not below 0; chunk above 0")
            for name, value in lengths._asdict().items()
            if not 0 <= value <= 600 or (name == "chunk" and not value > 0)
        ]
        if problems:
            raise InputError("The stream cannot be cut so:", problems)
        self._front_end, self._logits = front_end, logits
        self.sample_freq, self.row_samples = sample_freq, row_samples
        self.piece_samples = row_samples
        left, chunk, right = (round(one * sample_freq / row_samples) for one in lengths)
        # In rows.
        self.left, self.chunk, self.right = left, max(chunk, 1), right

    @property
    def look_ahead(self) -> float:
        """See `StreamingNetwork`."""
        return self.right * self.row_samples / self.sample_freq

    @property
    def chunk_seconds(self) -> float:
        """What a stream has to gather before a window is computed."""
        return self.chunk * self.row_samples / self.sample_freq

    def initial_state(self) -> _Buffer:
        """See `StreamingNetwork`."""
        return _Buffer(np.zeros(0, np.float32), 0, 0)

    def compute(self, pieces: Sequence[Piece]) -> list[tuple[np.ndarray, _Buffer]]:
        """See `StreamingNetwork`."""
        windows: list[np.ndarray] = []
        plans = [self._plan(piece, windows) for piece in pieces]
        found = self._logits([self._front_end(one) for one in windows]) if windows else []
        results = []
        for (numbers, after), piece in zip(plans, pieces):
            rows = [found[number][first:end] for number, first, end in numbers]
            classes = [one.shape[1] for one in rows[:1]] or [1]
            joined = np.concatenate(rows) if rows else np.zeros((0, *classes), np.float32)
            results.append((joined, after._replace(rows=piece.state.rows + len(joined))))
        return results

    def _plan(
        self, piece: Piece, windows: list[np.ndarray]
    ) -> tuple[list[tuple[int, int, int | None]], _Buffer]:
        """The windows of a piece, of each the rows that are taken, and what is left of it."""
        before: _Buffer = piece.state
        held = np.concatenate([before.samples, piece.samples])
        first, row = before.first, before.rows
        end = first + len(held)
        taken: list[tuple[int, int, int | None]] = []

        def add(last: int, rows: int | None) -> None:
            begin = max(row - self.left, 0)
            window = held[begin * self.row_samples - first : last - first]
            if len(window):
                own = row - begin
                taken.append((len(windows), own, None if rows is None else own + rows))
                windows.append(window)

        while (row + self.chunk + self.right) * self.row_samples <= end:
            add((row + self.chunk + self.right) * self.row_samples, self.chunk)
            row += self.chunk
        if piece.last:
            add(end, None)
            return taken, _Buffer(held[:0], 0, 0)
        keep = max(row - self.left, 0) * self.row_samples
        return taken, _Buffer(held[keep - first :].copy(), keep, row)

    def arrays_of(self, state: _Buffer) -> dict[str, np.ndarray]:
        """See `StreamingNetwork`."""
        return {
            "samples": state.samples,
            "first": np.asarray(state.first, np.int64),
            "rows": np.asarray(state.rows, np.int64),
        }

    def state_of(self, arrays: Mapping[str, np.ndarray]) -> _Buffer:
        """See `StreamingNetwork`."""
        check_state(arrays, self.arrays_of(self.initial_state()), free=["samples"])
        return _Buffer(arrays["samples"], int(arrays["first"]), int(arrays["rows"]))
