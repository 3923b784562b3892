"""Mozilla Common Voice: tab-separated tables beside a folder `clips`."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from open_seq2seq.corpora.importers.entries import (
    AUDIO_SUFFIXES,
    Entry,
    Split,
    chosen,
    existing_folder,
    read_text_lines,
)
from open_seq2seq.errors import InputError, Problem

# The official parts. The other tables (validated, invalidated, other) overlap with them, or
# nobody has listened to their clips.
USUAL = ("train", "dev", "test")
_NO_CLIPS = {"reported", "clip_durations", "validated_sentences", "unvalidated_sentences"}


def read_common_voice(data_dir: str | Path, splits: Sequence[str] | None = None) -> list[Split]:
    """The tables of one language.

    Args:
      data_dir: the language's folder, with `train.tsv` and `clips/`.
      splits: names of tables without `.tsv`; None: those of train, dev and test that are there.

    Raises:
      InputError: there are no tables or clips, or not those that were asked for.
    """
    root = existing_folder(data_dir, "the folder of a language of Common Voice")
    tables = sorted(path.stem for path in root.glob("*.tsv") if path.stem not in _NO_CLIPS)
    clips = root / "clips"
    if not tables or not clips.is_dir():
        languages = sorted(path.parent.name for path in root.glob("*/clips"))
        remedy = f"Give one language: {', '.join(languages)}." if languages else ""
        lacking = "no *.tsv" if not tables else "no folder clips"
        problem = Problem(str(root), lacking, "train.tsv, dev.tsv, test.tsv and clips/", remedy)
        raise InputError("The corpus cannot be read:", [problem])
    if splits is None:
        splits = [name for name in USUAL if name in tables] or tables
    files = set(os.listdir(clips))
    names = chosen(tables, splits, data_dir)
    return [_read_table(root / f"{name}.tsv", clips, files) for name in names]


def _clip(path: str, clips: Collection[str]) -> str | None:
    """The file of a table's `path`: itself, or, converted, with another suffix."""
    stem = os.path.splitext(path)[0]
    names = (path, *(stem + suffix for suffix in AUDIO_SUFFIXES))
    return next((name for name in names if name in clips), None)


def _read_table(table: Path, clips: Path, files: Collection[str]) -> Split:
    split = Split(table.stem)
    try:
        lines = read_text_lines(table)
    except InputError as error:
        split.problems += error.problems
        return split
    header = lines[0].split("\t") if lines else []
    missing = [name for name in ("path", "sentence") if name not in header]
    if missing:
        found = f"the columns {', '.join(map(repr, header))}"
        expected = f"tab-separated columns with {' and '.join(missing)}"
        split.problems.append(Problem(f"{table}:1", found, expected))
        return split
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        source = f"{table}:{number}"
        cells = line.split("\t")
        if len(cells) != len(header):
            expected = f"{len(header)} ({', '.join(header)})"
            split.problems.append(Problem(source, f"{len(cells)} cells", expected))
            continue
        row = dict(zip(header, cells))
        name = _clip(row["path"], files)
        if name is None:
            found = f"{row['path']!r}, which is not in {clips}"
            split.problems.append(Problem(source, found, "the name of a clip"))
            continue
        sentence = unquoted(row["sentence"])
        speaker = row.get("client_id") or None
        split.entries.append(Entry(str(clips / name), sentence, source, speaker=speaker))
    return split


def unquoted(cell: str) -> str:
    """A cell without the quotes that table writers put around it.

    Some releases quote cells with quotation marks as CSV does (`"He said ""yes""."`), others
    write them as they are. A quote that is only at one end, or single inside, is the sentence's.
    """
    inner = cell[1:-1]
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"' or '"' in inner.replace('""', ""):
        return cell
    return inner.replace('""', '"')
