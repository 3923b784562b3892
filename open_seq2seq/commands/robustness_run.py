"""What `open-seq2seq robustness` does: error rates as a table, a file, a picture."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.checkpoints.storage import read_state
from open_seq2seq.commands.evaluated_model import leave_out, trained_for_evaluation
from open_seq2seq.console import ProgressBar, say
from open_seq2seq.data.batch import LeftOut
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import Experiment
from open_seq2seq.files import JsonObject, check_writable, write_whole
from open_seq2seq.metrics.pictures import ENDINGS, picture
from open_seq2seq.robustness import plot, report
from open_seq2seq.robustness.conditions import Condition, choose
from open_seq2seq.robustness.measure import Result, measure


def run(flags: argparse.Namespace, rest: Sequence[str]) -> int:
    """Does what the command line says; returns the exit code, 1 where a limit is exceeded.

    Args:
      flags: those of `open-seq2seq robustness`.
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
    experiment, checkpoint = trained_for_evaluation(flags, rest, flags.limit)
    about = _about(flags, experiment, checkpoint)
    results = _measured(flags, experiment, conditions, about)
    if flags.plot:
        words = results[0].errors.words
        title = (
            f"{Path(flags.config_file).stem}: {words.utterances} recordings, {words.total} words"
        )
        write_whole(flags.plot, picture(plot.draw(results, title), flags.plot.suffix))
        say(f"The picture is in {flags.plot}")
    exceeded = limits.exceeded(results)
    for sentence in exceeded:
        print(f"exceeded: {sentence}")
    return 1 if exceeded else 0


def _check_outputs(flags: argparse.Namespace) -> None:
    problems = []
    for flag, endings in (("output_file", report.FORMATS), ("plot", ENDINGS)):
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


def _about(flags: argparse.Namespace, experiment: Experiment, checkpoint: Path) -> JsonObject:
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
    about: JsonObject,
) -> list[Result]:
    """The results; each is printed and in the file as soon as it is there."""

    def left_out(found: Sequence[LeftOut]) -> None:
        leave_out([one.problem for one in found], flags.skip_bad_rows)

    say(f"{about['utterances']} recordings, checkpoint {about['checkpoint']}")
    results: list[Result] = []
    with ProgressBar("measuring", len(conditions) + 1) as progress:
        for result in measure(experiment, conditions, flags.seed, left_out):
            results.append(result)
            if len(results) == 1:
                print(report.header(result))
            print(report.line(result), flush=True)
            if flags.output_file:
                report.write_results(flags.output_file, results, about)
            progress.advance(result.condition.name)
    if flags.output_file:
        say(f"The results are in {flags.output_file}")
    return results
