"""Imports tables of recordings and their texts: CSV with , or ; or |, TSV, Excel (.xlsx).

open-seq2seq import table clips.csv --audio=file --text=sentence --speaker=who --output=data
open-seq2seq import table clips.xlsx --sheet=Clips --audio_dir=clips --output=data
open-seq2seq import table list.txt --no_header --audio=1 --text=2 --output=data

NAME.csv, NAME.tsv and NAME.xlsx become NAME.csv in --output; with --split each value of that column
has a manifest of its own. Delimiter, encoding and, by their usual names, columns are found, and
said. Paths may lack their suffix. Other columns are not read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.engine_flags import check_engine
from open_seq2seq.commands.importers.parser import exit_code, importer_parser, output_of
from open_seq2seq.corpora.importers.manifests import write_manifests
from open_seq2seq.corpora.importers.table import (
    USUAL,
    TableOptions,
    check_places,
    read_recordings,
)
from open_seq2seq.errors import InputError, Problem

_HELP = {
    "audio": "the column of the recordings' paths",
    "text": "of what is said",
    "speaker": "of who speaks",
    "duration": "of seconds; with --offset of the utterance within its recording",
    "offset": "of the seconds into the recording where the utterance begins",
    "split": "of the manifest that a row goes to: train, dev, ...",
}


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(__doc__, prog, None)
    add = parser.add_argument
    add("tables", nargs="+", type=Path, help="the tables")
    add("--output", required=True, metavar="DIR", help="where the manifests go")
    for what in USUAL:
        add(f"--{what}", metavar="COLUMN", help=_HELP[what])
    add("--audio_dir", metavar="DIR", help="where relative paths start (the table's folder)")
    add("--delimiter", metavar="C", help="between cells; tab for tabs (it is found)")
    add("--encoding", metavar="NAME", help="of the text (it is found)")
    add("--sheet", metavar="NAME", help="of an Excel file (the first)")
    add("--no_header", action="store_true", help="the first row is one of the data already; "
        "columns are named by their numbers, from 1")  # fmt: skip
    flags = parser.parse_args(arguments)
    return exit_code(lambda: _import(flags))


def _import(flags: argparse.Namespace) -> None:
    check_engine(flags)
    delimiter = {"tab": "\t", "\\t": "\t"}.get(flags.delimiter, flags.delimiter)
    if delimiter is not None and len(delimiter) != 1:
        problem = Problem("--delimiter", repr(delimiter), "one character, or tab")
        raise InputError("The flags cannot be used:", [problem])
    options = TableOptions(
        {what: getattr(flags, what) for what in USUAL if getattr(flags, what) is not None},
        flags.audio_dir,
        delimiter,
        flags.encoding,
        flags.sheet,
        not flags.no_header,
    )
    folder = Path(flags.output)
    splits = [split for table in flags.tables for split in read_recordings(table, options)]
    names = [split.name for split in splits]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        found = f"{', '.join(twice)} from several tables"
        problem = Problem("tables", found, "different names", "Import one elsewhere: --output.")
        raise InputError("The manifests would overwrite each other:", [problem])
    check_places([folder / f"{name}.csv" for name in names], flags.tables)
    with output_of(flags, folder) as output:
        write_manifests(splits, output)
