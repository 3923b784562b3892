"""What `open-seq2seq plot samples` does: utterances and what a trained model makes of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from open_seq2seq.checkpoints.storage import read_state
from open_seq2seq.commands.evaluated_model import leave_out, trained_for_evaluation
from open_seq2seq.commands.stored_run import logdir_of, stored_run
from open_seq2seq.console import ProgressBar, say
from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.files import check_writable, write_whole
from open_seq2seq.inference.evaluation import Evaluation, evaluate
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.metrics.analysis import EvaluatedUtterance, ScoredUtterance, analyse
from open_seq2seq.metrics.pictures import ENDINGS, picture
from open_seq2seq.metrics.sound_plot import Sample, draw_samples
from open_seq2seq.metrics.wording import percent
from open_seq2seq.training.sounds import sounds_of
from open_seq2seq.training.transfer import named_checkpoint

# A picture of more is not looked at.
MOST = 60


def run(flags: argparse.Namespace, rest: Sequence[str], run_parser: argparse.ArgumentParser) -> int:
    """Does what the command line says; returns the exit code.

    Args:
      flags: those of `open-seq2seq plot samples`.
      rest: overrides of the config.
      run_parser: `run.py`'s, which knows its flags from overrides.

    Raises:
      InputError: wrong usage, config, data or checkpoint.
      RunError: no utterance is wrong and the worst are asked for, or the file cannot be written.
    """
    _check(flags)
    flags, rest = _with_config(flags, rest, run_parser)
    limit = None if flags.worst else flags.count
    experiment, checkpoint = trained_for_evaluation(flags, rest, limit)
    recognizer = Recognizer.of(experiment)
    result = _evaluated(recognizer, experiment.data, flags.skip_bad_rows)
    shown = chosen(result.utterances, flags.worst, flags.count)
    sounds = sounds_of(recognizer, shown, experiment.speech_data.vocabulary)
    samples = [
        Sample(one, sounds[one.utterance.name]) for one in shown if one.utterance.name in sounds
    ]
    step = read_state(checkpoint)["step"]
    title = f"{logdir_of(checkpoint).name}, step {step}: "
    if flags.worst:
        words = result.errors.words
        title += f"the worst {len(samples)} of {words.utterances}, WER {percent(words.rate)} in all"
    else:
        title += f"{len(samples)} utterances, seed {flags.seed}"
    figure = draw_samples(samples, title, flags.columns or (1 if flags.count < 3 else 2))
    write_whole(flags.output, picture(figure, flags.output.suffix))
    say(f"{flags.output} is written")
    return 0


def _check(flags: argparse.Namespace) -> None:
    problems = []
    if flags.output.suffix.lower() not in ENDINGS:
        found = flags.output.suffix or "no ending"
        problems.append(Problem(f"--output {flags.output}", found, f"one of {', '.join(ENDINGS)}"))
    else:
        check_writable(flags.output)
    if not 1 <= flags.count <= MOST:
        problems.append(Problem("--count", str(flags.count), f"1 to {MOST}"))
    if flags.columns is not None and flags.columns < 1:
        problems.append(Problem("--columns", str(flags.columns), "1 or more"))
    if flags.seed < 0:
        problems.append(Problem("--seed", str(flags.seed), "0 or more"))
    if not flags.config_file and not flags.checkpoint:
        expected = "a log directory, a checkpoint, or --config_file"
        problems.append(Problem("the command line", "no model", expected))
    if problems:
        raise InputError("The flags cannot be used:", problems)


def _with_config(
    flags: argparse.Namespace, rest: Sequence[str], run_parser: argparse.ArgumentParser
) -> tuple[argparse.Namespace, list[str]]:
    """With the config that the log directory keeps, and what it was trained with, if none is given.

    Raises:
      InputError: it keeps none.
    """
    if flags.config_file:
        return flags, list(rest)
    checkpoint = named_checkpoint(flags.checkpoint, True, "the model")
    run = stored_run(checkpoint, run_parser)
    if run is None:
        found, expected = "no record of the run beside it", "run_*.json and config_*.py"
        problem = Problem(str(checkpoint), found, expected, "Give its config: --config_file.")
        raise InputError("The model's config is not known:", [problem])
    values = {**vars(flags), "config_file": str(run.config), "enable_logs": run.enable_logs}
    return argparse.Namespace(**values), [*run.overrides, *rest]


def _evaluated(recognizer: Recognizer, data: Any, skip_bad_rows: bool) -> Evaluation:
    result = evaluate(
        recognizer,
        data,
        ProgressBar,
        left_out=lambda found: leave_out([one.problem for one in found], skip_bad_rows),
    )
    assert result is not None  # there is one worker
    return result


def chosen(
    utterances: Sequence[EvaluatedUtterance], worst: bool, count: int
) -> list[ScoredUtterance]:
    """All utterances in their order, or so many of those with errors, the worst first.

    Raises:
      RunError: none has an error.
    """
    analysis = analyse(utterances)
    if not worst:
        by_name = {one.utterance.name: one for one in (*analysis.wrong, *analysis.right)}
        return [by_name[one.name] for one in utterances]
    if not analysis.wrong:
        raise RunError(
            f"None of the {len(analysis.right)} utterances has an error: there is no worst one. "
            "Without --worst some are drawn by chance."
        )
    return analysis.wrong[:count]
