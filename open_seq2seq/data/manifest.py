"""Manifests: the files that list a corpus's recordings and transcripts.

Three formats (`manifest_rows` tells them apart), also behind each other in one file: CSV with a
header row (`wav_filename,wav_filesize,transcript[,duration][,offset][,speaker][,words]`), one JSON
object per line (`{"audio_filepath": ..., "duration": ..., "text": ...}`), as NVIDIA NeMo writes
them, and rows `audio_path,transcript_path`, as Nervana's neon read them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from open_seq2seq.config.schema import closest_name
from open_seq2seq.data.manifest_rows import FILENAME, Row, manifest_rows
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError, Problem

UTF8_REMEDY = "Save the file as UTF-8."
WORKING_DIRECTORY = "Relative paths start from the working directory."


@dataclass(frozen=True)
class Utterance:
    """One row of a manifest.

    Args:
      path: the resolved path of the audio file. A `{}` in it stands for the name of a
        folder of synthetic speech (`syn_subdirs`).
      name: the path as the manifest writes it; output files repeat it.
      transcript: the text exactly as written, "" where the manifest has an empty or NaN
        one; None when the manifest has no transcripts.
      duration: seconds, as the manifest says; None when it doesn't.
      source: `file.csv:12`, for messages.
      offset: where in the file the utterance begins, in seconds: it is `duration` long (which
        is then known) and all else in the file is not part of it. None: it is the whole file.
      speaker: who speaks, as the manifest says; None when it doesn't.
      words: what is said in words, where the transcript is symbols such as phonemes (a column
        `words`); else None.
      written: the transcript before `text_normalization`, where that changed it; else None.
    """

    path: str
    name: str
    transcript: str | None
    duration: float | None
    source: str
    offset: float | None = None
    speaker: str | None = None
    written: str | None = None
    words: str | None = None

    @property
    def segment(self) -> str:
        """`@offset+duration`, "" of a whole file: what tells segments of one file apart."""
        return "" if self.offset is None else f"@{self.offset!r}+{self.duration!r}"


def read_manifests(files: Sequence[str], need_transcript: bool) -> list[Utterance]:
    """Reads manifests and concatenates them in the order of `files`.

    A relative path is looked for in the manifest's folder, then in the working directory.

    Args:
      files: paths of manifests; each may be several ones of any kind, concatenated.
      need_transcript: transcripts have to be there (training, evaluation). They are read
        in either case.

    Raises:
      InputError: with every malformed row of every file.
    """
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    if not files:
        problems.append(Problem("dataset_files", "an empty list", "at least one manifest"))
    for file in map(config_path, files):
        utterances += read_manifest(file, need_transcript, problems)
    if problems:
        raise InputError("The manifests cannot be used:", problems)
    return utterances


def read_manifest(file: str, need_transcript: bool, problems: list[Problem]) -> list[Utterance]:
    """Reads one manifest; what cannot be used goes to `problems`, the other rows are returned."""
    text = _read_text(file, "a manifest", WORKING_DIRECTORY)
    if isinstance(text, Problem):
        problems.append(text)
        return []
    before = len(problems)
    utterances: list[Utterance] = []
    folder = os.path.dirname(file)
    for row in manifest_rows(file, text, need_transcript, problems):
        utterance = _utterance(row, folder, need_transcript, problems)
        if utterance:
            utterances.append(utterance)
    if not utterances and len(problems) == before:
        found = "no rows" if text.strip() else "an empty file"
        problems.append(Problem(file, found, "at least one recording"))
    return utterances


def resolve_path(name: str, folder: str) -> str:
    """The file that `name`, written in a manifest in `folder`, means.

    Absolute names stay; relative ones are looked for in `folder`, then in the working
    directory. A name that is in neither place is taken as relative to `folder`.
    """
    if os.path.isabs(name):
        return name
    beside = os.path.join(folder, name)
    # A `{}` in a name is filled in later: up to there it can be looked for.
    there, here = (path.split("{}")[0] for path in (beside, name))
    if not os.path.exists(there) and here and os.path.exists(here):
        return os.path.abspath(name)
    return beside


def _read_text(file: str, expected: str, remedy: str) -> str | Problem:
    """The content of a UTF-8 file, with or without byte order mark."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except (OSError, ValueError) as error:  # no path may hold NUL
        found = getattr(error, "strerror", None) or str(error)
        return Problem(file, found, expected, remedy)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        found = f"byte 0x{data[error.start]:02X}"
        return Problem(f"{file}:{line}:{column}", found, "UTF-8 text", UTF8_REMEDY)


