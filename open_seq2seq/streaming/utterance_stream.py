"""A stream as utterances, one after the other: what `listen` shows and the server sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.streaming.endpoints import Endpoint
from open_seq2seq.streaming.session import Session, StreamPartial, accept_each


class Finished(NamedTuple):
    """An utterance that has ended.

    Args:
      result: its text; times are the stream's.
      start, end: of the utterance, with the silence around it, in seconds of the stream.
      received, decoded: see `StreamPartial`.
      endpoint: what ended it; None: the stream's end.
    """

    result: DecodeResult
    start: float
    end: float
    received: float
    decoded: float
    endpoint: Endpoint | None = None

    @property
    def text(self) -> str:
        """Its text, without the spaces that silence may be written as."""
        return self.result.text.strip()

    @property
    def speech_start(self) -> float:
        """Where its first word begins."""
        words = self.result.words
        return words[0].start if words else self.start


class UtteranceStream:
    """Ends the utterances of a session where its endpoint rules say so.

    Args:
      session: a new one.
    """

    def __init__(self, session: Session):
        self.session = session

    def accept(self, samples: np.ndarray) -> tuple[StreamPartial, list[Finished]]:
        """Takes more samples; see `Session.accept`.

        Returns:
          What is known of the utterance that goes on, and those that have ended before it.
        """
        self.session.accept(samples)
        return self._heard()

    @staticmethod
    def accept_each(
        streams: Sequence[UtteranceStream], samples: Sequence[np.ndarray]
    ) -> list[tuple[StreamPartial, list[Finished]] | OpenSeq2SeqError]:
        """`accept` of different streams of a pool, computed together; errors are each one's own.

        Args:
          streams: those that have got samples.
          samples: of each.
        """
        errors = accept_each([one.session for one in streams], samples)
        return [error or one._heard() for one, error in zip(streams, errors)]

    def finish(self) -> list[Finished]:
        """Ends the stream; see `Session.finish`. The last one has no endpoint."""
        self.session.end_input()
        ended = self._ended()
        result = self.session.finish()
        last = self.session.partial()
        return [*ended, Finished(result, last.start, last.decoded, last.received, last.decoded)]

    def _heard(self) -> tuple[StreamPartial, list[Finished]]:
        ended = self._ended()
        return self.session.partial(), ended

    def _ended(self) -> list[Finished]:
        found = []
        while (endpoint := self.session.endpoint()) is not None:
            result, now = self.session.end_utterance(), self.session.partial()
            end = min(endpoint.end, now.received)
            found.append(Finished(result, endpoint.start, end, now.received, end, endpoint))
        return found
