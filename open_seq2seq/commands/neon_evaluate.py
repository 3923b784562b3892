"""Error rates of a trained model on a manifest, with the arguments of neon's evaluate.py.

open-seq2seq neon evaluate --manifest val:dev.csv --model_file runs/digits
open-seq2seq neon evaluate --manifest val:dev.csv --model_file runs/digits/ckpt-500 \\
    --use_wer --inference_file out.pkl
open-seq2seq neon evaluate --manifest val:dev.csv --model_file my_exported_model

Prints CER, or with --use_wer WER. The config is the one that the log directory keeps. Flags
of run.py and values of the config (--decoder_params/use_language_model=True) may follow.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from open_seq2seq.commands import run as run_command
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.files import check_outputs


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command's own flags."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--manifest", action="append", metavar="val:PATH", help="manifest; may be repeated")
    add("--model_file", metavar="FOLDER", help="a run's log directory, a checkpoint "
        "in it, or an exported model")  # fmt: skip
    add("--use_wer", action="store_true", help="print WER instead of CER")
    add("--inference_file", metavar="PATH",
        help="a pickle gets ([(hypothesis, reference), ...], rate)")  # fmt: skip
    add("--config_file", help="instead of the config that the log directory keeps")
    add("-z", "--batch_size", type=int, help="utterances in a batch (the config's)")
    add("-b", "--backend", help="accepted for neon's command lines; has no effect")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags, rest = make_parser(prog).parse_known_args(arguments)
    try:
        from open_seq2seq.commands import neon as manifest_commands

        check_outputs({"--inference_file": flags.inference_file})
        command = manifest_commands.evaluation_command(flags, rest, run_command.make_parser())
    except OpenSeq2SeqError as error:
        return print_error(error)
    return run_command.main(
        command,
        after=lambda result: manifest_commands.report_evaluation(
            result, flags.use_wer, flags.inference_file
        ),
    )
