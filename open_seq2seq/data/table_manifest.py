"""Manifests as tables of Parquet or Arrow with a row for each utterance, or a folder of them.

The columns are those of CSV (`wav_filename`, `transcript`) or of JSON lines (`audio_filepath`,
`text`), with `duration`, `offset`, `speaker` and `words` where they are known; others are not read.
`open-seq2seq data convert` writes them. Of Arrow's files a row is taken from the map itself; of
Parquet its row group is decoded.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from open_seq2seq.data.extras import MissingPackage
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.row_texts import RowTexts, SpooledTexts
from open_seq2seq.data.table_texts import NAMES, TRANSCRIPTS, Columns, TableTexts
from open_seq2seq.data.tables import SUFFIXES, Table, open_table
from open_seq2seq.errors import InputError, Problem

_log = logging.getLogger(__name__)

# Row groups of more rows are not decoded for the sake of one of them.
MOST_ROWS = 1 << 13
# Problems of a column that are named; of a column of a million wrong rows nobody reads more.
_MOST_NAMED = 100


def is_table(file: str) -> bool:
    """Whether a manifest is a table: by its name, or a folder with such files."""
    return file.endswith(SUFFIXES) or (os.path.isdir(file) and bool(_files_in(file)))


def read_table(file: str, need_transcript: bool, problems: list[Problem]) -> Manifest:
    """Reads one file, or those of a folder in the order of their names.

    Raises:
      MissingPackage: pyarrow is not installed.
    """
    files = _files_in(file) if os.path.isdir(file) else [file]
    return Manifest.joined(read_table_file(one, need_transcript, problems) for one in files)


def _files_in(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).iterdir() if path.suffix in SUFFIXES)


def read_table_file(
    file: str,
    need_transcript: bool,
    problems: list[Problem],
    folder: str | None = None,
    source: str | None = None,
) -> Manifest:
    """Reads one file.

    Args:
      folder: where relative paths start; None: its own.
      source: what messages call it; None: its path.

    Raises:
      MissingPackage: pyarrow is not installed.
    """
    before = len(problems)
    folder = os.path.dirname(file) if folder is None else folder
    try:
        table = open_table(file)
    except MissingPackage:
        raise
    except InputError as error:
        problems += error.problems
        return Manifest([], np.zeros(0))
    name, transcript = _columns(file, table, need_transcript, problems)
    if len(problems) > before:
        return Manifest([], np.zeros(0))
    has = set(table.schema.names)
    durations, offsets = (
        _seconds(file, table, column, problems) if column in has else None
        for column in ("duration", "offset")
    )
    if durations is None:
        durations = np.full(_count(table), np.nan)
    if offsets is not None:
        offsets = _segments(file, durations, offsets, problems)
    _check_names(file, table, name, problems)
    if len(problems) > before:
        return Manifest([], np.zeros(0))
    more = ("speaker" if "speaker" in has else None, "words" if "words" in has else None)
    columns = name, transcript, *more, "place" if "place" in has else None
    return Manifest([_texts(table, columns, folder, source or file)], durations, offsets)


def _count(table: Table) -> int:
    return int(table.ends[-1]) if len(table.ends) else 0


def _texts(table: Table, columns: Columns, folder: str, file: str) -> RowTexts:
    largest = int(np.diff(table.ends, prepend=0).max(initial=0))
    if table.kept is None or largest <= MOST_ROWS:
        return TableTexts(table, columns, folder, file)
    _log.info(
        f"{file} has row groups of {largest} rows: its texts are copied to a temporary file. "
        "`open-seq2seq data convert` writes one that is read in place."
    )
    return _spooled(file, table, *columns[:-1])


def _columns(
    file: str, table: Table, need_transcript: bool, problems: list[Problem]
) -> tuple[str, str | None]:
    """The columns of names and of transcripts."""
    import pyarrow.types as kinds

    schema = table.schema
    found = []
    for columns, is_needed in ((NAMES, True), (TRANSCRIPTS, need_transcript)):
        there = [one for one in columns if one in schema.names]
        if not there and is_needed:
            shown = ", ".join(map(repr, schema.names))
            problems.append(
                Problem(file, f"the columns {shown}", f"a column {' or '.join(columns)}")
            )
        found.append(there[0] if there else None)
    for column in (*filter(None, found), *({"speaker", "words"} & set(schema.names))):
        kind = schema.field(column).type
        if not (kinds.is_string(kind) or kinds.is_large_string(kind)) and not (
            column == "speaker" and kinds.is_integer(kind)
        ):
            problems.append(Problem(f"{file}: {column}", f"a column of {kind}", "one of text"))
    return found[0] or "", found[1]


def _seconds(file: str, table: Table, column: str, problems: list[Problem]) -> np.ndarray | None:
    """[row] float64, NaN where there is none."""
    import pyarrow.types as kinds

    kind = table.schema.field(column).type
    if kinds.is_null(kind):
        return None
    if not (kinds.is_floating(kind) or kinds.is_integer(kind)):
        problems.append(Problem(f"{file}: {column}", f"a column of {kind}", "one of seconds"))
        return None
    values = np.empty(_count(table))
    start = 0
    for batch in table.blocks([column]):
        one = batch.column(0).cast("float64")
        part = one.to_numpy(zero_copy_only=False)
        wrong = ~(part >= 0) | np.isinf(part)
        wrong &= one.is_valid().to_numpy(zero_copy_only=False)
        # float32 of 2.3 is 2.2999999523: what was meant has six digits.
        values[start : start + len(part)] = np.round(part, 6) if kinds.is_float32(kind) else part
        for row in np.flatnonzero(wrong)[:_MOST_NAMED].tolist():
            found = f"{column} {float(part[row])!r}"
            where = f"{file}:{start + row + 1}"
            problems.append(Problem(where, found, "seconds, 0 or more"))
        start += len(part)
    return values


def _segments(
    file: str, durations: np.ndarray, offsets: np.ndarray, problems: list[Problem]
) -> np.ndarray | None:
    """Offsets of segments, NaN of whole files; None: there are no segments."""
    unknown = np.isnan(durations)
    late = unknown & (offsets > 0)
    for row in np.flatnonzero(late)[:_MOST_NAMED].tolist():
        found = f"offset {offsets[row]:g} without a duration"
        problems.append(Problem(f"{file}:{row + 1}", found, "both, in seconds"))
    for row in np.flatnonzero((durations == 0) & ~np.isnan(offsets))[:_MOST_NAMED].tolist():
        where = f"{file}:{row + 1}"
        problems.append(Problem(where, "duration 0 of a segment", "seconds, more than 0"))
    offsets = np.where(unknown, np.nan, offsets)
    return None if np.isnan(offsets).all() else offsets


def _check_names(file: str, table: Table, column: str, problems: list[Problem]) -> None:
    import pyarrow.compute as compute

    start = 0
    for batch in table.blocks([column]):
        names = batch.column(0)
        empty = compute.fill_null(compute.equal(compute.utf8_length(names), 0), True)
        blank = compute.or_(empty, compute.fill_null(compute.utf8_is_space(names), True))
        for row in np.flatnonzero(blank.to_numpy(zero_copy_only=False))[:_MOST_NAMED].tolist():
            where = f"{file}:{start + row + 1}"
            problems.append(Problem(where, f"an empty {column}", "the path of a recording"))
        start += len(names)


def _spooled(
    file: str,
    table: Table,
    name: str,
    transcript: str | None,
    speaker: str | None,
    words: str | None,
) -> SpooledTexts:
    """The texts of a file whose rows cannot be read one by one."""
    spool = SpooledTexts(file, os.path.dirname(file))
    columns = [one for one in (name, transcript, speaker, words) if one]
    line = 0
    for batch in table.blocks(columns):
        values = {one: batch.column(one).to_pylist() for one in columns}
        texts = values[transcript] if transcript else None
        for row, one in enumerate(values[name]):
            line += 1
            text = None if texts is None else texts[row] or ""
            said = values[speaker][row] if speaker else None
            spelled = values[words][row] if words else None
            spool.add(one, text, None if said in (None, "") else str(said), spelled or None, line)
    return spool.close()
