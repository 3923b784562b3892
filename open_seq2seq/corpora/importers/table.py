"""Tables of recordings and what is said in them, with columns of any name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from open_seq2seq.config.schema import closest_name
from open_seq2seq.corpora.importers.entries import AUDIO_SUFFIXES, Entry, Split
from open_seq2seq.corpora.importers.table_file import Table, read_table
from open_seq2seq.errors import InputError, Problem

# What a column may be for, and the names that it usually has. Only the first two must be there.
USUAL: dict[str, tuple[str, ...]] = {
    "audio": ("wav_filename", "audio_filepath", "audio_path", "audio_file", "audio", "filename",
              "file_name", "file", "path", "wav", "recording", "clip"),
    "text": ("transcript", "transcription", "sentence", "text", "normalized_text", "utterance"),
    "speaker": ("speaker", "speaker_id", "client_id", "spk"),
    "duration": (),
    "offset": (),
    "split": (),
}  # fmt: skip
_REQUIRED = ("audio", "text")
_NAME = re.compile(r"[\w.+-]+")
_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?")


@dataclass(frozen=True)
class TableOptions:
    """How a table is read; see `table_file.read_table` for what is not here.

    Args:
      columns: from one of `USUAL` to the name or the number (from 1) of its column.
      audio_dir: where relative paths start; None: at the table's folder.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    audio_dir: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    has_header: bool = True


def read_recordings(path: str | Path, options: TableOptions) -> list[Split]:
    """A table as a split of its name, or as one for each value of the column `split`.

    Raises:
      InputError: it cannot be read, or lacks columns.
    """
    table = read_table(
        path,
        list(options.columns.values()),
        options.delimiter,
        options.encoding,
        options.sheet,
        options.has_header,
    )
    columns = _columns(str(path), table, options)
    splits: dict[str, Split] = {}
    name = Path(path).stem
    audio = _Recordings(options.audio_dir or os.path.dirname(path) or ".")
    wrong = list(table.problems)
    for where, cells in table.rows:
        values = {what: cells[place].strip() for what, place in columns.items()}
        part = values.get("split", name)
        if not _NAME.fullmatch(part):
            found = f"the part {part!r}"
            wrong.append(Problem(where, found, "a name that a file can have", "See --split."))
            continue
        split = splits.setdefault(part, Split(part))
        entry = _entry(where, {**values, "text": cells[columns["text"]]}, audio)
        if isinstance(entry, Entry):
            split.entries.append(entry)
        else:
            split.problems.append(entry)
    first = next(iter(splits.values()), None) or splits.setdefault(name, Split(name))
    first.problems[:0] = wrong
    first.notes += [*_columns_note(table, columns, options), *table.notes]
    return list(splits.values())


class _Recordings:
    """Finds recordings that a table names; folders are listed once."""

    def __init__(self, folder: str):
        self._folder = folder
        self._listed: dict[str, frozenset[str]] = {}

    def find(self, name: str) -> str | None:
        """The path, also of a name with backslashes or without its suffix; None: no such file."""
        for written in dict.fromkeys((name, name.replace("\\", "/"))):
            path = os.path.join(self._folder, written)
            folder, base = os.path.split(path)
            there = self._names(folder)
            if base in there:
                return path
            for suffix in AUDIO_SUFFIXES:
                if base + suffix in there:
                    return path + suffix
        return None

    def shown(self, name: str) -> str:
        """Where a name was looked for."""
        return os.path.join(self._folder, name)

    def _names(self, folder: str) -> frozenset[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):
                self._listed[folder] = frozenset()
        return self._listed[folder]


def _entry(where: str, values: Mapping[str, str], recordings: _Recordings) -> Entry | Problem:
    if not values["audio"]:
        return Problem(where, "an empty cell for the recording", "its path")
    audio = recordings.find(values["audio"])
    if audio is None:
        found = f"{values['audio']!r}, and no file {recordings.shown(values['audio'])}"
        remedy = "Relative paths start at the table's folder, or where --audio_dir says."
        return Problem(where, found, "the path of a recording", remedy)
    seconds: dict[str, float | None] = {"offset": None, "duration": None}
    for what in seconds:
        cell = values.get(what, "")
        if cell and not _NUMBER.fullmatch(cell):
            return Problem(where, f"{what} {cell!r}", "seconds, 0 or more")
        seconds[what] = float(cell.replace(",", ".")) if cell else None
    speaker = values.get("speaker") or None
    return Entry(
        audio, values["text"], where, seconds["offset"], seconds["duration"], speaker=speaker
    )


def _columns(path: str, table: Table, options: TableOptions) -> dict[str, int]:
    """Where each column is.

    Raises:
      InputError: with the columns that are there, if one is not.
    """
    found: dict[str, int] = {}
    problems = []
    width = len(table.header) or len(table.rows[0][1])
    there = ", ".join(map(repr, table.header)) or f"{width} columns without names"
    shown = f"the columns {there}" if table.header else there
    shown += f" ({table.kind})"
    where = f"{path}:1"
    for what, usual in USUAL.items():
        name = options.columns.get(what)
        places = _places(table.header, [name] if name else usual, name is None)
        if name and not places and name.isdigit() and 1 <= int(name) <= width:
            places = [int(name) - 1]
        if len(places) > 1 and (name or what in _REQUIRED):
            names = ", ".join(repr(table.header[place]) for place in places)
            expected = f"one column for --{what}"
            problems.append(Problem(where, f"{len(places)}: {names}", expected, f"--{what}=NAME"))
        elif places and (name or len(places) == 1):
            found[what] = places[0]
        elif name or what in _REQUIRED:
            near = closest_name(name or "", table.header)
            remedy = f"Is it {near!r}?" if near else f"Name it: --{what}=COLUMN, or its number."
            if width == 1:
                remedy = "Is it separated by something else? --delimiter"
            expected = f"a column {name!r} for --{what}" if name else f"a column for --{what}"
            problems.append(Problem(where, shown, expected, remedy))
    if problems:
        raise InputError("The columns of the table are not all there:", problems)
    return found


def _places(header: Sequence[str], names: Sequence[str], any_case: bool) -> list[int]:
    """Where columns of these names are; those of the first name that is there."""
    for name in names:
        places = [i for i, one in enumerate(header) if one == name]
        if not places and any_case:
            places = [i for i, one in enumerate(header) if one.lower() == name]
        if places and not any_case:
            return places
        if places:
            # Another usual name may mean something else: both are there, so the user says which.
            also = [i for i, one in enumerate(header) if one.lower() in names and i not in places]
            return [*places, *also]
    return []


def _columns_note(table: Table, columns: Mapping[str, int], options: TableOptions) -> list[str]:
    """How the table was understood, where the flags did not say it."""
    if not set(columns) - set(options.columns):
        return []
    named = (
        f"{what} {table.header[place]!r}" if table.header else f"{what} {place + 1}"
        for what, place in columns.items()
    )
    return [f"Columns ({table.kind}): {', '.join(named)}"]


def check_places(manifests: Sequence[Path], tables: Sequence[Path]) -> None:
    """Raises an InputError where a manifest would overwrite one of the tables."""
    problems = []
    for manifest in manifests:
        for table in tables:
            if manifest.exists() and table.exists() and manifest.samefile(table):
                found = f"the manifest would overwrite the table {table}"
                remedy = "Choose another folder: --output."
                problems.append(Problem(str(manifest), found, "another file", remedy))
    if problems:
        raise InputError("The manifests cannot be written:", problems)
