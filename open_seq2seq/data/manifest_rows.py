"""The rows of manifests, as they are written: CSV, JSON lines, and pairs of paths.

A file may be several manifests behind each other (`cat a.csv b.csv`), of different kinds too:

* a CSV row that is a header gives the columns of the rows after it;
* a line with a JSON object is a row of its own, wherever it is;
* pairs `audio_path,transcript_path` have no header. Nervana's neon wrote them, with commas or,
  behind a line `@FILE<tab>FILE`, with tabs (github.com/NervanaSystems/deepspeech).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from open_seq2seq.config.schema import closest_name
from open_seq2seq.data.file_lines import TextLines
from open_seq2seq.errors import Problem
from open_seq2seq.files import parsed_json

FILENAME = "wav_filename"
COLUMNS = (FILENAME, "wav_filesize", "transcript", "duration", "offset", "speaker", "words")
_NEON_HEADER = ["@FILE", "FILE"]
_FIRST_WORDS = (FILENAME, "@FILE\tFILE")
_GLUED = (
    "Manifests were joined where the first one does not end with a newline: add it, and join "
    "them again."
)
_PAIRS = "pairs of paths, audio and transcript"
# A file's name as the last part of a path: a suffix, and nothing that ends a sentence.
_PATH = re.compile(r"\S.*\.[A-Za-z0-9]{1,8}")
_TEXT_PATH = re.compile(r"\S+\.(txt|TXT|trn|lab)")
_COLUMN = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
      kind: "csv", "json" or "pair".
      source: `file:line`.
      values: by column, or the JSON object; of a pair `audio` and `transcript`.
    """

    kind: str
    source: str
    values: dict[str, Any]


def is_header(cells: Sequence[str], columns: Sequence[str] | None = None) -> bool:
    """Whether the cells of a CSV row are a header: the one in force, or one of names."""
    if FILENAME not in cells:
        return False
    known = [cell for cell in cells if cell in COLUMNS]
    names = all(map(_COLUMN.fullmatch, cells))
    return list(cells) == columns or len(cells) == 1 or (names and len(known) > 1)


def manifest_rows(
    file: str, lines: TextLines, need_transcript: bool, problems: list[Problem]
) -> Iterator[Row]:
    """Yields the rows of a manifest; what is malformed goes to `problems`.

    Args:
      file: its name, for messages.
      lines: its lines.
      need_transcript: CSV headers must have a column transcript.
    """
    return _Reader(file, lines, need_transcript, problems).rows()


