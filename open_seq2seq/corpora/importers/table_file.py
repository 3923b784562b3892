"""Tables as people keep them: CSV with any delimiter, TSV, Excel."""

from __future__ import annotations

import csv
import datetime
import io
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_seq2seq.corpora.importers.common_voice import unquoted
from open_seq2seq.corpora.importers.encodings import guess_note, read_text
from open_seq2seq.errors import InputError, Problem

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_EXCEL = (".xlsx", ".xlsm")
_OTHER_SHEETS = (".xls", ".ods", ".xlsb", ".numbers")
_SUMMARY = "The table cannot be read:"
# To tell the delimiter so many rows are enough.
_MOST_TRIED = 200
_QUOTES = 'Put the cell in quotes and double the quotes inside it: "say ""yes""".'


@dataclass
class Table:
    """A table.

    Args:
      header: names of the columns; empty where it has none.
      rows: the place (`file:line`) and the cells of each row behind it; empty rows are left out.
      kind: what was found out about the file: `semicolons`, `the sheet 'Clips'`.
      problems: rows that cannot be read.
      notes: what the user should know.
    """

    header: list[str]
    rows: list[tuple[str, list[str]]]
    kind: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(
    path: str | Path,
    wanted: Collection[str] = (),
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    has_header: bool = True,
) -> Table:
    """Reads a table; its ending tells Excel from text.

    Args:
      wanted: names of columns that it should have; they help to tell the delimiter.
      delimiter, encoding: of a text; None: they are found.
      sheet: of an Excel file; None: the first.
      has_header: the first row names the columns.

    Raises:
      InputError: it cannot be read.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _OTHER_SHEETS:
        remedy = "Save it as .xlsx or CSV."
        problem = Problem(str(path), f"a file {suffix}", "CSV, TSV or .xlsx", remedy)
        raise InputError(_SUMMARY, [problem])
    if suffix in _EXCEL:
        return _excel(Path(path), sheet, has_header)
    if sheet is not None:
        problem = Problem("--sheet", f"the text file {path}", "an Excel file (.xlsx)")
        raise InputError(_SUMMARY, [problem])
    decoded = read_text(path, encoding)
    if decoded.text.startswith("PK\x03\x04"):
        remedy = "Name it .xlsx, if it is Excel's."
        raise InputError(_SUMMARY, [Problem(str(path), "a ZIP archive", "a text", remedy)])
    text = decoded.text
    # Excel's own line, which tells the delimiter.
    if text[:4].lower() == "sep=" and text[5:6] in ("\r", "\n"):
        delimiter = delimiter or text[4]
        text = text.split("\n", 1)[1] if "\n" in text else ""
        first_line = 2
    else:
        first_line = 1
    delimiter = delimiter or _delimiter(text, wanted, has_header)
    table = _text_table(str(path), text, delimiter, first_line, has_header)
    note = guess_note([(str(path), decoded.guess)] if decoded.guess else [])
    table.notes += [note] if note else []
    return table


def _delimiter(text: str, wanted: Collection[str], has_header: bool) -> str:
    """The delimiter with which the header has most of the columns that are wanted, and most
    rows have as many cells as the first one."""
    best, most = ",", (-1.0, 0.0, 0)
    for delimiter in DELIMITERS:
        rows = []
        for _, cells in _rows(text, delimiter):
            if isinstance(cells, list):
                rows.append(cells)
            if len(rows) == _MOST_TRIED:
                break
        if not rows or len(rows[0]) < 2:
            continue
        names = {name.strip() for name in rows[0]} if has_header else set()
        alike = sum(len(cells) == len(rows[0]) for cells in rows) / len(rows)
        rank = (float(len(names.intersection(wanted))), alike, len(rows[0]))
        if rank > most:
            best, most = delimiter, rank
    return best


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Rows with the number of their first line. Cells of TSV may have quotes that are no CSV's."""
    if delimiter == "\t" and not _is_quoted(text):
        for number, line in enumerate(text.split("\n"), start=1):
            yield number, [unquoted(cell) for cell in line.rstrip("\r").split("\t")]
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, error


