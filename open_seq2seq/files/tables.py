"""CSV that is read as it was written."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence

from open_seq2seq.files.whole import write_whole


def csv_line(cells: Iterable[object]) -> str:
    """One row of a CSV, with its line feed; cells are quoted where they must be.

    A carriage return within a cell is quoted too, since readers take it for a line's end. (Python's
    own writer does so from 3.13 on, or where lines end in it: which is made use of here.)
    """
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue()[:-2] + "\n"


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    """A CSV whose header is the keys of the first row.

    Raises:
      ValueError: a row has a key that the first has not.
    """
    names = list(rows[0]) if rows else []
    strange = {name for row in rows for name in row} - set(names)
    if strange:
        raise ValueError(f"Rows with other columns than the first: {sorted(strange)}")
    lines = [csv_line(names), *(csv_line(row.get(name, "") for name in names) for row in rows)]
    return "".join(lines)


def write_csv(path: str | os.PathLike[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Writes `csv_text`, as `write_whole` writes."""
    write_whole(path, csv_text(rows))
