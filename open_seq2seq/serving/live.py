"""One live stream of a client: bytes come in, results go out, threads compute."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from open_seq2seq.errors import InputError
from open_seq2seq.serving.models import ServedModel
from open_seq2seq.serving.refusal import Refused, refusal_of
from open_seq2seq.serving.service import Service
from open_seq2seq.streaming import Finished, Session, StreamPartial, UtteranceStream

FORMATS: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}


class Heard(NamedTuple):
    """What came of more audio.

    Args:
      partial: the utterance that goes on.
      ended: those that ended before it.
      latency: seconds from the arrival of its last bytes to this.
    """

    partial: StreamPartial
    ended: list[Finished]
    latency: float


class LiveStream:
    """Takes the bytes of one stream, and computes when a chunk is full.

    Args:
      service: the server's.
      model: the model.
      session: a new or restored one of this model.
      format: one of `FORMATS`.
    """

    def __init__(self, service: Service, model: ServedModel, session: Session, format: str):
        self.session, self.model, self.service = session, model, service
        self._utterances, self._dtype = UtteranceStream(session), FORMATS[format]
        self._held = bytearray()
        step = max(round(session.chunk_seconds * session.sample_freq), 1)
        self._step = step * self._dtype.itemsize
        # Seconds of audio so far, and of waiting for its results.
        self.received = session.partial().received
        self._before, self.busy = self.received, 0.0
        service.metrics.count("sessions_total")

    @property
    def real_time_factor(self) -> float:
        """Seconds of waiting for results for a second of audio; 0 before there is any."""
        heard = self.received - self._before
        return self.busy / heard if heard > 0 else 0.0

    def take(self, data: bytes) -> None:
        """Keeps more bytes.

        Raises:
          Refused: they are too many at once, or the stream is too long.
        """
        limits = self.service.limits
        if len(data) > limits.audio_bytes:
            text = f"{len(data)} bytes of audio in a message, of at most {limits.audio_bytes}."
            raise Refused(413, text, "message_too_large")
        self._held += data
        self.received += len(data) / (self._dtype.itemsize * self.session.sample_freq)
        if self.received > limits.stream_seconds:
            text = f"The stream is longer than {limits.stream_seconds:g} seconds."
            raise Refused(413, text, "stream_too_long")

    @property
    def is_full(self) -> bool:
        """Whether there is a chunk to compute."""
        return len(self._held) >= self._step

    async def compute(self) -> Heard | None:
        """What comes of the next chunk, or of less if that is all; None: there are no samples.

        Raises:
          Refused: they are no samples.
        """
        whole = len(self._held) // self._dtype.itemsize * self._dtype.itemsize
        if not whole:
            return None
        whole = min(whole, self._step)
        samples = np.frombuffer(bytes(self._held[:whole]), self._dtype)
        del self._held[:whole]
        arrived = time.monotonic()
        try:
            partial, ended = await self.model.turns.accept(
                self._utterances, samples, self._compute_batch
            )
        except InputError as error:
            raise refusal_of(error, name="audio") from error
        finally:
            self._count(arrived, whole)
        return Heard(partial, ended, time.monotonic() - arrived)

    async def finish(self) -> tuple[list[Finished], float]:
        """Ends the stream: its last utterances, and how long they took."""
        arrived = time.monotonic()
        ended = await self.service.live(self._utterances.finish)
        took = time.monotonic() - arrived
        self.busy += took
        return ended, took

    async def _compute_batch(self, work: Callable[[], Any]) -> Any:
        """Of all streams whose turn it is, by the one that was there first."""
        self.service.metrics.count("batches_total")
        return await self.service.live(work)

    def _count(self, arrived: float, whole: int) -> None:
        took = time.monotonic() - arrived
        self.busy += took
        metrics = self.service.metrics
        metrics.observe("live", took)
        metrics.count("chunks_total")
        metrics.count("busy_seconds_total", took)
        seconds = whole / (self._dtype.itemsize * self.session.sample_freq)
        metrics.count("audio_seconds_total", seconds)
