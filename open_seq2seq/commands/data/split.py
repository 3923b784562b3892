"""Splits a manifest into train.csv, dev.csv and test.csv, without leaks.

open-seq2seq data split data/recordings.csv
open-seq2seq data split all.csv --dev=30min --test=1h --apart speaker text recording
open-seq2seq data split a.csv b.jsonl --dev=0 --test=4speakers --output=split --seed=1

No recording and, where speakers are known, no speaker is on two sides; --apart chooses: speaker,
text (the same words, whatever their case and punctuation), recording. What was done is said, with
what the splits share all the same. One --seed gives the same splits each time, whatever the order
of the rows. Files are not overwritten without --overwrite, and manifests that are split never.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.importers.parser import exit_code
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.corpora.splitting.command import Options, split
from open_seq2seq.corpora.splitting.groups import KEYS
from open_seq2seq.corpora.splitting.sizes import EXPECTED, parse_size
from open_seq2seq.errors import InputError, Problem

_SIZE = EXPECTED.replace("%", "%%")


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("manifests", nargs="+", help="CSV, JSON lines or pairs, as training reads them")
    add("--output", metavar="DIR", help="where the splits go (the first manifest's folder)")
    add("--dev", default="10%", metavar="SIZE", help=f"{_SIZE}; 0: none (10%%)")
    add("--test", default="10%", metavar="SIZE", help="the same (10%%)")
    add("--apart", nargs="+", choices=[*KEYS, "none"], metavar="KEY",
        help=f"what lies on one side only: {', '.join(KEYS)}, or none (speaker, where it is known, "
        "and recording)")  # fmt: skip
    add("--seed", type=int, default=0, help="of the draw (0)")
    add("--overwrite", action="store_true", help="the splits may be there already")
    flags = parser.parse_args(arguments)
    return exit_code(lambda: split(_options(flags)))


def _options(flags: argparse.Namespace) -> Options:
    sizes, problems = {}, []
    for name in ("dev", "test"):
        text = getattr(flags, name)
        try:
            size = parse_size(text)
        except ValueError as error:
            problems.append(Problem(f"--{name}", repr(text), str(error)))
            continue
        if size.amount:
            sizes[name] = size
    if not sizes and not problems:
        problems.append(Problem("--dev, --test", "0 and 0", "one split at least"))
    if problems:
        raise InputError("The flags cannot be used:", problems)
    apart = None if flags.apart is None else [key for key in flags.apart if key != "none"]
    folder = Path(flags.output or Path(flags.manifests[0]).parent)
    return Options(flags.manifests, folder, sizes, apart, flags.seed, flags.overwrite)
