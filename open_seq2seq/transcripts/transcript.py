"""A recording's transcript, with what files of transcripts say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from open_seq2seq.decode_result import DecodeResult, Word


@dataclass(frozen=True)
class Transcript:
    """What was recognised in a recording, or in a segment of one.

    Args:
      name: the recording's, as the manifest or the command line writes it.
      result: what was recognised; its times are from the segment's start.
      offset, duration: of the segment in the recording, in seconds; None: it is all of it.
      segment: what tells segments of one recording apart; "" of a whole recording.
    """

    name: str
    result: DecodeResult
    offset: float | None = None
    duration: float | None = None
    segment: str = ""

    def words(self) -> Iterator[Word]:
        """The words with their times in the recording."""
        start = self.offset or 0.0
        for word in self.result.words:
            yield word._replace(start=word.start + start, end=word.end + start)
