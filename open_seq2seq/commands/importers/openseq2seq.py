"""Turns a checkpoint of OpenSeq2Seq (TensorFlow 1) into one of this framework.

open-seq2seq import openseq2seq --config_file=jasper10x5.py \\
    --checkpoint=jasper/model.ckpt-439200 --logdir=runs/jasper

Then `run.py --config_file=jasper10x5.py --logdir=runs/jasper` evaluates it (--mode=eval),
transcribes with it (--mode=infer), or trains on from its weights: --load_model=runs/jasper
with another --logdir. Only weights are taken over; a state of the optimizer is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    parser.add_argument("--config_file", required=True, help="the config it was trained with")
    parser.add_argument(
        "--checkpoint", required=True, help="model.ckpt-N, or a folder, for its newest"
    )
    parser.add_argument("--logdir", type=Path, required=True, help="a new log directory")
    parser.add_argument(
        "--use_ema", action="store_true", help="take the exponential moving averages of weights"
    )
    flags, rest = parser.parse_known_args(arguments)
    try:
        written = run(flags.config_file, flags.checkpoint, flags.logdir, flags.use_ema, rest)
    except OpenSeq2SeqError as error:
        return print_error(error)
    print(f"Written to {written}.")
    print("It holds weights only: train on by --load_model, not by --continue_learning.")
    return 0


def run(
    config_file: str, checkpoint: str, logdir: Path, use_ema: bool, overrides: Sequence[str] = ()
) -> Path:
    """Imports a checkpoint and prints what became of its variables.

    Args:
      overrides: of the config's parameters, as on the command line of `run.py`.

    Raises:
      InputError: config and checkpoint don't fit, or `logdir` has checkpoints already.
    """
    # After the flags: `--help` need not wait for TensorFlow.
    from open_seq2seq.checkpoints.storage import METADATA, latest_checkpoint
    from open_seq2seq.checkpoints.variables import save_checkpoint
    from open_seq2seq.experiment import model_metadata
    from open_seq2seq.interop.openseq2seq.checkpoint import import_weights
    from open_seq2seq.interop.openseq2seq.tensorflow1_checkpoint import OldCheckpoint

    if latest_checkpoint(logdir) is not None:
        problem = Problem(str(logdir), "checkpoints", "a new or empty folder")
        raise InputError("The import has no place:", [problem])
    old = OldCheckpoint(checkpoint, use_ema)
    experiment = _experiment(config_file, overrides)
    result = import_weights(old, experiment.model, experiment.params)
    print(f"{old.prefix}, step {old.step}")
    print(result.text())
    state = {
        "step": old.step,
        METADATA: model_metadata(experiment),
        "imported": {"checkpoint": str(old.prefix), "moving_averages": use_ema},
    }
    return save_checkpoint(logdir, experiment.model, None, state)


def _experiment(config_file: str, overrides: Sequence[str]) -> Any:
    """The config's model and features, in whichever mode it has a data layer for."""
    from open_seq2seq.config.loading import load_config
    from open_seq2seq.config.overrides import split_arguments
    from open_seq2seq.experiment import effective_params, make_experiment

    config = load_config(config_file)
    modes = [m for m in ("infer", "eval", "train") if config.merged(m).get("data_layer")]
    params = effective_params(config, split_arguments(overrides), modes[0] if modes else "infer")
    return make_experiment(params, config.base_model, "infer", utterances=[])
