"""Streams over an exported model: its graph of streams, piece by piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.exported import StreamGraph
from open_seq2seq.inference.runtimes.loaded_model import (
    first_line,
    is_installed,
    not_installed,
)
from open_seq2seq.inference.runtimes.names import STREAM_RUNTIMES
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.streaming.batch_state import (
    BatchState,
    in_order_of_batches,
    joined_states,
    parted_states,
)
from open_seq2seq.streaming.network import Piece, StreamingNetwork, check_state

# Seconds that are computed at once of what follows a stream's end.
_FLUSHED = 1.0
_NO_SAMPLES = np.zeros(0, np.float32)
# Of a piece, where the probe signal is taken as a stream.
PROBE_ROWS = 8


class ExportedStream:
    """A `StreamingNetwork` of a file of an exported folder.

    Args:
      path: the file.
      runtime: a name of `STREAM_RUNTIMES`.
      graph: how it is used.
      classes: symbols and the blank.
      sample_freq: Hz.
      look_ahead: seconds that a row depends on after its own place.
      threads: that it computes with; None: as many as there are cores.

    Raises:
      InputError: the runtime is not installed, or cannot load the file.
    """

    def __init__(
        self,
        path: Path,
        runtime: str,
        graph: StreamGraph,
        classes: int,
        sample_freq: int,
        look_ahead: float = 0.0,
        threads: int | None = None,
    ):
        self.path, self.runtime, self.graph, self.classes = path, runtime, graph, classes
        self.sample_freq, self.row_samples = sample_freq, graph.row_samples
        self.piece_samples = graph.piece_samples
        # Rows come with those of samples that are so many behind them.
        self.look_ahead = max(look_ahead, graph.delay * graph.row_samples / sample_freq)
        if not is_installed(runtime):
            raise not_installed(runtime)
        try:
            kind = STREAM_RUNTIMES[runtime]
            self._session = kind(path, graph, threads or available_cores())
        except Exception as error:  # whatever a runtime makes of a file
            found = f"a file that {runtime} cannot load ({first_line(error)})"
            problem = Problem(str(path), found, "a graph of streams", "Export the model again.")
            raise InputError("The exported stream cannot be loaded:", [problem]) from error
        arrays = {one.input: one.begin()[None] for one in graph.states}
        self._initial = BatchState(arrays)

    def initial_state(self) -> BatchState:
        """See `StreamingNetwork`."""
        return self._initial

    def compute(self, pieces: Sequence[Piece]) -> list[tuple[np.ndarray, BatchState]]:
        """See `StreamingNetwork`.

        Raises:
          RunError: the runtime fails.
        """
        whole = self.piece_samples
        sizes = [-(-len(one.samples) // whole) * whole for one in pieces]
        results = self._together(pieces, sizes)
        ended = [number for number, piece in enumerate(pieces) if piece.last]
        if not ended:
            return results
        # The rows that wait for the end come with as many more: by and by, as a whole they would
        # take the memory of a recording.
        found = {number: [results[number][0]] for number in ended}
        states = [results[number][1] for number in ended]
        left = -(-(self.graph.delay + 1) // self.graph.piece_rows)
        most = max(round(_FLUSHED * self.sample_freq / whole), 1)
        while left:
            count = min(left, most)
            silent = [Piece(_NO_SAMPLES, state, last=True) for state in states]
            after = self._together(silent, [count * whole] * len(silent))
            states = [state for _, state in after]
            for number, (log_probs, _) in zip(ended, after):
                found[number].append(log_probs)
            left -= count
        for number, state in zip(ended, states):
            results[number] = np.concatenate(found[number]), state
        return results

    def _together(
        self, pieces: Sequence[Piece], sizes: Sequence[int]
    ) -> list[tuple[np.ndarray, BatchState]]:
        """Pieces, each filled up to a size; those of a size together."""
        results: list[tuple[np.ndarray, BatchState] | None] = [None] * len(pieces)
        order = in_order_of_batches([piece.state for piece in pieces])
        for size in dict.fromkeys(sizes):
            chosen = [number for number in order if sizes[number] == size]
            most = self._session.BATCH or len(chosen)
            for first in range(0, len(chosen), most):
                together = chosen[first : first + most]
                found = self._computed([pieces[number] for number in together], size)
                for number, one in zip(together, found):
                    results[number] = one
        return [one for one in results if one is not None]

    def _computed(self, pieces: Sequence[Piece], size: int) -> list[tuple[np.ndarray, BatchState]]:
        """Pieces of a size, together."""
        if size == 0:
            return [(np.zeros((0, self.classes), np.float32), piece.state) for piece in pieces]
        samples = np.zeros((len(pieces), size), np.float32)
        for row, piece in zip(samples, pieces):
            row[: len(piece.samples)] = piece.samples
        counts = np.array([len(piece.samples) for piece in pieces], np.int32)
        states = joined_states([piece.state for piece in pieces])
        try:
            found = self._session.run(samples, counts, states)
        except Exception as error:  # a runtime has errors of its own
            where = f"{self.path} fails in {self.runtime} on {len(pieces)} x {size} samples"
            raise RunError(f"{where}: {first_line(error)}") from error
        expected = (len(pieces), size // self.row_samples, self.classes)
        if found.log_probs.shape != expected:
            shape = f"{list(found.log_probs.shape)} instead of {list(expected)}"
            raise RunError(f"{self.path} gives log-probabilities {shape} in {self.runtime}.")
        rows = zip(found.log_probs, found.first_row, found.num_rows)
        log_probs = [one[first : first + count] for one, first, count in rows]
        return list(zip(log_probs, parted_states(found.states, len(pieces))))

    def arrays_of(self, state: BatchState) -> dict[str, np.ndarray]:
        """See `StreamingNetwork`."""
        return state.arrays()

    def state_of(self, arrays: Mapping[str, np.ndarray]) -> BatchState:
        """See `StreamingNetwork`."""
        check_state(arrays, self.arrays_of(self._initial))
        return BatchState({name: np.array(value)[None] for name, value in arrays.items()})


def streamed(
    network: StreamingNetwork, recordings: Sequence[np.ndarray], rows: int
) -> list[np.ndarray]:
    """The log-probabilities `[time, class]` of recordings, each taken piece by piece.

    Args:
      network: what computes them, all recordings that go on together.
      recordings: samples `[n]` float32 of each.
      rows: of a piece, at least: as many as it has to have.
    """
    whole = network.piece_samples
    size = -(-rows * network.row_samples // whole) * whole
    states = [network.initial_state() for _ in recordings]
    found: list[list[np.ndarray]] = [[] for _ in recordings]
    going, first = list(range(len(recordings))), 0
    while going:
        pieces = [
            Piece(
                recordings[one][first : first + size],
                states[one],
                last=first + size >= len(recordings[one]),
            )
            for one in going
        ]
        for one, (log_probs, state) in zip(going, network.compute(pieces)):
            found[one].append(log_probs)
            states[one] = state
        going = [one for one, piece in zip(going, pieces) if not piece.last]
        first += size
    return [np.concatenate(one) for one in found]
