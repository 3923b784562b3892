"""Error rates of a trained model on recordings with pauses, noise, other levels and channels.

    open-seq2seq robustness --config_file=my_config.py --logdir=runs/my \\
        --output_file=robustness.csv --plot=robustness.png
    open-seq2seq robustness --config_file=my_config.py --checkpoint=runs/my/ckpt-5000 \\
        --dataset test.csv --conditions silence level --limit 200 --max_increase silence=1 level=1

The recordings are those of the config's evaluation, or of --dataset. Other arguments override the
config's parameters, as in run.py (--decoder_params/use_language_model=True decodes by beam search).
Every condition is the same each time for one --seed. docs/robustness.md describes them.

exit codes: 0 fine, 1 a limit is exceeded, or it failed while running, 2 wrong usage or input,
130 interrupted
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.robustness.conditions import CONDITIONS, GROUPS


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    lines = [
        f"  {group}: {', '.join(one.name for one in CONDITIONS if one.group == group)}"
        for group in GROUPS
    ]
    parser = command_parser(
        __doc__,
        prog,
        epilog="\n".join(["groups and their conditions:", *lines]).replace("%", "%%"),
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config_file", "--config", required=True, help="the config of the trained model")
    add("--checkpoint", metavar="FOLDER", help="a checkpoint, or a run's log directory (default: "
        "the newest or best one of logdir)")  # fmt: skip
    add("--enable_logs", action="store_true", help="it was trained with --enable_logs")
    add("--dataset", nargs="+", metavar="MANIFEST", help="instead of the config's evaluation data")
    add("--skip_bad_rows", action="store_true", help="go on without rows that fail the data check")
    add("--conditions", nargs="+", default=[], metavar="NAME", help="groups and conditions (all)")
    add("--limit", type=int, metavar="N", help="only so many recordings, drawn with the seed")
    add("--seed", type=int, default=0, help="of noises, rooms and --limit (0)")
    add("--output_file", type=Path, metavar="PATH", help="the results: .csv or .json")
    add("--plot", type=Path, metavar="PATH", help="a picture of them: .png, .svg, .pdf")
    add("--max_wer", nargs="+", default=[], metavar="[NAME=]PERCENT", help="highest WER of all, or "
        "of a group or condition; beyond it the exit code is 1")  # fmt: skip
    add("--max_increase", nargs="+", default=[], metavar="[NAME=]POINTS", help="the same for the "
        "WER above that of the clean recordings")  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags, rest = make_parser(prog).parse_known_args(arguments)
    try:
        from open_seq2seq.commands.robustness_run import run

        return run(flags, rest)
    except OpenSeq2SeqError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