def _utterance(
    row: Row, folder: str, need_transcript: bool, problems: list[Problem]
) -> Utterance | None:
    """What a row means; None, and problems, if it cannot be used."""
    before = len(problems)
    values, source = row.values, row.source
    if row.kind == "json":
        name, transcript = _json_name_and_text(values, source, need_transcript, problems)
    else:
        name = values["audio" if row.kind == "pair" else FILENAME]
        transcript = values.get("transcript")
        if not name.strip():
            what = "audio path" if row.kind == "pair" else FILENAME
            problems.append(Problem(source, f"an empty {what}", "the path of a recording"))
        elif row.kind == "pair":
            transcript = _file_text(values["transcript"], folder, row, need_transcript, problems)
    offset, duration = (_seconds(values, key, source, problems) for key in ("offset", "duration"))
    if len(problems) == before and offset is not None and not duration:
        if duration is None and offset > 0:
            found = f"offset {values['offset']} without a duration"
            problems.append(Problem(source, found, "both, in seconds"))
        elif duration is not None:
            found = "duration 0 of a segment"
            problems.append(Problem(source, found, "seconds, more than 0"))
        offset = None
    speaker = _speaker(values.get("speaker"), source, problems)
    if len(problems) > before:
        return None
    path = resolve_path(name, folder)
    words = values.get("words")
    words = words if isinstance(words, str) and words.strip() else None
    return Utterance(path, name, transcript, duration, source, offset, speaker, words=words)


def _json_name_and_text(
    row: dict[str, Any], source: str, need_transcript: bool, problems: list[Problem]
) -> tuple[Any, Any]:
    name = row.get("audio_filepath")
    if not isinstance(name, str) or not name.strip():
        found = _shown_key(row, "audio_filepath")
        problems.append(Problem(source, found, "the path of a recording in audio_filepath"))
    if need_transcript and "text" not in row:
        problems.append(Problem(source, _shown_key(row, "text"), "a transcript in text"))
    transcript = row.get("text")
    # Empty ones are reported together with everything else about the transcripts.
    if "text" in row and (transcript is None or transcript != transcript):
        transcript = ""
    if transcript is not None and not isinstance(transcript, str):
        problems.append(Problem(source, f"text {transcript!r}", "a transcript in quotes"))
    return name, transcript


def _shown_key(row: dict[str, Any], key: str) -> str:
    if key in row:
        return f"{key} {row[key]!r}"
    near = closest_name(key, row)
    return f"no {key}, but {near}" if near else f"no {key}"


def _file_text(
    name: str, folder: str, row: Row, need_transcript: bool, problems: list[Problem]
) -> str | None:
    """The content of a transcript's file, without white space around it."""
    path = resolve_path(name, folder)
    if not name.strip():
        problems.append(Problem(row.source, "an empty transcript path", "the path of a text"))
        return None
    if not need_transcript and not os.path.exists(path):
        return None
    remedy = "If the row has the text itself: CSV needs a header, wav_filename,transcript."
    text = _read_text(path, "the file of a transcript", remedy)
    if isinstance(text, str):
        return text.strip()
    found = f"{text.where}: {text.found}"
    problems.append(Problem(row.source, found, text.expected, text.remedy))
    return None


def _seconds(
    values: dict[str, Any], key: str, source: str, problems: list[Problem]
) -> float | None:
    """A time in seconds, None where there is none; anything else becomes a problem."""
    value = values.get(key)
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    problems.append(Problem(source, f"{key} {value!r}", "seconds, 0 or more"))
    return None


def _speaker(value: object, source: str, problems: list[Problem]) -> str | None:
    """Names are text; NeMo also writes numbers."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value).strip()
    problems.append(Problem(source, f"speaker {value!r}", "a name or a number"))
    return None
