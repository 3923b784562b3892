"""Trains a speech model on manifests, with the arguments of neon's train.py.

open-seq2seq neon train --manifest train:train.csv --manifest val:dev.csv -e 16 -z 32 -s runs/neon
open-seq2seq neon train --manifest train:train.csv --manifest val:dev.csv -e 20 -z 32 \\
    -s runs/more --model_file runs/neon

The first trains example_configs/speech2text/deepspeech_neon.py, or --config_file. The second goes
on from a checkpoint, to 20 epochs in all; with -s runs/neon it would go on where it is.
Flags of run.py and values of the config (--optimizer_params/momentum=0.9) may follow.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from open_seq2seq.commands import run as run_command
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command's own flags."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--manifest", action="append", metavar="KIND:PATH",
        help="train:PATH, and val:PATH to evaluate meanwhile; may be repeated")  # fmt: skip
    add("-e", "--epochs", type=int, help="passes over the training data in all (the config's)")
    add("-z", "--batch_size", type=int, help="utterances in a batch (the config's)")
    add("-s", "--save", "--save_path", metavar="FOLDER", help="the log directory")
    add("--model_file", metavar="FOLDER",
        help="goes on from this log directory's newest checkpoint, or this one")  # fmt: skip
    add("--config_file", help="instead of deepspeech_neon.py, or the model's own config")
    add("-b", "--backend", help="accepted for neon's command lines; has no effect")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags, rest = make_parser(prog).parse_known_args(arguments)
    try:
        from open_seq2seq.commands import neon as manifest_commands

        command = manifest_commands.training_command(flags, rest, run_command.make_parser())
    except OpenSeq2SeqError as error:
        return print_error(error)
    return run_command.main(command)
