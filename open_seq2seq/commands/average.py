"""Averages the weights of several checkpoints of one run.

open-seq2seq average --logdir=runs/digits --last=5
open-seq2seq average --logdir=runs/digits --best=3 --output=runs/digits_best3
open-seq2seq average --checkpoints a/ckpt-100 a/ckpt-200 --output=runs/mean

The output is a log directory: `run.py --config_file=... --mode=eval --logdir=OUTPUT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    parser.add_argument("--logdir", type=Path, help="the run whose checkpoints are averaged")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--last", type=_count, metavar="N", help="its N newest checkpoints")
    choice.add_argument("--best", type=_count, metavar="N", help="its N best, of best_models")
    choice.add_argument("--checkpoints", type=Path, nargs="+", help="these folders instead")
    parser.add_argument("--output", type=Path, help="a new log directory; LOGDIR/averaged")
    flags = parser.parse_args(arguments)
    if flags.checkpoints is None and flags.logdir is None:
        parser.error("--last and --best need --logdir")
    if flags.output is None and flags.logdir is None:
        parser.error("--checkpoints needs --output")
    output = flags.output or flags.logdir / "averaged"
    # After the flags: `--help` need not wait for Keras.
    from open_seq2seq.checkpoints.averaging import average_checkpoints, chosen_checkpoints

    try:
        paths = flags.checkpoints or chosen_checkpoints(flags.logdir, flags.last, flags.best)
        written = average_checkpoints(paths, output)
    except OpenSeq2SeqError as error:
        return print_error(error)
    print(f"The mean of {len(paths)} checkpoints is in {written}:")
    for path in paths:
        print(f"    {path}")
    print(f"Evaluate it by: python run.py --config_file=... --mode=eval --logdir={output}")
    return 0


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count
