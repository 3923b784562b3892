"""The command: a trained model's error rates under conditions, as table, file and picture."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.data.batch import LeftOut
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import check_writable, write_whole
from open_seq2seq.robustness import plot, report
from open_seq2seq.robustness.conditions import Condition, choose
from open_seq2seq.robustness.measure import Result, measure
from open_seq2seq.training.checkpoints.logdir import LogDir, checkpoint_to_use
from open_seq2seq.training.checkpoints.storage import read_state
from open_seq2seq.training.console import ProgressBar, say
from open_seq2seq.training.experiment import (
    Experiment,
    effective_params,
    make_experiment,
    prepare_decoding,
)
from open_seq2seq.training.recognizer import load_weights
from open_seq2seq.training.transfer import named_checkpoint


def run(flags: argparse.Namespace, rest: Sequence[str]) -> int:
    """Does what the command line says; returns the exit code, 1 where a limit is exceeded.

    Args:
      flags: those of `scripts/robustness.py`.
      rest: overrides of the config.

    Raises:
      InputError: wrong usage, config, data or checkpoint.
      RunError: a file cannot be written.
    """
    conditions = choose(flags.conditions)
    limits = report.Limits(
        report.parse_limits("--max_wer", flags.max_wer, conditions),
        report.parse_limits("--max_increase", flags.max_increase, conditions),
    )
    _check_outputs(flags)
    experiment, checkpoint = _trained(flags, rest)
    about = _about(flags, experiment, checkpoint)
    results = _measured(flags, experiment, conditions, about)
    if flags.plot:
        words = results[0].errors.words
        title = (
            f"{Path(flags.config_file).stem}: {words.utterances} recordings, {words.total} words"
        )
        write_whole(flags.plot, plot.picture(plot.draw(results, title), flags.plot.suffix))
        say(f"The picture is in {flags.plot}")
    exceeded = limits.exceeded(results)
    for sentence in exceeded:
        print(f"exceeded: {sentence}")
    return 1 if exceeded else 0


def _check_outputs(flags: argparse.Namespace) -> None:
    problems = []
    for flag, endings in (("output_file", report.FORMATS), ("plot", plot.ENDINGS)):
        path = getattr(flags, flag)
        if path is not None and path.suffix.lower() not in endings:
            found = path.suffix or "no ending"
            problems.append(Problem(f"--{flag} {path}", found, f"one of {', '.join(endings)}"))
        elif path is not None:
            check_writable(path)
    if flags.limit is not None and flags.limit < 1:
        problems.append(Problem("--limit", str(flags.limit), "at least 1 recording"))
    if flags.seed < 0:
        problems.append(Problem("--seed", str(flags.seed), "0 or more"))
    if problems:
        raise InputError("The flags cannot be used:", problems)


def _trained(flags: argparse.Namespace, rest: Sequence[str]) -> tuple[Experiment, Path]:
    """The model with its weights and the data of mode eval, and the checkpoint that they are of."""
    config = load_config(flags.config_file)
    if config.base_model.task != "speech":
        problem = Problem(str(config.path), "a language model", "the config of a speech model")
        raise InputError("There is nothing to transcribe:", [problem])
    params = effective_params(config, split_arguments(rest), "eval", tuple(vars(flags)))
    filled = config.base_model.PARAMS.fill(params)
    best = filled["restore_best_checkpoint"]
    if flags.checkpoint:
        checkpoint = named_checkpoint(flags.checkpoint, best, "--checkpoint")
    else:
        checkpoint = checkpoint_to_use(LogDir(Path(filled["logdir"]), flags.enable_logs), best)
    files = flags.dataset or filled["data_layer_params"]["dataset_files"]
    utterances = _chosen(read_manifests(files, need_transcript=True), flags.limit, flags.seed)
    experiment = make_experiment(params, config.base_model, "eval", utterances)
    prepare_decoding(experiment, experiment.params)
    load_weights(experiment, checkpoint)
    _check(flags, experiment)
    return experiment, checkpoint


def _chosen(utterances: list[Utterance], limit: int | None, seed: int) -> list[Utterance]:
    """So many of them by chance, in the manifest's order."""
    if limit is None or limit >= len(utterances):
        return utterances
    rows = np.random.default_rng(seed).choice(len(utterances), limit, replace=False)
    return [utterances[row] for row in sorted(rows)]


def _check(flags: argparse.Namespace, experiment: Experiment) -> None:
    """As mode eval does: bad rows end the run, or are listed and left out."""
    found = experiment.data.check(experiment.model.output_length)
    for note in found.notes:
        say(note)
    _leave_out(found.problems, flags.skip_bad_rows)
    if found.problems:
        experiment.data.drop(found)


def _leave_out(problems: Sequence[Problem], allowed: bool) -> None:
    if problems and not allowed:
        summary = f"{len(problems)} problems in the data (--skip_bad_rows goes on without):"
        raise InputError(summary, problems)
    for problem in problems:
        say(f"left out: {problem}")


def _about(flags: argparse.Namespace, experiment: Experiment, checkpoint: Path) -> dict[str, Any]:
    """What is measured, for the JSON."""
    params = experiment.params
    decoding = {
        name: value
        for name, value in params["decoder_params"].items()
        if params["decoder_params"]["use_language_model"] or name == "use_language_model"
    }
    return {
        "config": str(flags.config_file),
        "checkpoint": str(checkpoint),
        "step": read_state(checkpoint)["step"],
        "data": list(flags.dataset or params["data_layer_params"]["dataset_files"]),
        "limit": flags.limit,
        "seed": flags.seed,
        "utterances": len(experiment.data.utterances),
        "decoder_params": {name: _plain(value) for name, value in decoding.items()},
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _plain(value: Any) -> Any:
    return (
        value if isinstance(value, (bool, int, float, str, dict, list, type(None))) else str(value)
    )


def _measured(
    flags: argparse.Namespace,
    experiment: Experiment,
    conditions: Sequence[Condition],
    about: dict[str, Any],
) -> list[Result]:
    """The results; each is printed and in the file as soon as it is there."""

    def left_out(found: Sequence[LeftOut]) -> None:
        _leave_out([one.problem for one in found], flags.skip_bad_rows)

    say(f"{about['utterances']} recordings, checkpoint {about['checkpoint']}")
    print(report.HEADER)
    results: list[Result] = []
    with ProgressBar("measuring", len(conditions) + 1) as progress:
        for result in measure(experiment, conditions, flags.seed, left_out):
            results.append(result)
            print(report.line(result), flush=True)
            if flags.output_file:
                report.write_results(flags.output_file, results, about)
            progress.advance(result.condition.name)
    if flags.output_file:
        say(f"The results are in {flags.output_file}")
    return results
