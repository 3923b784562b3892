"""What a command line asks for: read, merged and checked before anything is done."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from open_seq2seq.checkpoints.lock import held
from open_seq2seq.checkpoints.logdir import (
    LogDir,
    checkpoint_to_start_from,
    checkpoint_to_use,
)
from open_seq2seq.checkpoints.storage import check_checkpoint
from open_seq2seq.commands.parts_inference import inference_problems
from open_seq2seq.config.loading import Config, load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.config.schema import Params
from open_seq2seq.console import say
from open_seq2seq.distributed.devices import choose_gpus, device_notes, training_devices
from open_seq2seq.distributed.process_group import ProcessGroup
from open_seq2seq.distributed.start import check_launch
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import effective_params
from open_seq2seq.files import check_folder
from open_seq2seq.models.notes import parameter_notes
from open_seq2seq.runs.summary import SUMMARY, read_summary
from open_seq2seq.training.transfer import base_checkpoint, named_checkpoint
from open_seq2seq.transcripts import text_format
from open_seq2seq.transcripts.formats import JSON_LINES

# Hypotheses of beam search in JSON lines, unless the config says how many.
_NBEST = 10


@dataclass(frozen=True)
class Job:
    """What the command line asks for.

    Args:
      flags: those that are no parameters.
      arguments: the command line as typed, for the record.
      rest: those of them that are overrides of the config.
      config: the config module.
      mode: train, train_eval, eval or infer.
      effective: the merged parameters of "train", "eval" or "infer", as far as the mode has them,
        without defaults.
      group: the processes that do it together.
      devices: those that this process trains on, if there are several.
    """

    flags: argparse.Namespace
    arguments: Sequence[str]
    rest: Sequence[str]
    config: Config
    mode: str
    effective: Mapping[str, Params]
    group: ProcessGroup
    devices: Sequence[str] = ()

    @property
    def params(self) -> Params:
        """The parameters of training, or of the only mode."""
        return next(iter(self.effective.values()))

    @property
    def program(self) -> list[str]:
        """How the command line begins, up to its arguments."""
        installed = Path(sys.argv[0]).stem == "open-seq2seq"
        program = ["open-seq2seq"] if installed else ["python", "run.py"]
        launcher = ["mpiexec", "-np", str(self.group.size)] if self.group.size > 1 else []
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        return [*([] if backend == "tensorflow" else ["env", f"KERAS_BACKEND={backend}"]),
                *launcher, *program]  # fmt: skip

    @cached_property
    def filled(self) -> Mapping[str, Params]:
        """`effective` with all defaults; nobody writes to it."""
        schema = self.config.base_model.PARAMS
        return {mode: MappingProxyType(schema.fill(one)) for mode, one in self.effective.items()}

    @property
    def logdir(self) -> LogDir:
        """Where results go."""
        return LogDir(Path(self.params["logdir"]), self.flags.enable_logs)

    @property
    def trains(self) -> bool:
        """Whether weights are trained."""
        return "train" in self.effective

    def notes(self) -> list[str]:
        """What the run does without although the config asks for it, each said once."""
        schema = self.config.base_model.PARAMS
        notes = [parameter_notes(schema, params, name) for name, params in self.effective.items()]
        if self.trains:
            devices = max(len(self.devices), 1)
            notes.insert(0, device_notes(self.params, self.group, devices))
        return list(dict.fromkeys(note for of_mode in notes for note in of_mode))


def read_job(
    flags: argparse.Namespace, rest: Sequence[str], arguments: Sequence[str], group: ProcessGroup
) -> Job:
    """The config with the command line's overrides, checked.

    Args:
      flags: the known flags.
      rest: the other arguments, overrides of the config.
      arguments: all of them, as typed.
      group: the processes of this job.

    Raises:
      InputError: the command line or the config is not valid.
    """
    data = [f"--data_layer_params/dataset_files={flags.dataset_files!r}"]
    overrides = split_arguments([*rest, *(data if flags.dataset_files else [])])
    config = load_config(flags.config_file)
    mode = "train" if flags.benchmark else flags.mode
    if mode == "interactive_infer":
        raise InputError(
            "--mode=interactive_infer is used from Python:\n"
            "    from open_seq2seq import Recognizer\n"
            f"    recognizer = Recognizer.load({flags.config_file!r})\n"
            '    print(recognizer.transcribe(["a.wav"])[0].text)'
        )
    names = ("train", "eval") if mode == "train_eval" else (mode,)
    known = tuple(vars(flags))
    effective = {name: effective_params(config, overrides, name, known) for name in names}
    _check_flags(flags, mode, effective, group)
    if mode == "infer" and text_format(flags.infer_output_file or "") is JSON_LINES:
        decoding = effective[mode].get("decoder_params") or {}
        decoder = {"nbest": _NBEST, **decoding}
        effective[mode] = {**effective[mode], "decoder_params": decoder}
    _check_task(config, mode, flags)
    if flags.benchmark:
        effective["train"] = {**effective["train"], **_benchmark_params(flags)}
    elif flags.bench_start is not None and "train" in effective:
        effective["train"] = {**effective["train"], "bench_start": flags.bench_start}
    params = effective[names[0]]
    check_launch(group, bool(params.get("use_horovod")))
    choose_gpus(params)
    devices = training_devices(params) if "train" in effective else []
    return Job(flags, arguments, rest, config, mode, effective, group, devices)


def _check_flags(
    flags: argparse.Namespace, mode: str, effective: Mapping[str, Params], group: ProcessGroup
) -> None:
    problems = []
    if mode == "train_eval" and not effective["eval"].get("eval_steps"):
        remedy = "Set eval_steps to 500 (--eval_steps=500), or use --mode=train."
        problems.append(Problem("eval_steps", "nothing", "steps between evaluations", remedy))
    for flag in ("eval_report", "eval_summary"):
        if getattr(flags, flag) and mode not in ("eval", "train_eval"):
            problems.append(Problem(f"--{flag}", f"mode {mode}", "mode eval or train_eval"))
    if flags.checkpoint and flags.continue_learning:
        remedy = "--checkpoint starts a new log directory from a checkpoint of another one."
        problem = Problem("--checkpoint", "--continue_learning too", "one of them", remedy)
        problems.append(problem)
    if flags.overwrite and mode != "infer":
        problems.append(Problem("--overwrite", f"mode {mode}", "mode infer"))
    if flags.infer_files and mode != "infer":
        problems.append(Problem("--infer_files", f"mode {mode}", "mode infer"))
    if flags.dataset_files and mode not in ("eval", "infer"):
        problems.append(Problem("--dataset_files", f"mode {mode}", "mode eval or infer"))
    problems += [
        Problem(f"--{name}", "a config and its checkpoint", "--exported")
        for name in ("runtime", "precision", "threads")
        if getattr(flags, name) is not None
    ]
    decoding = effective[mode].get("decoder_params") or {} if mode == "infer" else {}
    problems += inference_problems(flags, mode, bool(decoding.get("infer_logits_to_pickle")))
    if flags.engine and group.size > 1:
        problems.append(Problem("--engine", f"{group.size} ranks", "one process: it has its own"))
    if flags.bench_steps < 1:
        problems.append(Problem("--bench_steps", str(flags.bench_steps), "at least 1"))
    if problems:
        raise InputError("The flags do not fit together:", problems)


def _check_task(config: Config, mode: str, flags: argparse.Namespace) -> None:
    """What a language model has no use for."""
    if config.base_model.task != "text":
        return
    if mode == "infer":
        raise InputError(
            "A language model has nothing to transcribe. scripts/rescore.py scores hypotheses "
            "with it; --mode=eval gives its perplexity on text."
        )
    if flags.eval_report:
        problem = Problem("--eval_report", "a language model", "a speech model: it is of errors")
        raise InputError("The flags do not fit together:", [problem])


def _benchmark_params(flags: argparse.Namespace) -> dict[str, Any]:
    """Training parameters for timing: a few steps, nothing printed between, nothing written."""
    never = ("print_samples_steps", "save_summaries_steps", "save_checkpoint_steps", "num_epochs")
    start = {} if flags.bench_start is None else {"bench_start": flags.bench_start}
    return {**dict.fromkeys(never), "print_loss_steps": 1, "max_steps": flags.bench_steps, **start}


def find_checkpoints(job: Job, stack: ExitStack) -> tuple[Path | None, Path | None]:
    """The checkpoint to go on from or to use, and the one of `load_model` if training starts there.

    All that can be wrong with the log directory is found here, before a model is built.

    Args:
      stack: gets the lock of the log directory, which keeps other trainings out of it.

    Raises:
      InputError: the log directory does not fit the run, is another run's, or is damaged; or there
        is no checkpoint.
      RunError: it cannot be written.
    """
    root = job.logdir.root
    if job.trains and not job.flags.benchmark:
        stack.enter_context(held(root))
    checkpoint = _checkpoint(job)
    if not job.flags.benchmark:
        if not job.trains:
            check_folder(root)
        if (root / SUMMARY).exists():
            read_summary(root)
    if checkpoint is not None:
        check_checkpoint(checkpoint, job.trains)
    return checkpoint, _base(job, checkpoint)


def _checkpoint(job: Job) -> Path | None:
    """With --no_dir_check a refused folder is only a warning."""
    flags, logdir = job.flags, job.logdir
    if flags.benchmark:
        return None
    best = bool(job.params.get("restore_best_checkpoint"))
    if not job.trains:
        if flags.checkpoint:
            return named_checkpoint(flags.checkpoint, best, "--checkpoint")
        return checkpoint_to_use(logdir, best)
    try:
        found = checkpoint_to_start_from(logdir, job.mode, flags.continue_learning)
    except InputError as error:
        if not flags.no_dir_check or logdir.root.is_file():
            raise
        say(str(error), level=logging.WARNING)
        found = None
    return named_checkpoint(flags.checkpoint, False, "--checkpoint") if flags.checkpoint else found


def _base(job: Job, checkpoint: Path | None) -> Path | None:
    folder = job.params.get("load_model")
    if not folder:
        return None
    if job.flags.benchmark or not job.trains or checkpoint is not None:
        why = f"goes on from {checkpoint}" if checkpoint else f"does not train from {folder}"
        say(f"load_model has no effect: this run {why}.")
        return None
    return base_checkpoint(folder, bool(job.params.get("restore_best_checkpoint")))
