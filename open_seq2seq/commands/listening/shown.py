"""How texts are shown while they come: lines, JSON lines, a file of subtitles."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import RunError
from open_seq2seq.messages import say
from open_seq2seq.streaming import Finished, StreamPartial
from open_seq2seq.streaming.events import Event, final_event, partial_event
from open_seq2seq.transcripts import Transcript, transcript_writer


class Shown(Protocol):
    """What gets the texts of a stream."""

    def partial(self, one: StreamPartial) -> None:
        """Takes what is known of an utterance that goes on."""

    def final(self, one: Finished) -> None:
        """Takes an utterance that has ended, which may be empty."""

    def interrupt(self) -> None:
        """Makes room for a line of something else."""

    def close(self) -> None:
        """The stream has ended."""


class Lines:
    """Utterances that have ended, in a line each, with the time at which the first word begins."""

    def partial(self, one: StreamPartial) -> None:
        """See `Shown`."""

    def final(self, one: Finished) -> None:
        """See `Shown`."""
        if one.text:
            print_line(f"{moment(one.speech_start)}\t{one.text}")

    def interrupt(self) -> None:
        """See `Shown`."""

    def close(self) -> None:
        """See `Shown`."""


class JsonLines:
    """JSON objects, one a line, for other programs: what changes, and what has ended."""

    def __init__(self) -> None:
        self._shown = ("", "")

    def partial(self, one: StreamPartial) -> None:
        """See `Shown`."""
        event = partial_event(one)
        if self._shown != (event["text"], event["stable"]):
            self._shown = (event["text"], event["stable"])
            self._print(event)

    def final(self, one: Finished) -> None:
        """See `Shown`; an empty one is told where something was shown of it."""
        if one.text or self._shown[0]:
            self._print(final_event(one))
        self._shown = ("", "")

    def interrupt(self) -> None:
        """See `Shown`."""

    def close(self) -> None:
        """See `Shown`."""

    def _print(self, event: Event) -> None:
        print_line(json.dumps(event, ensure_ascii=False))


class Subtitles:
    """A file of subtitles, whole after each utterance: what was said stays if the process dies.

    Args:
      path: the file.
      name: the recording's.
    """

    def __init__(self, path: Path, name: str):
        self._path, self._name = path, name
        self._results: list[DecodeResult] = []

    def partial(self, one: StreamPartial) -> None:
        """See `Shown`."""

    def final(self, one: Finished) -> None:
        """See `Shown`."""
        if one.result.words:
            self._results.append(one.result)
            self._write()

    def interrupt(self) -> None:
        """See `Shown`."""

    def close(self) -> None:
        """See `Shown`."""
        if not self._results:
            self._write()
        say(f"Subtitles are in {self._path}")

    def _write(self) -> None:
        text = " ".join(one.text.strip() for one in self._results)
        words = tuple(word for one in self._results for word in one.words)
        with transcript_writer(self._path, [self._name], say) as writer:
            writer.add(Transcript(self._name, DecodeResult(text, 0.0, words)))


class Several:
    """All of some."""

    def __init__(self, every: Sequence[Shown]):
        self._every = every

    def partial(self, one: StreamPartial) -> None:
        """See `Shown`."""
        for shown in self._every:
            shown.partial(one)

    def final(self, one: Finished) -> None:
        """See `Shown`."""
        for shown in self._every:
            shown.final(one)

    def interrupt(self) -> None:
        """See `Shown`."""
        for shown in self._every:
            shown.interrupt()

    def close(self) -> None:
        """See `Shown`."""
        for shown in self._every:
            shown.close()


def moment(seconds: float) -> str:
    """`m:ss.hh`, or `h:mm:ss.hh`."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    first = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{first}:{rest // 100:02d}.{rest % 100:02d}"


def print_line(text: str) -> None:
    """A line on standard output, at once.

    Raises:
      RunError: standard output is closed, or its disk is full.
    """
    with writing():
        print(text, flush=True)


@contextmanager
def writing() -> Iterator[None]:
    """Turns what goes wrong with standard output into a sentence."""
    try:
        yield
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        raise RunError(f"Standard output cannot be written: {error}.") from error
