"""Draws WER and CER of the evaluation data during training, of one run or of several.

    open-seq2seq plot runs/a --output=curve.png
    open-seq2seq plot runs/seed0 runs/seed1 runs/other --x=time --output=curves.svg
    open-seq2seq plot runs/a --losses --output=loss.png

Runs are log directories, called by what tells their paths apart; --names gives other names. Those
of one config (or name), which differ in their seeds, share a colour. --losses draws the
loss and the learning rate of one run instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.runs.plots import AXES, draw_losses, draw_rates, read_runs

_ENDINGS = (".png", ".svg", ".pdf", ".jpg")


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="LOGDIR", help="log directories of train_eval")
    add("--output", type=Path, required=True, help="the picture: .png, .svg, .pdf")
    add("--x", choices=AXES, default="steps", help="the horizontal axis (steps)")
    add("--names", nargs="+", default=[], help="of the runs, in their order")
    add("--losses", action="store_true", help="loss and learning rate of one run")
    flags = parser.parse_args(arguments)
    try:
        _check(flags)
        runs = read_runs(flags.runs, flags.x, flags.names)
        figure = draw_losses(runs[0]) if flags.losses else draw_rates(runs, flags.x)
    except OpenSeq2SeqError as error:
        return print_error(error)
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(flags.output, dpi=120)
    print(f"{flags.output} is written")
    return 0


def _check(flags: argparse.Namespace) -> None:
    problems = []
    if flags.output.suffix.lower() not in _ENDINGS:
        found = flags.output.suffix or "no ending"
        problems.append(Problem("--output", found, f"one of {', '.join(_ENDINGS)}"))
    if flags.losses and len(flags.runs) > 1:
        problems.append(Problem("--losses", f"{len(flags.runs)} runs", "one run"))
    if problems:
        raise InputError("The flags do not fit:", problems)
