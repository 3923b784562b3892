"""Writes the result of a recipe as one HTML page that needs nothing besides itself.

    open-seq2seq report runs/seed0 runs/seed1 runs/seed2 --output=report.html

It has the error rates, greedy and with language models, of all runs, what they were trained on and
how long it took, curves of WER and CER over time and epochs, loss and learning rate, and of the
first run typical and worst transcripts and the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.files import write_whole
from open_seq2seq.runs.report import render_report


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="LOGDIR", help="log directories of train_eval")
    add("--output", required=True, help="the page")
    add("--title", help="its heading (the recipes' names)")
    flags = parser.parse_args(arguments)
    try:
        page = render_report(flags.runs, flags.title)
        write_whole(flags.output, page)
    except OpenSeq2SeqError as error:
        return print_error(error)
    print(f"{flags.output} is written")
    return 0
