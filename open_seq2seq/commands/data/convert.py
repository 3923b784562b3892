"""Makes one Arrow or Parquet manifest of others: millions of rows start in seconds.

open-seq2seq data convert train.csv --output=train.arrow
open-seq2seq data convert a.csv b.jsonl shards.parquet --output=all.parquet

Transcripts, durations, offsets and speakers are kept. A duration that a manifest does not have is
read from the recording's header, so that training need not do it each time. dataset_files takes the
result as it takes the others; its texts stay on disk, mapped, shared by all processes of a machine.
Rows of Arrow's files are read from the map itself, those of Parquet decoded; other programs read
either.

exit codes: 0 written, 1 written without the durations of recordings that could not be read,
2 wrong usage or input
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.console import ProgressBar
from open_seq2seq.corpora.conversion import write_table
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.tables import SUFFIXES
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import check_outputs


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    parser.add_argument("manifests", nargs="+", help="CSV, JSON lines, pairs, Parquet or Arrow")
    parser.add_argument(
        "--output", type=Path, required=True, help="the file to write: .arrow or .parquet"
    )
    parser.add_argument("--overwrite", action="store_true", help="it may be there already")
    flags = parser.parse_args(arguments)
    try:
        problems = _convert(flags)
    except OpenSeq2SeqError as error:
        return print_error(error)
    for problem in problems:
        print(f"Without duration: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _convert(flags: argparse.Namespace) -> list[Problem]:
    if flags.output.suffix not in SUFFIXES:
        expected = f"a file whose name ends in {' or '.join(SUFFIXES)}"
        problem = Problem("--output", str(flags.output), expected)
        raise InputError("The flags cannot be used:", [problem])
    if flags.output.exists() and not flags.overwrite:
        remedy = "Choose another name, or add --overwrite."
        problem = Problem("--output", f"{flags.output}, which is there", "a new file", remedy)
        raise InputError("The flags cannot be used:", [problem])
    check_outputs({"--output": flags.output})
    manifest = read_manifests(flags.manifests, need_transcript=False)
    problems: list[Problem] = []
    with ProgressBar("converting", len(manifest)) as shown:
        write_table(manifest, flags.output, problems, lambda: shown.advance(""))
    print(f"{len(manifest)} rows, {flags.output.stat().st_size / 1e6:.1f} MB, in {flags.output}")
    return problems
