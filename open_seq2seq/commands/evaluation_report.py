"""What `--eval_report` and `--eval_summary` write: what was measured, with what, and how."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from open_seq2seq.commands.evaluation_facts import decoding_facts, place_facts
from open_seq2seq.commands.job import Job
from open_seq2seq.config.schema import Params
from open_seq2seq.console import say
from open_seq2seq.files import write_whole
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.metrics.analysis import analyse
from open_seq2seq.metrics.report import is_html, write_report
from open_seq2seq.runs.record import gpu_names, readable
from open_seq2seq.training.sounds import sounds_of
from open_seq2seq.training.tasks import AnyEvaluation, Evaluator, SpeechEvaluator

# The worst utterances, which can be seen and heard: some 300 kB each of read speech.
SOUNDS_SHOWN = 12


def write_results(
    job: Job,
    result: AnyEvaluation,
    evaluator: Evaluator,
    params: Params,
    weights: str,
    step: int | None,
    average: Any = None,
) -> None:
    """Writes what the flags ask for.

    Args:
      job: its flags.
      result: the evaluation.
      evaluator: what evaluated.
      params: the parameters of the evaluation.
      weights: whose they were: a checkpoint.
      step: after how many steps of training; None: not known.
      average: the averaged weights that were evaluated, if they are not in the model.
    """
    flags, config = job.flags, job.config
    if flags.eval_summary:
        write_whole(flags.eval_summary, json.dumps(result.summary(), indent=1))
    if not flags.eval_report:
        return
    assert isinstance(result, Evaluation) and isinstance(evaluator, SpeechEvaluator)
    sounds = {}
    if is_html(flags.eval_report):
        with average.swapped_in() if average else nullcontext():
            shown = analyse(result.utterances).wrong[:SOUNDS_SHOWN]
            sounds = sounds_of(evaluator.recognizer, shown, evaluator.data.vocabulary)
    details = what_was_measured(params, result, config.path, weights, step)
    title = f"Evaluation of {config.path.stem}"
    write_report(flags.eval_report, result.utterances, title, details, sounds)
    say(f"The report is in {flags.eval_report}")


def what_was_measured(
    params: Params, result: Evaluation, config: Path, weights: str, step: int | None
) -> dict[str, str]:
    """The facts of an evaluation that its figures depend on, name to text."""
    facts = {
        "Config": str(config),
        "Checkpoint": weights,
        "Step": "" if step is None else str(step),
        "Data": ", ".join(params["data_layer_params"]["dataset_files"]),
        **decoding_facts(params["decoder_params"]),
        "Loss": "" if result.loss is None else f"{result.loss:.4f}",
        "Arithmetic": str(readable(params["dtype"])),
        **place_facts(gpu_names()),
    }
    return {name: text for name, text in facts.items() if text}