class _Reader:
    """Reads one file; `_columns` are those of the CSV part that it is in, if it is in one.

    `_kind` is "" at first, and behind a header that cannot be used: its rows are passed over.
    """

    def __init__(self, file: str, lines: TextLines, need_transcript: bool, problems: list[Problem]):
        self._file, self._need_transcript, self._problems = file, need_transcript, problems
        self._lines = lines
        self._csv = csv.reader(self._lines, strict=True)
        self._kind = ""
        self._columns: list[str] = []
        self._is_start = True

    def rows(self) -> Iterator[Row]:
        while (line := self._lines.following) is not None:
            number = self._lines.number + 1
            row = None
            if not line.strip():
                next(self._lines)
            elif (value := self._json(line, number)) is not None:
                next(self._lines)
                row = self._json_row(value, line, number)
            else:
                separator = "\t" if "\t" in line and self._may_be_tabs(line) else ","
                cells = self._cells(line, number, separator)
                row = self._row(cells, f"{self._file}:{number}") if cells else None
            if row:
                yield row

    def _json(self, line: str, number: int) -> dict[str, Any] | Problem | None:
        """The object of a line of JSON, or what is wrong with it; None: it is no JSON."""
        start = line.lstrip()[0]
        is_json = self._kind == "json" or self._is_start
        if start != "{" and not (is_json and (start == "[" or self._kind == "json")):
            return None
        try:
            value = parsed_json(line)
        except ValueError as error:
            if self._kind == "json" and start not in "{[" and self._starts_csv(line):
                return None
            if is_json or line.lstrip().startswith('{"'):
                where, found, remedy = f"{self._file}:{number}", str(error), ""
                if isinstance(error, json.JSONDecodeError):
                    where, found = f"{where}:{error.colno}", error.msg
                    remedy = _GLUED if found == "Extra data" else ""
                return Problem(where, found, "one JSON object per line", remedy)
            return None
        if isinstance(value, dict):
            return value
        found = f"a JSON {'array' if isinstance(value, list) else 'value'}"
        return Problem(f"{self._file}:{number}", found, "one JSON object per line")

    def _starts_csv(self, line: str) -> bool:
        """Whether a line that is not JSON begins CSV or pairs, behind JSON lines."""
        separator = "\t" if "\t" in line else ","
        cells = next(csv.reader([line], delimiter=separator), [])
        return is_header(cells) or cells == _NEON_HEADER or _is_text_pair(cells)

    def _json_row(self, value: dict[str, Any] | Problem, line: str, number: int) -> Row | None:
        self._kind, self._is_start = "json", False
        if not isinstance(value, Problem):
            return Row("json", f"{self._file}:{number}", value)
        self._problems.append(value)
        if any(words in line for words in _FIRST_WORDS):
            self._kind = ""  # The rows of a header that is glued to this line.
        return None

    def _may_be_tabs(self, line: str) -> bool:
        cells = line.rstrip("\r\n").split("\t")
        if self._kind == "pair" or cells == _NEON_HEADER:
            return True
        return self._kind != "csv" and _is_pair(cells)

    def _cells(self, line: str, number: int, separator: str) -> list[str]:
        """The next row's cells; none if they are malformed."""
        if separator == "\t":
            return next(self._lines).rstrip("\r\n").split("\t")
        try:
            return next(self._csv)
        except csv.Error as error:
            remedy = 'Put the cell in quotes and double the quotes inside it: "say ""yes""".'
            if "unexpected end of data" in str(error):
                remedy = "A quote opened in this row is never closed."
            elif f'"{FILENAME}' in line:
                remedy = _GLUED
            problem = Problem(f"{self._file}:{number}", str(error), "a CSV row", remedy)
            self._problems.append(problem)
            return []

    def _row(self, cells: list[str], source: str) -> Row | None:
        first, self._is_start = self._is_start, False
        if is_header(cells, self._columns):
            self._start_columns(cells, source)
            return None
        if cells == _NEON_HEADER:
            self._kind, self._columns = "pair", []
            return None
        if first and _is_pair(cells) and cells[-1] not in COLUMNS:
            self._kind = "pair"
        if first and not self._kind:
            self._start_columns(cells, source)
            return None
        if not self._kind:
            return None
        if self._is_glued(cells):
            self._problems.append(Problem(source, "two rows in one line", "one row", _GLUED))
            self._kind = ""
            return None
        if self._kind == "csv" and len(cells) == len(self._columns):
            return self._csv_row(cells, source)
        if _is_text_pair(cells) or (self._kind == "pair" and _is_pair(cells)):
            self._kind, self._columns = "pair", []
            return Row("pair", source, {"audio": cells[0], "transcript": cells[1]})
        self._problems.append(self._ragged(source, cells))
        return None

    def _start_columns(self, cells: list[str], source: str) -> None:
        """Takes a row as a header, and says what it lacks."""
        required = [FILENAME, "transcript"] if self._need_transcript else [FILENAME]
        missing = [name for name in required if name not in cells]
        twice = [name for name in COLUMNS if cells.count(name) > 1]
        self._kind, self._columns = ("", []) if missing or twice else ("csv", cells)
        self._problems += [_missing_columns(source, missing, cells)] if missing else []
        self._problems += [Problem(source, f"the column {name} twice", "once") for name in twice]

    def _is_glued(self, cells: Sequence[str]) -> bool:
        """Whether a header or a JSON object begins in the midst of a cell."""
        return any(
            (cell.endswith(_FIRST_WORDS) and cell not in _FIRST_WORDS)
            or '{"audio_filepath"' in cell
            for cell in cells
        )

    def _csv_row(self, cells: Sequence[str], source: str) -> Row | None:
        row = dict(zip(self._columns, cells))
        if _is_text_pair(cells) and row.get("transcript") == cells[1]:
            remedy = f"Put {_PAIRS}, into a manifest of their own."
            found = f"the transcript {row['transcript']!r}, the path of a file"
            self._problems.append(Problem(source, found, "what is said", remedy))
            return None
        return Row("csv", source, row)

    def _ragged(self, source: str, cells: Sequence[str]) -> Problem:
        columns = self._columns or ["audio_path", "transcript_path"]
        more = len(cells) > len(columns)
        remedy = "Put a cell that contains a comma in quotes." if more else "A cell is missing."
        if self._kind == "pair" and len(cells) == 3:
            remedy = f"{remedy} {_GLUED}"
        elif self._kind == "pair" and len(cells) == 2:
            return Problem(source, f"{cells!r}", _PAIRS)
        expected = f"{len(columns)} ({', '.join(columns)})"
        return Problem(source, f"{len(cells)} cells", expected, remedy)


def _is_pair(cells: Sequence[str]) -> bool:
    """Whether cells look like the paths of a recording and of its transcript."""
    return len(cells) == 2 and all(
        "/" in cell or _PATH.fullmatch(cell.strip()) for cell in cells if cell
    )


def _is_text_pair(cells: Sequence[str]) -> bool:
    """Whether cells are a pair that nobody would take for a CSV row with its transcript."""
    return _is_pair(cells) and _TEXT_PATH.fullmatch(cells[1]) is not None


def _missing_columns(source: str, names: Sequence[str], header: list[str]) -> Problem:
    """What a first row lacks; one problem, whether it is another header or a row of data."""
    several = len(names) > 1
    expected = f"a header row with {'the columns' if several else 'a column'} {' and '.join(names)}"
    shown = ", ".join(map(repr, header))
    if FILENAME in names and len(header) > 1 and not all(map(_COLUMN.fullmatch, header)):
        remedy = f"Put the line {_likely_header(header)} in front."
        return Problem(source, f"no header, but the row {shown}", expected, remedy)
    near = {name: close for name in names if (close := closest_name(name, header))}
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        remedy = "Separate the columns by commas, or import it: scripts/import_table.py."
    elif near:
        renamed = (f"{close!r} to {name}" for name, close in near.items())
        remedy = f"Rename the column{'s' * (len(near) > 1)} {' and '.join(renamed)}."
    else:
        remedy = "Columns of other names are read by scripts/import_table.py."
    return Problem(source, f"the columns {shown}", expected, remedy)


def _likely_header(cells: Sequence[str]) -> str:
    """The header that a row of data probably lacks."""
    columns = ["wav_filename", "transcript"]
    if len(cells) > 2 and re.fullmatch(r"[0-9]*", cells[1].strip()):
        columns.insert(1, "wav_filesize")
    # What follows may be anything; other names are not read.
    return ",".join([*columns, *(f"column{n}" for n in range(len(columns) + 1, len(cells) + 1))])
