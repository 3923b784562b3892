"""Files of transcripts, written as these come."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from open_seq2seq.decode_result import Word
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import ResultStream, csv_line, result_stream, write_whole
from open_seq2seq.transcripts.ctm import ctm_lines
from open_seq2seq.transcripts.formats import CSV, CTM, JSON_LINES, SRT, text_format
from open_seq2seq.transcripts.json_lines import json_line
from open_seq2seq.transcripts.names import recording_names
from open_seq2seq.transcripts.subtitles import srt, webvtt
from open_seq2seq.transcripts.transcript import Transcript

# In the name of a file of subtitles: the recording's name.
PLACE = "{}"


class Writer(Protocol):
    """What transcripts are given to, one after the other."""

    def add(self, transcript: Transcript) -> None:
        """Writes one.

        Raises:
          RunError: it cannot be written.
        """

    def skip(self, name: str) -> None:
        """Says that a recording, or a segment of it, has none."""


def output_files(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, Path]:
    """The files that results go to: of subtitles one for each recording, else one for all.

    Args:
      path: as it was asked for.
      names: of the recordings, one for each row (of segments of a recording, the same).

    Returns:
      From the recording's name, or "" for all, to the file.

    Raises:
      InputError: the subtitles of several recordings are to go into one file.
    """
    kind = text_format(path)
    if not kind.one_recording:
        return {"": Path(path)}
    distinct = list(dict.fromkeys(names))
    if PLACE in str(path):
        short = [name.lstrip("/").replace("/", "-") for name in recording_names(distinct)]
        if len(set(short)) == len(distinct):
            return {name: Path(str(path).replace(PLACE, one)) for name, one in zip(distinct, short)}
        where = f"{len(distinct)} recordings, of which some have like names"
        problem = Problem(str(path), where, "a file for each", "Transcribe them one by one.")
        raise InputError("The subtitles cannot be written:", [problem])
    if len(distinct) <= 1:
        return {name: Path(path) for name in distinct}
    given = Path(path)
    each = given.with_name(f"{PLACE}{given.suffix}")
    problem = Problem(
        str(path),
        f"one file of subtitles for {len(distinct)} recordings",
        "a file for each",
        f"Put {PLACE}, which stands for the recording's name, into the file's: {each}.",
    )
    raise InputError(f"{kind.name} are of one recording:", [problem])


@contextmanager
def transcript_writer(
    path: str | os.PathLike[str],
    names: Sequence[str],
    say: Callable[[str], None] | None = None,
) -> Iterator[Writer]:
    """Opens the files of transcripts; what is wrong with the path is raised here.

    Args:
      path: its ending is the format.
      names: of the recordings, one for each row that is going to be added or skipped.
      say: gets the sentence that tells where unfinished results are.

    Raises:
      InputError: see `output_files`.
      RunError: it cannot be written.
    """
    files = output_files(path, names)
    kind = text_format(path)
    if kind.one_recording:
        yield _Subtitles(files, names, srt if kind is SRT else webvtt)
        return
    with result_stream(path, say) as stream:
        if kind is JSON_LINES:
            yield _JsonLines(stream)
        elif kind is CTM:
            distinct = list(dict.fromkeys(names))
            yield _Ctm(stream, dict(zip(distinct, recording_names(distinct))))
        else:
            assert kind is CSV
            yield _Table(stream)


class _Streamed:
    def __init__(self, stream: ResultStream):
        self._stream = stream

    def skip(self, name: str) -> None:
        """See `Writer`."""


class _Table(_Streamed):
    """A CSV with the columns `wav_filename` and `predicted_transcript`."""

    def __init__(self, stream: ResultStream):
        super().__init__(stream)
        stream.write(csv_line(["wav_filename", "predicted_transcript"]))

    def add(self, transcript: Transcript) -> None:
        """See `Writer`."""
        self._stream.write(csv_line([transcript.name, transcript.result.text]))


class _JsonLines(_Streamed):
    def add(self, transcript: Transcript) -> None:
        """See `Writer`."""
        times = {"offset": transcript.offset, "duration": transcript.duration}
        more: dict[str, Any] = {key: time for key, time in times.items() if time is not None}
        name = transcript.name + transcript.segment
        self._stream.write(json_line(name, transcript.result, **more))


class _Ctm(_Streamed):
    def __init__(self, stream: ResultStream, short: Mapping[str, str]):
        super().__init__(stream)
        self._short = short

    def add(self, transcript: Transcript) -> None:
        """See `Writer`."""
        self._stream.write(ctm_lines(self._short[transcript.name], transcript.words()))


class _Subtitles:
    """A file for each recording, written when the last of its rows has come."""

    def __init__(
        self,
        files: Mapping[str, Path],
        names: Sequence[str],
        content: Callable[[Sequence[Word]], str],
    ):
        self._files, self._content = files, content
        self._left = Counter(names)
        self._words: dict[str, list[Word]] = {}

    def add(self, transcript: Transcript) -> None:
        """See `Writer`."""
        self._words.setdefault(transcript.name, []).extend(transcript.words())
        self._done(transcript.name)

    def skip(self, name: str) -> None:
        """See `Writer`."""
        self._done(name)

    def _done(self, name: str) -> None:
        self._left[name] -= 1
        if self._left[name] == 0 and name in self._words:
            words = sorted(self._words.pop(name), key=lambda word: word.start)
            write_whole(self._files[name], self._content(words))
