"""What `--eval_report` and `--eval_summary` write: what was measured, with what, and how."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import open_seq2seq
from open_seq2seq.commands.job import Job
from open_seq2seq.config.schema import Params
from open_seq2seq.console import say
from open_seq2seq.files import write_whole
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.metrics.analysis import analyse
from open_seq2seq.metrics.report import is_html, write_report
from open_seq2seq.runs.record import git_state, hardware, readable
from open_seq2seq.training.sounds import sounds_of
from open_seq2seq.training.tasks import AnyEvaluation, Evaluator, SpeechEvaluator
from open_seq2seq.version import __version__

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
    machine = hardware()
    git = git_state(Path(open_seq2seq.__file__).parent)
    commit = f", commit {git['commit'][:9]}" if git["commit"] else ""
    changed = " with changes" if git["commit"] and git["diff"] else ""
    facts = {
        "Config": str(config),
        "Checkpoint": weights,
        "Step": "" if step is None else str(step),
        "Data": ", ".join(params["data_layer_params"]["dataset_files"]),
        **_decoding(params["decoder_params"]),
        "Loss": f"{result.loss:.4f}",
        "Arithmetic": str(readable(params["dtype"])),
        "Date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "Machine": ", ".join(
            [f"{machine['processor']}, {machine['cores']} cores", *machine["gpus"]]
        ),
        "Version": f"open-seq2seq {__version__}{commit}{changed}",
    }
    return {name: text for name, text in facts.items() if text}


def _decoding(decoder: Mapping[str, Any]) -> dict[str, str]:
    """How texts were found, with what changes them."""
    if not decoder["use_language_model"]:
        return {"Decoding": "greedy"}
    scoring = decoder["lm_scoring"]
    facts = {
        "Decoding": f"beam search, width {decoder['beam_width']}, scoring {scoring}",
        "Language model": decoder["lm_path"] or "none",
    }
    if decoder["lm_path"]:
        facts |= {"Alpha": f"{decoder['alpha']:g}", "Beta": f"{decoder['beta']:g}"}
    if decoder["hot_words"]:
        words = (f"{phrase} {weight:g}" for phrase, weight in decoder["hot_words"].items())
        facts["Hot words"] = ", ".join(words)
    return facts