def _is_quoted(text: str) -> bool:
    """Whether all rows of a TSV are as CSV quotes them, with as many cells as the first."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    try:
        return len({len(cells) for cells in reader if cells}) == 1
    except csv.Error:
        return False


def _text_table(path: str, text: str, delimiter: str, first_line: int, has_header: bool) -> Table:
    kind = DELIMITERS.get(delimiter, repr(delimiter))
    table = Table([], [], f"separated by {kind}")
    width = 0
    for number, cells in _rows(text, delimiter):
        where = f"{path}:{number + first_line - 1}"
        if isinstance(cells, csv.Error):
            open_quote = "unexpected end of data" in str(cells)
            remedy = "A quote opened in this row is never closed." if open_quote else _QUOTES
            table.problems.append(Problem(where, str(cells), f"a row {table.kind}", remedy))
        elif not any(cell.strip() for cell in cells):
            continue
        elif not width:
            width = len(cells)
            _take_first(table, where, cells, has_header)
        elif len(cells) != width:
            more = len(cells) > width
            remedy = "Put a cell that contains the delimiter in quotes." if more else ""
            names = f" ({', '.join(table.header)})" if table.header else ""
            found, expected = f"{len(cells)} cells", f"{width}{names}, separated by {kind}"
            table.problems.append(Problem(where, found, expected, remedy))
        else:
            table.rows.append((where, cells))
    if not width and not table.problems:
        raise InputError(_SUMMARY, [Problem(path, "an empty file", "a table")])
    return table


def _take_first(table: Table, where: str, cells: list[str], has_header: bool) -> None:
    if has_header:
        table.header = [cell.strip() for cell in cells]
    else:
        table.rows.append((where, cells))


def _excel(path: Path, sheet: str | None, has_header: bool) -> Table:
    import pandas as pd

    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            names = list(map(str, book.sheet_names))
            if sheet is not None and sheet not in names:
                found = f"no sheet {sheet!r} in {path}"
                expected = f"one of {', '.join(map(repr, names))}"
                raise InputError(_SUMMARY, [Problem("--sheet", found, expected)])
            name = sheet or names[0]
            rows = pd.read_excel(book, name, header=None, dtype=object, na_filter=False)
            cells = rows.values.tolist()
    except ImportError:
        remedy = (
            "Install it: python -m pip install openpyxl (the extra [xlsx]); or save the table as "
            "CSV."
        )
        expected = "the package openpyxl, which reads it"
        raise InputError(
            _SUMMARY, [Problem(str(path), "an Excel table", expected, remedy)]
        ) from None
    except OSError as error:
        problem = Problem(str(path), error.strerror or str(error), "an Excel table")
        raise InputError(_SUMMARY, [problem]) from error
    except InputError:
        raise
    except Exception as error:  # whatever a damaged file makes of openpyxl and its XML parser
        found = f"a file that cannot be read ({type(error).__name__}: {error})"
        problem = Problem(
            str(path), found, "an Excel table", "Open and save it, or save it as CSV."
        )
        raise InputError(_SUMMARY, [problem]) from error
    table = Table([], [], f"the sheet {name!r}")
    if len(names) > 1 and sheet is None:
        others = ", ".join(map(repr, names[1:]))
        table.notes.append(f"{path} has other sheets, which are not read: {others} (--sheet)")
    _take_sheet(table, f"{path}:{name}", cells, has_header)
    if not table.header and not table.rows and not table.problems:
        raise InputError(_SUMMARY, [Problem(f"{path}:{name}", "an empty sheet", "a table")])
    return table


def _take_sheet(table: Table, path: str, rows: Sequence[Sequence[Any]], has_header: bool) -> None:
    for number, values in enumerate(rows, start=1):
        where = f"{path}:{number}"
        dates = [value for value in values if isinstance(value, (datetime.date, datetime.time))]
        cells = ["" if value is None else str(value) for value in values]
        if not any(cell.strip() for cell in cells):
            continue
        if has_header and not table.header:
            table.header = [cell.strip() for cell in cells]
        elif dates:
            # 1/2 and 3-4 become dates as they are typed; what was meant is lost.
            remedy = "Format the column as text and type it again."
            table.problems.append(Problem(where, f"the date {dates[0]}", "a text", remedy))
        else:
            table.rows.append((where, cells))
