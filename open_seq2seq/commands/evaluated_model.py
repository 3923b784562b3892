"""A trained model with the data of mode eval, for scripts that measure or show it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.config.schema import Params
from open_seq2seq.console import say
from open_seq2seq.data.manifest import Manifest, read_manifests
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import (
    Experiment,
    effective_params,
    make_experiment,
)
from open_seq2seq.inference.weights import load_weights
from open_seq2seq.training.transfer import named_checkpoint


def trained_for_evaluation(
    flags: argparse.Namespace, rest: Sequence[str], limit: int | None
) -> tuple[Experiment, Path]:
    """The model with its weights and the data of mode eval, and the checkpoint that they are of.

    Bad rows end the run, or are said and left out.

    Args:
      flags: config_file, checkpoint, enable_logs, dataset, skip_bad_rows and seed of a script.
      rest: overrides of the config.
      limit: so many recordings, drawn with the seed; None: all.

    Raises:
      InputError: wrong usage, config, data or checkpoint.
    """
    config = load_config(flags.config_file)
    if config.base_model.task != "speech":
        problem = Problem(str(config.path), "a language model", "the config of a speech model")
        raise InputError("There is nothing to transcribe:", [problem])
    params = effective_params(config, split_arguments(rest), "eval", tuple(vars(flags)))
    filled = config.base_model.PARAMS.fill(params)
    checkpoint = chosen_checkpoint(flags, filled)
    files = flags.dataset or filled["data_layer_params"]["dataset_files"]
    utterances = _chosen(read_manifests(files, need_transcript=True), limit, flags.seed)
    experiment = make_experiment(params, config.base_model, "eval", utterances)
    load_weights(experiment, checkpoint)
    _check(flags, experiment)
    return experiment, checkpoint


def chosen_checkpoint(flags: argparse.Namespace, filled: Params) -> Path:
    """The checkpoint that a command line names, or the newest (or best) one of the log directory.

    Args:
      flags: checkpoint and enable_logs of a command.
      filled: parameters of the config.

    Raises:
      InputError: there is none.
    """
    best = filled["restore_best_checkpoint"]
    if flags.checkpoint:
        return named_checkpoint(flags.checkpoint, best, "--checkpoint")
    return checkpoint_to_use(LogDir(Path(filled["logdir"]), flags.enable_logs), best)


def _chosen(utterances: Manifest, limit: int | None, seed: int) -> Manifest:
    """So many of them by chance, in the manifest's order."""
    if limit is None or limit >= len(utterances):
        return utterances
    rows = np.random.default_rng(seed).choice(len(utterances), limit, replace=False)
    return utterances.take(np.sort(rows))


def _check(flags: argparse.Namespace, experiment: Experiment) -> None:
    """As mode eval does: bad rows end the run, or are listed and left out."""
    found = experiment.data.check(experiment.model.output_length)
    for note in found.notes:
        say(note)
    leave_out(found.problems, flags.skip_bad_rows)
    if found.problems:
        experiment.data.drop(found)


def leave_out(problems: Sequence[Problem], allowed: bool) -> None:
    """Says what is left out.

    Raises:
      InputError: it is not allowed.
    """
    if problems and not allowed:
        summary = f"{len(problems)} problems in the data (--skip_bad_rows goes on without):"
        raise InputError(summary, problems)
    for problem in problems:
        say(f"left out: {problem}")
