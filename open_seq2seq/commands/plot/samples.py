"""Draws utterances with what a trained model makes of them, as one picture.

    open-seq2seq plot samples runs/my_config --output=samples.png
    open-seq2seq plot samples runs/my_config --dataset test.csv --worst --output=worst.png
    open-seq2seq plot samples --config_file=my_config.py --count=4 --output=samples.pdf

Each has its spectrogram, the reference and the hypothesis under their times, and its WER. They are
drawn by chance from the data of the config's evaluation, or from --dataset; --worst evaluates all
of it and takes those with most errors. The config is the one that the log directory keeps, unless
--config_file names another. Other arguments override the config's parameters, as in run.py
(--decoder_params/use_language_model=True decodes by beam search).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands import run as run_command
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("checkpoint", nargs="?", metavar="MODEL", help="a run's log directory, or a checkpoint")
    add("--output", type=Path, required=True, metavar="PATH", help="the picture: .png, .svg, .pdf")
    add("--config_file", "--config", help="instead of the config that the log directory keeps")
    add("--enable_logs", action="store_true", help="it was trained with --enable_logs")
    add("--dataset", nargs="+", metavar="MANIFEST", help="instead of the config's evaluation data")
    add("--worst", action="store_true", help="those with most errors, instead of some by chance")
    add("--count", type=int, default=6, metavar="N", help="how many (6)")
    add("--columns", type=int, metavar="N", help="of the picture (2)")
    add("--seed", type=int, default=0, help="of the choice (0)")
    add("--skip_bad_rows", action="store_true", help="go on without rows that fail the data check")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags, rest = make_parser(prog).parse_known_args(arguments)
    try:
        from open_seq2seq.commands.plot_samples import run

        return run(flags, rest, run_command.make_parser())
    except OpenSeq2SeqError as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
