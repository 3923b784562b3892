"""DeepSpeech's `Stream`: text while audio comes."""

from __future__ import annotations

import numpy as np

from open_seq2seq.compat.deepspeech.audio import checked_audio
from open_seq2seq.compat.deepspeech.errors import FinishedStream
from open_seq2seq.compat.deepspeech.metadata import Metadata, metadata_of
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.streaming import Session

# Candidates that a stream keeps: how many are wanted is only said at its end.
MOST_CANDIDATES = 32


class Stream:
    """One stream; made by `Model.createStream`, with what is set of the model at that moment.

    Args:
      session: what computes, with `MOST_CANDIDATES` in its results.
    """

    def __init__(self, session: Session):
        self._session: Session | None = session

    def feedAudioContent(self, audio_buffer: np.ndarray) -> None:
        """Takes the next samples.

        Args:
          audio_buffer: `[n]` int16 at the model's rate, n may be 0.

        Raises:
          InputError: they are something else.
          FinishedStream: the stream has ended.
        """
        session = self._open("feedAudioContent")
        session.accept(checked_audio("feedAudioContent", audio_buffer))

    def intermediateDecode(self) -> str:
        """The text, as if the stream ended with what is computed of it; it goes on all the same.

        Raises:
          FinishedStream: the stream has ended.
        """
        return self._open("intermediateDecode").result_so_far().text

    def intermediateDecodeWithMetadata(self, num_results: int = 1) -> Metadata:
        """`intermediateDecode` with times.

        Args:
          num_results: candidates, at most; a stream has up to 32.

        Raises:
          FinishedStream: the stream has ended.
        """
        call = "intermediateDecodeWithMetadata"
        session, count = self._open(call), checked_count(call, num_results)
        return metadata_of(session.result_so_far(), session.frame_shift, count)

    def finishStream(self) -> str:
        """Ends the stream: its text.

        Raises:
          FinishedStream: it has ended before.
        """
        return self._finish(self._open("finishStream")).text

    def finishStreamWithMetadata(self, num_results: int = 1) -> Metadata:
        """`finishStream` with times.

        Args:
          num_results: candidates, at most; a stream has up to 32.

        Raises:
          FinishedStream: it has ended before.
        """
        call = "finishStreamWithMetadata"
        session, count = self._open(call), checked_count(call, num_results)
        return metadata_of(self._finish(session), session.frame_shift, count)

    def freeStream(self) -> None:
        """Ends the stream without a text.

        Raises:
          FinishedStream: it has ended before.
        """
        self._open("freeStream")
        self._session = None

    def _open(self, call: str) -> Session:
        if self._session is None:
            raise FinishedStream(call)
        return self._session

    def _finish(self, session: Session) -> DecodeResult:
        result = session.finish()
        self._session = None
        return result


def checked_count(call: str, num_results: int) -> int:
    """How many candidates are wanted.

    Raises:
      InputError: not a whole number above 0.
    """
    whole = isinstance(num_results, (int, np.integer)) and not isinstance(num_results, bool)
    if whole and 1 <= num_results < 2**31:
        return int(num_results)
    problem = Problem(call, f"num_results={num_results!r}", "a whole number, at least 1")
    raise InputError("There are no so many candidates:", [problem])
