"""What the modes of the command line put into `summary.json`; only the first worker does."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import open_seq2seq
from open_seq2seq.commands.job import Job
from open_seq2seq.config.schema import Params
from open_seq2seq.data.protocols import DataLayer
from open_seq2seq.errors import InputError
from open_seq2seq.experiment import Experiment
from open_seq2seq.files import JsonObject
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.runs import summary as files
from open_seq2seq.runs.record import (
    git_state,
    hardware,
    original_config,
    package_versions,
    parameters_hash,
    readable,
)
from open_seq2seq.training.tasks import AnyEvaluation
from open_seq2seq.training.trainer import Trainer

_STEP = re.compile(r"ckpt-(\d+)$")
# The figures of an evaluation that are kept, as far as a task has them.
_FIGURES = ("per", "wer", "cer", "perplexity", "word_perplexity", "loss")


class TrainingSummary:
    """The summary of a run that trains: written when it begins, and again when it ends.

    Args:
      job: what the command line asks for.
      trainer: it trains; with its experiment and evaluation data.
      evaluation_data: the data layer that is evaluated on, or None.
    """

    def __init__(self, job: Job, trainer: Trainer, evaluation_data: DataLayer | None):
        self._job, self._trainer = job, trainer
        self._root = job.logdir.root
        self._writes = trainer.logdir is not None  # not in a benchmark, not at other workers
        if not self._writes:
            return
        old = _read_old(self._root)
        experiment = trainer.experiment
        self._content = {
            **_identity(job, experiment, old),
            "train_data": _described(experiment.data, experiment.params),
            "dev_data": None,
            "processes": job.group.size,
            "devices": job.group.size * experiment.devices,
            "results": old.get("results", []),
        }
        self._dev_params: Params = {}
        if evaluation_data is not None:
            self._dev_params = job.filled["eval"]
            self._content["dev_data"] = _described(evaluation_data, self._dev_params)
        self._write("running")

    def finish(self) -> None:
        """Adds what training cost and reached; call it however training ended."""
        if not self._writes:
            return
        trainer = self._trainer
        finished = trainer.state.is_finished
        with suppress(InputError):  # what evaluations of other processes have added meanwhile
            now = _read_old(self._root)
            for name in ("results", "logits"):
                if name in now:
                    self._content[name] = now[name]
        self._add_results(trainer.last_evaluation)
        self._write("finished" if finished else "interrupted")

    def _write(self, state: str) -> None:
        trainer, reached = self._trainer, self._trainer.state
        cost = reached.cost
        seconds, evaluating = cost.seconds, cost.evaluation_seconds
        unit = trainer.data.UNIT.tag
        hours = {"audio_hours": cost.units / 3600} if unit == "audio_seconds" else {}
        self._content["training"] = {
            "state": state,
            "seconds": seconds,
            "seconds_without_evaluation": seconds - evaluating,
            "sittings": cost.sessions,
            "counted_from_step": cost.counted_from,
            **(hours or {unit: cost.units}),
            "epochs": reached.epochs,
            "steps": reached.progress.step,
        }
        self._content["curve"] = files.read_curve(self._job.logdir.checkpoints)
        files.write_summary(self._root, self._content)

    def _add_results(self, last: AnyEvaluation | None) -> None:
        """The last evaluation, and the best one; those of weights that are gone are dropped."""
        curve = files.read_curve(self._job.logdir.checkpoints)
        if last is None or not curve:
            return
        metric = self._trainer.experiment.params["best_checkpoint_metric"]
        rated = [row for row in curve if metric in row]
        if not rated:
            return
        best = min(rated, key=lambda row: row[metric])
        steps = {self._trainer.state.progress.step, curve[-1]["step"], best["step"]}
        results = self._content["results"]
        self._content["results"] = [one for one in results if one["step"] in steps]
        for weights, row in (("best", best), ("final", curve[-1])):
            result = {
                "data": self._content["dev_data"]["name"],
                "rows": self._content["dev_data"]["rows"],
                "decoding": _decoding(self._dev_params),
                "weights": weights,
                "step": row["step"],
                **_figures(row),
            }
            if isinstance(last, Evaluation) and last.label == "PER":
                result["per"] = result["wer"]
            if weights == "final":
                result |= _write_transcripts(self._root, result, last)
            files.add_result(self._content, result)


def add_evaluation(
    job: Job, experiment: Experiment, checkpoint: Path, found: AnyEvaluation
) -> None:
    """Adds what `--mode=eval` found to the summary of the log directory."""
    root, params = job.logdir.root, experiment.params
    if not _belongs(checkpoint, root):
        return
    content = _summary_of(job, experiment)
    result = {
        "data": files.data_name(params["data_layer_params"]["dataset_files"]),
        "rows": len(experiment.data.utterances),
        "decoding": _decoding(params),
        **_weights(checkpoint),
        **_figures(found.summary()),
    }
    result |= _write_transcripts(root, result, found)
    files.add_result(content, result)
    files.write_summary(root, content)


def add_logits(job: Job, experiment: Experiment, checkpoint: Path, written: Path) -> None:
    """Notes which weights and data stored logits are of, for `scripts/decode.py --summary`."""
    if not _belongs(checkpoint, job.logdir.root):
        return
    content = _summary_of(job, experiment)
    name = str(written.resolve())
    manifests = experiment.params["data_layer_params"]["dataset_files"]
    recordings = job.flags.infer_files
    note = {
        "file": name,
        "data": f"{len(recordings)} recordings" if recordings else files.data_name(manifests),
        **_weights(checkpoint),
    }
    others = [one for one in content.get("logits", []) if one["file"] != name]
    content["logits"] = [*others, note]
    files.write_summary(job.logdir.root, content)


def _belongs(checkpoint: Path, root: Path) -> bool:
    """Whether a checkpoint is the run's own: `--checkpoint` may name another run's."""
    return checkpoint.resolve().is_relative_to(root.resolve())


def _read_old(root: Path) -> dict[str, Any]:
    """The summary that is there already, or nothing.

    Raises:
      InputError: there is one that cannot be read; its results are not written over.
    """
    return files.read_summary(root) if (root / files.SUMMARY).exists() else {}


def _summary_of(job: Job, experiment: Experiment) -> dict[str, Any]:
    """The summary that is there, or what is known of a run that left none."""
    old = _read_old(job.logdir.root)
    return old or {**_identity(job, experiment, {}), "results": []}


def _identity(job: Job, experiment: Experiment, old: JsonObject) -> JsonObject:
    """What was run, with what, where."""
    path = job.config.path
    # Of the program, where it is in a repository; a config may be anywhere.
    git = git_state(Path(open_seq2seq.__file__).parent)
    if git["commit"] is None:
        git = git_state(path.resolve().parent)
    recipe = original_config(path).stem
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    trainable = experiment.model.trainable_variables
    return {
        "run_id": old.get("run_id", f"{recipe}-{stamp}-{secrets.token_hex(3)}"),
        "started": old.get("started", files.now()),
        "recipe": recipe,
        "config": {"file": str(original_config(path)), "hash": parameters_hash(job.filled)},
        "task": experiment.model.task,
        "seed": experiment.params["random_seed"],
        "parameters": sum(int(np.prod(v.shape)) for v in trainable),
        "dtype": readable(experiment.params["dtype"]),
        "git": {"commit": git["commit"], "dirty": bool(git["diff"])},
        "packages": package_versions(),
        "hardware": hardware(),
    }


def _described(data: DataLayer, params: Params) -> JsonObject:
    """A data set: its manifests, and how much of them is used."""
    manifests = list(params["data_layer_params"]["dataset_files"])
    described = {
        "name": files.data_name(manifests),
        "manifests": manifests,
        "rows": len(data.utterances),
    }
    if hasattr(data, "hours"):
        described["hours"] = data.hours
    return described


def _decoding(params: Params) -> JsonObject:
    """How an evaluation with these parameters decodes."""
    decoder = params.get("decoder_params") or {}  # a language model has no decoder
    if not decoder.get("use_language_model"):
        return files.greedy_decoding()
    models = [decoder["lm_path"]] if decoder["lm_path"] else []
    names = ("lm_scoring", "beam_width", "alpha", "beta")
    return files.beam_decoding(models, *(decoder[name] for name in names))


def _figures(values: JsonObject) -> dict[str, float]:
    return {name: values[name] for name in _FIGURES if name in values}


def _weights(checkpoint: Path) -> JsonObject:
    """Which weights a checkpoint's folder holds."""
    kind = "best" if checkpoint.parent.name == "best_models" else "final"
    return {"weights": kind, "step": step_of(checkpoint)}


def step_of(checkpoint: Path) -> int | None:
    """The step that a checkpoint's folder is named after, if it is."""
    number = _STEP.search(checkpoint.name)
    return int(number[1]) if number else None


def _write_transcripts(root: Path, result: JsonObject, found: AnyEvaluation) -> dict[str, str]:
    """Writes them, if there are any; returns where."""
    if not isinstance(found, Evaluation):
        return {}
    name = files.transcripts_name(result)
    files.write_transcripts(root / name, found.utterances)
    return {"transcripts": name}
