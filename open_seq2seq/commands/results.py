"""Writes docs/results.md from the summaries of runs in docs/results/.

open-seq2seq results                         # after a summary changed
open-seq2seq results --add runs/a runs/b     # adds runs, by their log directories
open-seq2seq results --check                 # exit code 1 where it is out of date
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError, RunError
from open_seq2seq.files import write_whole
from open_seq2seq.runs.results_table import add_run, make_page
from open_seq2seq.start import ROOT

DOCS = ROOT / "docs"


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("--add", nargs="+", default=[], metavar="LOGDIR", help="runs whose summaries are added")
    add("--folder", type=Path, default=DOCS / "results", help="of summaries (docs/results)")
    add("--output", type=Path, default=DOCS / "results.md", help="the page (docs/results.md)")
    add("--check", action="store_true", help="write nothing, say whether the page is up to date")
    flags = parser.parse_args(arguments)
    try:
        for logdir in flags.add:
            print(f"{logdir} -> {add_run(Path(logdir), flags.folder)}")
        page = make_page(flags.folder)
        if flags.check:
            if not flags.output.is_file() or flags.output.read_text(encoding="utf-8") != page:
                raise RunError(f"{flags.output} is out of date: run scripts/make_results.py.")
            return 0
        write_whole(flags.output, page)
    except OpenSeq2SeqError as error:
        return print_error(error)
    print(f"{flags.output} is written")
    return 0
