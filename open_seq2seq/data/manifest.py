"""Manifests: the files that list a corpus's recordings and transcripts.

Two formats, told apart by their first character: CSV files with a header row
(`wav_filename,wav_filesize,transcript`), and files with one JSON object per line
(`{"audio_filepath": ..., "duration": ..., "text": ...}`), as NVIDIA NeMo writes them.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from open_seq2seq.config.schema import closest_name
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError, Problem

UTF8_REMEDY = "Save the file as UTF-8."


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
    """

    path: str
    name: str
    transcript: str | None
    duration: float | None
    source: str


def read_manifests(files: Sequence[str], need_transcript: bool) -> list[Utterance]:
    """Reads manifests and concatenates them in the order of `files`.

    A relative path is looked for in the manifest's folder, then in the working directory.

    Args:
      files: paths of CSV or JSON-lines files.
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
        before = len(utterances) + len(problems)
        text = _read_text(file, problems)
        if text is None:
            continue
        start = text.lstrip()[:1]
        read = _read_json_lines if start in ("{", "[") else _read_csv
        utterances += read(file, text, need_transcript, problems)
        if len(utterances) + len(problems) == before:
            found = "no rows" if start else "an empty file"
            problems.append(Problem(file, found, "at least one recording"))
    if problems:
        raise InputError("The manifests cannot be used:", problems)
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


def _read_text(file: str, problems: list[Problem]) -> str | None:
    """The content of a UTF-8 file, with or without byte order mark."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        remedy = "Relative paths start from the working directory."
        problems.append(Problem(file, error.strerror or str(error), "a manifest", remedy))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        found = f"byte 0x{data[error.start]:02X}"
        problems.append(Problem(f"{file}:{line}:{column}", found, "UTF-8 text", UTF8_REMEDY))
        return None


def _csv_rows(file: str, text: str, problems: list[Problem]) -> Iterator[tuple[str, list[str]]]:
    """Yields (`file:line`, cells) of every row that is not blank."""
    # Lines as they are: newlines inside quotes belong to the cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            remedy = 'Put the cell in quotes and double the quotes inside it: "say ""yes""".'
            if "unexpected end of data" in str(error):
                remedy = "A quote opened in this row is never closed."
            problems.append(Problem(f"{file}:{line}", str(error), "a CSV row", remedy))
            continue
        if cells:
            yield f"{file}:{line}", cells


def _read_csv(
    file: str, text: str, need_transcript: bool, problems: list[Problem]
) -> list[Utterance]:
    rows = _csv_rows(file, text, problems)
    _, header = next(rows, ("", []))
    if not header:
        return []
    required = ["wav_filename", "transcript"] if need_transcript else ["wav_filename"]
    missing = [name for name in required if name not in header]
    if missing:
        problems += [_missing_column(file, name, header) for name in missing]
        return []
    folder = os.path.dirname(file)
    utterances = []
    for source, cells in rows:
        if len(cells) != len(header):
            problems.append(_ragged(source, cells, header))
            continue
        row = dict(zip(header, cells))
        name = row["wav_filename"]
        if not name.strip():
            problems.append(Problem(source, "an empty wav_filename", "the path of a recording"))
            continue
        duration = None
        if row.get("duration", ""):
            duration = _seconds(row["duration"], source, problems)
        path = resolve_path(name, folder)
        utterances.append(Utterance(path, name, row.get("transcript"), duration, source))
    return utterances


def _missing_column(file: str, name: str, header: list[str]) -> Problem:
    near = closest_name(name, header)
    remedy = f"Rename the column {near!r}." if near else ""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        remedy = "Separate the columns by commas."
    found = f"the columns {', '.join(map(repr, header))}"
    return Problem(f"{file}:1", found, f"a header row with a column {name}", remedy)


def _ragged(source: str, cells: list[str], header: list[str]) -> Problem:
    more = len(cells) > len(header)
    remedy = "Put a cell that contains a comma in quotes." if more else "A cell is missing."
    expected = f"{len(header)} ({', '.join(header)})"
    return Problem(source, f"{len(cells)} cells", expected, remedy)


def _read_json_lines(
    file: str, text: str, need_transcript: bool, problems: list[Problem]
) -> list[Utterance]:
    utterances = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            where = f"{file}:{number}:{error.colno}"
            problems.append(Problem(where, error.msg, "one JSON object per line"))
            continue
        source = f"{file}:{number}"
        if not isinstance(row, dict):
            found = f"a JSON {'array' if isinstance(row, list) else 'value'}"
            problems.append(Problem(source, found, "one JSON object per line"))
            continue
        utterance = _json_utterance(row, source, os.path.dirname(file), need_transcript, problems)
        if utterance:
            utterances.append(utterance)
    return utterances


def _json_utterance(
    row: dict[str, Any], source: str, folder: str, need_transcript: bool, problems: list[Problem]
) -> Utterance | None:
    before = len(problems)
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
    if row.get("offset"):
        remedy = "Cut the segment into a file of its own."
        found = f"offset {row['offset']!r}"
        problems.append(Problem(source, found, "recordings used as a whole", remedy))
    duration = row.get("duration")
    if duration is not None:
        duration = _seconds(duration, source, problems)
    if len(problems) > before:
        return None
    assert isinstance(name, str)
    return Utterance(resolve_path(name, folder), name, transcript, duration, source)


def _shown_key(row: dict[str, Any], key: str) -> str:
    if key in row:
        return f"{key} {row[key]!r}"
    near = closest_name(key, row)
    return f"no {key}, but {near}" if near else f"no {key}"


def _seconds(value: Any, source: str, problems: list[Problem]) -> float | None:
    """A duration in seconds; anything else becomes a problem."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    problems.append(Problem(source, f"duration {value!r}", "seconds, 0 or more"))
    return None
