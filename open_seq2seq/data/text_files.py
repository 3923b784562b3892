"""Lines of text from files: plain text, or the transcripts of CSV files; also gzipped."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from open_seq2seq.config.schema import closest_name
from open_seq2seq.data.manifest_rows import is_header
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError, Problem

TRANSCRIPT = "transcript"


def read_lines(
    files: Sequence[str], lower_case: bool = False, normalize: Callable[[str], str] = str
) -> Iterator[tuple[str, str]]:
    """Yields (`file:line`, text) of every line that is not blank, one space between words.

    A file whose name ends in `.csv` (or `.csv.gz`) has a header row with a column
    `transcript`, and may be several such files behind each other; every other one has a sentence
    in each line.

    Args:
      files: paths; those ending in `.gz` are decompressed while they are read.
      lower_case: whether the text is lower-cased.
      normalize: applied to each line. One that it leaves nothing of comes as "".

    Raises:
      InputError: a file is missing, is not UTF-8 or not gzip, or has no transcripts.
    """
    for file in map(config_path, files):
        is_csv = file.removesuffix(".gz").endswith(".csv")
        try:
            with _opened(file) as stream:
                for number, text in _transcripts(file, stream) if is_csv else _lines(stream):
                    if not text.strip():
                        continue
                    text = normalize(text)
                    words = (text.lower() if lower_case else text).split()
                    yield f"{file}:{number}", " ".join(words)
        except (OSError, EOFError, zlib.error) as error:
            found = getattr(error, "strerror", None) or str(error)
            raise _unreadable(file, found, "a file of text") from error
        except UnicodeDecodeError as error:
            found = f"byte 0x{error.object[error.start]:02X} ({error.reason})"
            raise _unreadable(file, found, "UTF-8 text", "Save the file as UTF-8.") from error


def _opened(file: str) -> TextIO:
    if file.endswith(".gz"):
        return io.TextIOWrapper(gzip.open(file), "utf-8-sig", newline="")
    return open(file, encoding="utf-8-sig", newline="")


def _lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    return enumerate(stream, start=1)


def _transcripts(file: str, stream: TextIO) -> Iterator[tuple[int, str]]:
    rows = csv.reader(stream, strict=True)
    try:
        header = next(rows, [])
        column = _column(f"{file}:1", header)
        for cells in rows:
            if not cells:
                continue
            if cells == header or is_header(cells):
                header = cells
                column = _column(f"{file}:{rows.line_num}", header)
                continue
            if len(cells) != len(header):
                found = f"{len(cells)} cells"
                remedy = "Put a cell that contains a comma in quotes."
                where = f"{file}:{rows.line_num}"
                raise _unreadable(where, found, f"{len(header)}, as the header", remedy)
            yield rows.line_num, cells[column]
    except csv.Error as error:
        where = f"{file}:{rows.line_num}"
        raise _unreadable(where, str(error), "a CSV row") from error


def _column(where: str, header: Sequence[str]) -> int:
    """Where the transcripts are."""
    if TRANSCRIPT in header:
        return header.index(TRANSCRIPT)
    near = closest_name(TRANSCRIPT, header)
    found = f"the columns {', '.join(map(repr, header)) or 'of an empty file'}"
    remedy = f"Rename the column {near!r}." if near else ""
    raise _unreadable(where, found, f"a header row with a column {TRANSCRIPT}", remedy)


def _unreadable(where: str, found: str, expected: str, remedy: str = "") -> InputError:
    return InputError("The text cannot be read:", [Problem(where, found, expected, remedy)])
