"""What a corpus's reader finds: utterances, and what cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from open_seq2seq.config.schema import closest_name
from open_seq2seq.errors import InputError, Problem

# What libsndfile reads, the most faithful first: where a recording is there in several
# formats, the first one is taken.
AUDIO_SUFFIXES = (
    *(".flac", ".wav", ".wave", ".sph", ".aiff", ".aif", ".au"),
    *(".opus", ".ogg", ".oga", ".mp3"),
)


class _Columns(TypedDict):
    wav_filename: str
    wav_filesize: int
    transcript: str
    duration: float


class ManifestRow(_Columns, total=False):
    """A row of a manifest by its columns; times in seconds.

    Where a corpus knows no segments or speakers, the column is not there.
    """

    offset: float | None
    speaker: str | None


@dataclass(frozen=True)
class Entry:
    """An utterance of a corpus.

    Args:
      audio: the path of the recording.
      transcript: what is said, as the corpus writes it.
      source: `file:line` of the transcript, for messages.
      offset: seconds into the recording where the utterance starts; None: it is all of it.
      duration: seconds; None: as long as the recording, or its rest.
      speaker: who speaks, as the corpus names them.
      channel: which channel of the recording it is, as the corpus names it; such a recording
        must have one only, as channels are mixed when a recording is read. None: all of it.
    """

    audio: str
    transcript: str
    source: str
    offset: float | None = None
    duration: float | None = None
    speaker: str | None = None
    channel: str | None = None


@dataclass
class Split:
    """A part of a corpus, which becomes one manifest.

    Args:
      name: of the manifest, without `.csv`.
      entries: its utterances, in the order of the manifest.
      problems: what is wrong with the corpus's files; each stands for something left out.
      left_out: what is no utterance and is left out for that, with the reason.
      notes: what the user should know, one sentence each.
    """

    name: str
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def chosen(names: Sequence[str], wanted: Sequence[str] | None, folder: str | Path) -> list[str]:
    """Those of `names` that the user wants; None: all of them.

    Raises:
      InputError: some are not there.
    """
    if wanted is None:
        return list(names)
    problems = []
    for name in wanted:
        if name not in names:
            near = closest_name(name, names)
            found = f"no {name} in {folder}"
            expected = f"one of {', '.join(names) or 'none'}"
            problems.append(Problem("--splits", found, expected, f"Is it {near}?" if near else ""))
    if problems:
        raise InputError("These parts of the corpus are not there:", problems)
    return [name for name in names if name in wanted]


def existing_folder(path: str | os.PathLike[str], expected: str) -> Path:
    """The folder `path`.

    Args:
      expected: what it should hold, for the message.

    Raises:
      InputError: there is no such folder.
    """
    folder = Path(path)
    if os.path.isdir(folder):  # Path's own fails where no name can be so long
        return folder
    found = "a file" if os.path.exists(folder) else "no such folder"
    raise InputError("The corpus cannot be read:", [Problem(str(path), found, expected)])


def folder_name(path: str | os.PathLike[str]) -> str:
    """The name of a folder, also of `.` and `..`; of a link, the link's."""
    return os.path.basename(os.path.abspath(path))


def read_text_lines(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a UTF-8 file, without their ends; lines end at `\\n` or `\\r\\n` only.

    Raises:
      InputError: it cannot be read, or is not UTF-8.
    """
    try:
        data = Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        found = error.strerror or str(error)
        problem = Problem(str(path), found, "a text file of the corpus")
        raise InputError("The corpus cannot be read:", [problem]) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02X}"
        problem = Problem(f"{path}:{line}", found, "UTF-8 text", "Save the file as UTF-8.")
        raise InputError("The corpus cannot be read:", [problem]) from error
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def best_recording(paths: Iterable[str]) -> str | None:
    """The recording among files of one name with several suffixes; None if there is none."""
    audio = [path for path in paths if os.path.splitext(path)[1].lower() in AUDIO_SUFFIXES]
    return min(audio, key=_rank, default=None)


def _rank(path: str) -> int:
    return AUDIO_SUFFIXES.index(os.path.splitext(path)[1].lower())


def counted(number: int, thing: str) -> str:
    """`1 speaker`, `24 speakers`."""
    return f"{number} {thing}{'s' * (number != 1)}"
