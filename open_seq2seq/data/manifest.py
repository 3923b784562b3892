"""Reading manifests: the files that list a corpus's recordings and transcripts.

Three formats of text (`manifest_rows` tells them apart), also behind each other in one file: CSV
with a header row (`wav_filename,wav_filesize,transcript[,duration][,offset][,speaker][,words]`),
one JSON object per line (`{"audio_filepath": ..., "duration": ..., "text": ...}`), as NVIDIA NeMo
writes them, and rows `audio_path,transcript_path`, as Nervana's neon read them. And tables of
Parquet or Arrow with the columns of either (`table_manifest`).
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from open_seq2seq.config.schema import closest_name
from open_seq2seq.data.file_lines import TextLines, file_problem, text_problem
from open_seq2seq.data.manifest_rows import FILENAME, Row, manifest_rows
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.row_texts import SpooledTexts
from open_seq2seq.data.shards.reading import is_shards, read_shards
from open_seq2seq.data.table_manifest import is_table, read_table
from open_seq2seq.data.utterance import Utterance, resolve_path
from open_seq2seq.errors import InputError, Problem

__all__ = ["Manifest", "Utterance", "read_manifest", "read_manifests", "resolve_path"]

# Name, transcript, duration, offset, speaker, words.
_Values = tuple[str, str | None, float | None, float | None, str | None, str | None]
_WORKING_DIRECTORY = "Relative paths start from the working directory."


def read_manifests(files: Sequence[str], need_transcript: bool) -> Manifest:
    """Reads manifests and concatenates them in the order of `files`.

    A relative path is looked for in the manifest's folder, then in the working directory.

    Args:
      files: paths of manifests; each may be several ones of any kind, concatenated.
      need_transcript: transcripts have to be there (training, evaluation). They are read
        in either case.

    Raises:
      InputError: with every malformed row of every file.
    """
    problems: list[Problem] = []
    if not files:
        problems.append(Problem("dataset_files", "an empty list", "at least one manifest"))
    found = [read_manifest(config_path(file), need_transcript, problems) for file in files]
    if problems:
        raise InputError("The manifests cannot be used:", problems)
    return Manifest.joined(found)


def read_manifest(file: str, need_transcript: bool, problems: list[Problem]) -> Manifest:
    """Reads one manifest; what cannot be used goes to `problems`, the other rows are returned."""
    before = len(problems)
    if is_shards(file):
        manifest, is_empty = read_shards(file, need_transcript, problems), False
    elif is_table(file):
        manifest = read_table(file, need_transcript, problems)
        is_empty = False
    else:
        lines = TextLines(file)
        manifest = _read_text(file, lines, need_transcript, problems)
        is_empty = lines.is_blank
    if not len(manifest) and len(problems) == before:
        found = "an empty file" if is_empty else "no rows"
        problems.append(Problem(file, found, "at least one recording"))
    return manifest


def _read_text(
    file: str, lines: TextLines, need_transcript: bool, problems: list[Problem]
) -> Manifest:
    """Reads CSV, JSON lines and pairs, a line at a time."""
    folder, before = os.path.dirname(file), len(problems)
    texts = SpooledTexts(file, folder)
    durations, offsets = array("d"), array("d")
    has_offsets = False
    try:
        for row in manifest_rows(file, lines, need_transcript, problems):
            values = _values(row, folder, need_transcript, problems)
            if values is not None:
                name, transcript, duration, offset, speaker, words = values
                texts.add(name, transcript, speaker, words, int(row.source.rpartition(":")[2]))
                durations.append(math.nan if duration is None else duration)
                offsets.append(math.nan if offset is None else offset)
                has_offsets = has_offsets or offset is not None
    except (OSError, ValueError) as error:  # no path may hold NUL; UnicodeDecodeError is one
        del problems[before:]
        if isinstance(error, UnicodeDecodeError):
            problems.append(text_problem(file))
        else:
            problems.append(file_problem(file, error, "a manifest", _WORKING_DIRECTORY))
        return Manifest([], np.zeros(0))
    return Manifest(
        [texts.close()],
        np.frombuffer(durations, np.float64) if durations else np.zeros(0),
        np.frombuffer(offsets, np.float64) if has_offsets else None,
    )


def _values(
    row: Row, folder: str, need_transcript: bool, problems: list[Problem]
) -> _Values | None:
    """What a row says; None, and problems, if it cannot be used."""
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
    words = values.get("words")
    words = words if isinstance(words, str) and words.strip() else None
    return name, transcript, duration, offset, speaker, words


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
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            return stream.read().strip()
    except UnicodeDecodeError:
        problem = text_problem(path)
    except (OSError, ValueError) as error:  # no path may hold NUL
        problem = file_problem(path, error, "the file of a transcript", remedy)
    found = f"{problem.where}: {problem.found}"
    problems.append(Problem(row.source, found, problem.expected, problem.remedy))
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
