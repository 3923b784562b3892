"""Many streams over one network, computed together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from open_seq2seq.decoders import Decoder
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.streaming.network import Piece, StreamingNetwork, StreamState
from open_seq2seq.streaming.session import Session, StreamPartial, accept_together

_Computed = list[tuple[np.ndarray, StreamState]]


class TogetherNetwork:
    """A `StreamingNetwork` that computes together what threads ask for at the same time.

    While threads compute, the others' pieces gather; whoever comes next takes all of them.
    So there is no thread of its own, and nobody waits for a batch to be full.

    Args:
      network: what computes.
      most_together: pieces that it takes at once.
      computations: at the same time.
    """

    def __init__(self, network: StreamingNetwork, most_together: int, computations: int = 1):
        self.network, self.most_together = network, most_together
        self._condition = threading.Condition()
        self._asked: deque[_Request] = deque()
        self._free = computations
        # How many pieces there were in how many computations.
        self.pieces = self.computations = 0

    @property
    def sample_freq(self) -> int:
        """See `StreamingNetwork`."""
        return self.network.sample_freq

    @property
    def row_samples(self) -> int:
        """See `StreamingNetwork`."""
        return self.network.row_samples

    @property
    def piece_samples(self) -> int:
        """See `StreamingNetwork`."""
        return self.network.piece_samples

    @property
    def look_ahead(self) -> float:
        """See `StreamingNetwork`."""
        return self.network.look_ahead

    def initial_state(self) -> StreamState:
        """See `StreamingNetwork`."""
        return self.network.initial_state()

    def arrays_of(self, state: StreamState) -> dict[str, np.ndarray]:
        """See `StreamingNetwork`."""
        return self.network.arrays_of(state)

    def state_of(self, arrays: Mapping[str, np.ndarray]) -> StreamState:
        """See `StreamingNetwork`."""
        return self.network.state_of(arrays)

    def compute(self, pieces: Sequence[Piece]) -> _Computed:
        """See `StreamingNetwork`."""
        request = _Request(pieces)
        with self._condition:
            self._asked.append(request)
        while True:
            with self._condition:
                self._condition.wait_for(lambda: request.is_done or self._may_begin())
                if request.is_done:
                    return request.outcome()
                taken = self._take()
                self._free -= 1
            try:
                self._compute(taken)
            finally:
                with self._condition:
                    self._free += 1
                    self._condition.notify_all()

    def _may_begin(self) -> bool:
        # Where all requests are taken, a thread waits for its own, which another one computes.
        return bool(self._free and self._asked)

    def _take(self) -> list[_Request]:
        """The requests that are computed next, in the order in which they came."""
        taken = [self._asked.popleft()]
        count = len(taken[0].pieces)
        while self._asked and count + len(self._asked[0].pieces) <= self.most_together:
            taken.append(self._asked.popleft())
            count += len(taken[-1].pieces)
        return taken

    def _compute(self, requests: Sequence[_Request]) -> None:
        pieces = [piece for request in requests for piece in request.pieces]
        try:
            results = self.network.compute(pieces)
        except BaseException as error:
            if len(requests) == 1:
                requests[0].error = error
                return
            for request in requests:  # which of them it was
                self._compute([request])
            return
        with self._condition:
            self.pieces += len(pieces)
            self.computations += 1
        first = 0
        for request in requests:
            request.results = results[first : first + len(request.pieces)]
            first += len(request.pieces)


class _Request:
    """Pieces that a thread waits for."""

    def __init__(self, pieces: Sequence[Piece]):
        self.pieces = pieces
        self.results: _Computed | None = None
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.results is not None or self.error is not None

    def outcome(self) -> _Computed:
        if self.error is not None:
            raise self.error
        assert self.results is not None
        return self.results


class StreamPool:
    """Sessions whose networks are computed together; results are those of each alone.

    Sessions may be used from a thread each, or all of them from one by `accept`. A session that
    is dropped leaves nothing behind.

    Args:
      network, decoder, symbols, frame_shift: see `Session`.
      most_together: streams of a computation.
      computations: at the same time: as many cores, where one thread computes each.

    Raises:
      InputError: `most_together` is no number of streams.
    """

    def __init__(
        self,
        network: StreamingNetwork,
        decoder: Decoder,
        symbols: Sequence[str],
        frame_shift: float,
        most_together: int = 32,
        computations: int = 1,
    ):
        if most_together < 1:
            problem = Problem("most_together", repr(most_together), "at least 1 stream")
            raise InputError("The streams cannot be computed so:", [problem])
        self.network = TogetherNetwork(network, most_together, computations)
        self._decoder, self._symbols, self._frame_shift = decoder, symbols, frame_shift

    def stream(
        self, sample_freq: int | None = None, decoder: Decoder | None = None, **options: Any
    ) -> Session:
        """Begins a stream.

        Args:
          sample_freq, options: see `Session`.
          decoder: of this stream; None: the pool's.
        """
        return Session(
            self.network,
            decoder or self._decoder,
            self._symbols,
            self._frame_shift,
            sample_freq=sample_freq,
            **options,
        )

    def accept(
        self, sessions: Sequence[Session], samples: Sequence[np.ndarray]
    ) -> list[StreamPartial]:
        """`Session.accept` of different sessions of this pool, computed together.

        Args:
          sessions: those that have got samples.
          samples: of each.
        """
        return accept_together(sessions, samples)
