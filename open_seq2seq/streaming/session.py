"""Text while people speak: one stream of samples, and what has been recognised of it so far.

session = recognizer.stream(sample_freq=44100)
for samples in microphone:
    partial = session.accept(samples)
    print(partial.text)
    while session.endpoint():
        print(session.end_utterance().text)
print(session.finish().text)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.decode_result import DecodeResult, Partial
from open_seq2seq.decoders import Decoder
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem, RunError
from open_seq2seq.streaming.endpoints import ENDPOINT_RULES, Endpoint, EndpointRule
from open_seq2seq.streaming.network import Piece, StreamingNetwork, StreamState
from open_seq2seq.streaming.resampler import SampleStream
from open_seq2seq.streaming.utterances import Utterances
from open_seq2seq.streaming.voice_gate import VoiceGate

# What is computed at once of a stream that brings more: as fast as all of it, in little memory.
_MOST_SECONDS = 8.0
_CHUNK_SECONDS = 0.32
_LONGEST_CHUNK = 60.0
# Arrays of `Session.state` that are the network's.
_NETWORK = "network/"


@dataclass(frozen=True)
class StreamPartial(Partial):
    """What has been recognised of an utterance that goes on; its times are the stream's.

    Args:
      start: where the utterance begins, in seconds from the beginning of the stream.
      received: seconds of the stream so far.
      decoded: of these, seconds that `text` is of: the rest waits for a chunk to be full, and
        for what the network looks ahead.
    """

    start: float = 0.0
    received: float = 0.0
    decoded: float = 0.0


class Session:
    """One stream; made by `Recognizer.stream`, or by a `StreamPool`.

    The result is that of the whole recording, however its samples are cut. One thread at a time
    gets in; sessions of one network may be used from many.

    Args:
      network: what computes; sessions share it.
      decoder: what makes texts of its log-probabilities.
      symbols: the network's, without the blank.
      frame_shift: seconds from one row to the next.
      sample_freq: the rate of the samples that come, in Hz; None: the network's.
      chunk_seconds: so much is gathered before it is computed, rounded to whole rows: a longer
        chunk costs less, and text comes later.
      endpoint_rules: when an utterance has ended, see `endpoint`.
      voice_gate: keeps long silence from the network; None: it hears everything.
      resumable: keep what `state` needs, the utterance's rows among it.

    Raises:
      InputError: the rate or the chunk cannot be used.
    """

    def __init__(
        self,
        network: StreamingNetwork,
        decoder: Decoder,
        symbols: Sequence[str],
        frame_shift: float,
        *,
        sample_freq: int | None = None,
        chunk_seconds: float = _CHUNK_SECONDS,
        endpoint_rules: Sequence[EndpointRule] = ENDPOINT_RULES,
        voice_gate: VoiceGate | None = None,
        resumable: bool = False,
    ):
        if not 0 <= chunk_seconds <= _LONGEST_CHUNK:
            expected = f"seconds from 0 (one row) to {_LONGEST_CHUNK:g}"
            problem = Problem("chunk_seconds", repr(chunk_seconds), expected)
            raise InputError("The stream cannot be cut so:", [problem])
        self.network, self.frame_shift = network, frame_shift
        self.endpoint_rules, self.voice_gate = tuple(endpoint_rules), voice_gate
        self.resumable = resumable
        # Classes in which nothing is said: spaces, and the blank.
        silent = np.array([not symbol.strip(" \u2581") for symbol in symbols] + [True])
        self._classes = len(silent)
        self._utterances = Utterances(
            decoder, silent, frame_shift, self.endpoint_rules, keeps=resumable
        )
        own_freq = network.sample_freq
        self._incoming = SampleStream(own_freq if sample_freq is None else sample_freq, own_freq)
        piece = network.piece_samples
        self._chunk = max(round(chunk_seconds * own_freq / piece), 1) * piece
        self._most = max(int(_MOST_SECONDS * own_freq) // self._chunk, 1) * self._chunk
        self._lock = threading.Lock()
        self._state: StreamState = None
        # Samples that do not make a chunk yet, and what the closed gate holds back.
        self._waiting = self._held = np.zeros(0, np.float32)
        # Whether no samples follow, whether all of them are computed, and whether it is finished.
        self._ends = self._flushed = self._finished = False
        self._begin()

    # --- what users call

    @property
    def sample_freq(self) -> int:
        """The rate of the samples that `accept` takes, in Hz."""
        return self._incoming.from_freq

    @property
    def chunk_seconds(self) -> float:
        """What is gathered before it is computed."""
        return self._chunk / self.network.sample_freq

    @property
    def latency(self) -> float:
        """Seconds, at most, from a sound to its text, computing aside: a chunk and look-ahead."""
        return self.chunk_seconds + self.network.look_ahead

    def accept(self, samples: np.ndarray) -> StreamPartial:
        """Takes the next samples, any number of them.

        Args:
          samples: `[n]` floats in [-1, 1], or 16-bit integers.

        Returns:
          What has been recognised of the utterance so far.

        Raises:
          InputError: they are no samples (nothing of them was taken), or `finish` was called.
          RunError: the network fails; the samples are kept, and are computed with the next ones.
        """
        with self._lock:
            self._gather(samples)
            self._utterances.go_on()
            self._compute_queue()
            return self._partial()

    def partial(self) -> StreamPartial:
        """What `accept` returned last."""
        with self._lock:
            return self._partial()

    def result_so_far(self) -> DecodeResult:
        """The utterance's result, as if it ended with what is decoded of it; it goes on.

        Raises:
          InputError: `finish` was called.
        """
        with self._lock:
            self._check_open()
            return self._utterances.result()

    def endpoint(self) -> Endpoint | None:
        """Whether the utterance has ended, by the first of the rules that says so; None: not yet.

        Text ends with the row at which it does, wherever chunks do; so ask again after
        `end_utterance`, if much was accepted at once. Where the utterance is not ended before the
        next samples come, it goes on, and rules are looked at again when none holds any more.
        """
        with self._lock:
            return self._utterances.endpoint()

    def end_utterance(self) -> DecodeResult:
        """The utterance's result; what follows in the stream is another one.

        The network and its statistics go on: only text and decoder begin anew.
        """
        with self._lock:
            self._check_open()
            return self._utterances.end()

    def end_input(self) -> StreamPartial:
        """Computes all that waits: no samples follow. `finish` gives the last utterance.

        Before it, utterances that have ended can be taken as after `accept`.

        Raises:
          InputError: `finish` was called.
          RunError: the network fails; nothing is lost, and it can be called again.
        """
        with self._lock:
            self._check_open()
            self._utterances.go_on()
            self._end_input()
            return self._partial()

    def finish(self) -> DecodeResult:
        """Ends the stream: the last utterance's result, with all that waited for the end.

        Raises:
          InputError: it was called before.
          RunError: the network fails; nothing is lost, and it can be called again.
        """
        with self._lock:
            self._check_open()
            self._end_input()
            self._utterances.hear_all()
            self._finished = True
            return self._utterances.result()

    def reset(self) -> None:
        """Forgets everything, and begins another stream."""
        with self._lock:
            self._incoming.reset()
            self._begin()

    # --- streams that go on elsewhere

    def state(self) -> dict[str, np.ndarray]:
        """All of a stream as plain arrays by name: `np.savez` stores them.

        Raises:
          InputError: the session is not `resumable`, or converts the sample rate (resampling
            keeps what cannot be stored).
        """
        with self._lock:
            self._check_open()
            self._check_resumable()
            return {
                **self._utterances.arrays(),
                "received": np.asarray(self._incoming.received, np.int64),
                "waiting": self._waiting.copy(),
                **{
                    f"{_NETWORK}{name}": value
                    for name, value in self.network.arrays_of(self._state).items()
                },
            }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where another session's `state` was taken, bit for bit.

        Args:
          state: what it returned, or its arrays after `np.load`.

        Raises:
          InputError: it is of another network, or no state at all.
        """
        with self._lock:
            self._check_resumable()
            names = [*self._utterances.arrays(), "received", "waiting"]
            missing = [name for name in names if name not in state]
            if missing:
                expected = "what Session.state returned"
                problem = Problem("state", f"no {', '.join(missing)}", expected)
                raise InputError("The stream cannot go on:", [problem])
            network = {
                name.removeprefix(_NETWORK): np.asarray(value)
                for name, value in state.items()
                if name.startswith(_NETWORK)
            }
            restored = self.network.state_of(network)
            self._incoming.reset()
            self._begin()
            self._state = restored
            self._utterances.restore(state)
            self._incoming.received = self._incoming.given = int(state["received"])
            self._waiting = np.array(state["waiting"], np.float32)

    # --- how it goes on

    def _begin(self) -> None:
        self._state = self.network.initial_state()
        self._utterances.reset()
        self._waiting = self._held = np.zeros(0, np.float32)
        # Chunks to compute, and rows that the gate skips.
        self._queue: deque[np.ndarray | int] = deque()
        self._quiet = 0  # samples since the last sound
        self._ends = self._flushed = self._finished = False

    def _check_open(self, ends: bool = False) -> None:
        if self._finished or ends:
            expected = "samples before finish()"
            remedy = "reset() begins another stream; end_utterance() ends a part of one."
            problem = Problem("session", "a stream that was finished", expected, remedy)
            raise InputError("The stream has ended:", [problem])

    def _check_resumable(self) -> None:
        problems = []
        if not self.resumable:
            problems.append(Problem("resumable", "False", "True", "Make the session with it."))
        if self._incoming.converts:
            own, remedy = self.network.sample_freq, "Resample before the session."
            problems.append(Problem("sample_freq", str(self.sample_freq), str(own), remedy))
        if self.voice_gate is not None:
            problems.append(Problem("voice_gate", "a gate", "None"))
        if problems:
            raise InputError("The stream cannot be stored:", problems)

    def _accept_later(self, samples: np.ndarray) -> None:
        """Takes samples; they are not computed yet."""
        with self._lock:
            self._gather(samples)
            self._utterances.go_on()

    def _gather(self, samples: np.ndarray) -> None:
        """Takes samples; chunks that are full go into the queue."""
        self._check_open(self._ends)
        more = self._incoming.accept(samples)
        waiting = np.concatenate([self._waiting, more]) if len(self._waiting) else more
        whole = len(waiting) // self._chunk * self._chunk
        # A copy: a view would keep all of what came in memory, or change with the caller's array.
        self._waiting = waiting[whole:].copy()
        if self.voice_gate is None:
            for first in range(0, whole, self._most):
                self._queue.append(waiting[first : min(first + self._most, whole)])
        else:
            for first in range(0, whole, self._chunk):
                self._through_gate(self.voice_gate, waiting[first : first + self._chunk])

    def _through_gate(self, gate: VoiceGate, chunk: np.ndarray) -> None:
        freq, piece = self.network.sample_freq, self.network.piece_samples
        if gate.has_voice(chunk, freq):
            self._quiet = 0
            self._queue.append(np.concatenate([self._held, chunk]))
            self._held = chunk[:0]
            return
        self._quiet += len(chunk)
        if self._quiet <= (gate.hold + self.network.look_ahead) * freq:
            self._queue.append(chunk)
            return
        held = np.concatenate([self._held, chunk])
        keep = -(-round(gate.before * freq) // piece) * piece
        skipped = max(len(held) - keep, 0) // piece * piece
        self._held = held[skipped:]
        if skipped:
            self._queue.append(skipped // self.network.row_samples)

    def _next_piece(self) -> Piece | None:
        """What is to be computed next; it stays in the queue until its rows are taken."""
        while self._queue:
            following = self._queue[0]
            if isinstance(following, np.ndarray):
                return Piece(following, self._state)
            self._utterances.hear(_blank_rows(following, self._classes))
            self._queue.popleft()
        return None

    def _compute_queue(self) -> None:
        while (piece := self._next_piece()) is not None:
            self._take(*self.network.compute([piece])[0])

    def _take(self, rows: np.ndarray, state: StreamState) -> None:
        """The rows of the piece that is first in the queue, and the state after it."""
        self._queue.popleft()
        self._state = state
        self._utterances.hear(rows)

    def _end_input(self) -> None:
        """Computes all that waits for the end, once."""
        if not self._ends:
            rest = self._incoming.finish()
            self._waiting = np.concatenate([self._held, self._waiting, rest])
            self._ends = True
        self._compute_queue()
        if self._incoming.received and not self._flushed:
            piece = Piece(self._waiting, self._state, last=True)
            [(rows, self._state)] = self.network.compute([piece])
            self._utterances.hear(rows)
        self._flushed = True

    def _partial(self) -> StreamPartial:
        found, start = self._utterances.partial(), self._utterances.start
        words = found.words
        if start:
            words = tuple([w._replace(start=w.start + start, end=w.end + start) for w in words])
        received = self._incoming.received / self._incoming.from_freq
        decoded = min(self._utterances.rows * self.frame_shift, received)
        return StreamPartial(found.text, found.stable_text, words, start, received, decoded)


def _blank_rows(count: int, classes: int) -> np.ndarray:
    """Log-probabilities of rows in which nothing is said: `[count, classes]` float32."""
    rows = np.full((count, classes), -30, np.float32)
    rows[:, -1] = 0
    return rows


def accept_together(
    sessions: Sequence[Session], samples: Sequence[np.ndarray]
) -> list[StreamPartial]:
    """`accept` of several sessions of one network, from one thread, computed together.

    Args:
      sessions: different ones.
      samples: of each, as for `accept`.

    Raises:
      InputError: as `accept`; nothing was computed, and of the sessions before the one with the
        error the samples are kept.
    """
    for session, more in zip(sessions, samples, strict=True):
        session._accept_later(more)
    _compute_together(sessions)
    return [session.partial() for session in sessions]


def accept_each(
    sessions: Sequence[Session], samples: Sequence[np.ndarray]
) -> list[OpenSeq2SeqError | None]:
    """As `accept_together`, but what fails is one session's matter: None where nothing did.

    Args:
      sessions: different ones.
      samples: of each, as for `accept`.
    """
    errors: dict[Session, OpenSeq2SeqError] = {}
    for session, more in zip(sessions, samples, strict=True):
        try:
            session._accept_later(more)
        except InputError as error:
            errors[session] = error
    try:
        _compute_together([one for one in sessions if one not in errors])
    except RunError:  # which of them it was
        for session in sessions:
            try:
                _compute_together([session])
            except RunError as error:
                errors[session] = error
    return [errors.get(session) for session in sessions]


def _compute_together(sessions: Sequence[Session]) -> None:
    while pieces := [(one, piece) for one in sessions if (piece := one._next_piece()) is not None]:
        results = sessions[0].network.compute([piece for _, piece in pieces])
        for (session, _), (rows, state) in zip(pieces, results):
            with session._lock:
                session._take(rows, state)
