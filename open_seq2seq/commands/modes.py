"""The modes of the command line: train, train_eval, eval, infer."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from open_seq2seq.checkpoints.storage import read_metadata, read_state
from open_seq2seq.commands.evaluation_report import write_results
from open_seq2seq.commands.inference import transcribe_all
from open_seq2seq.commands.job import Job, find_checkpoints, read_job
from open_seq2seq.commands.outputs import check_each, check_results
from open_seq2seq.commands.parts_inference import Worker, infer_in_parts
from open_seq2seq.commands.run_summary import (
    TrainingSummary,
    add_evaluation,
    add_logits,
    step_of,
)
from open_seq2seq.commands.start import Start
from open_seq2seq.config.describe import help_text
from open_seq2seq.config.loading import Config, load_config
from open_seq2seq.config.overrides import Override, apply_overrides, split_arguments
from open_seq2seq.console import ProgressBar, be_quiet, clock, say
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.protocols import SpeechDataLayer, SpeechRecordings
from open_seq2seq.distributed.devices import split_cpu
from open_seq2seq.distributed.process_group import ALONE
from open_seq2seq.distributed.start import start_process_group
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.experiment import (
    Experiment,
    describe_model,
    make_data_layer,
    make_experiment,
)
from open_seq2seq.files import is_standard_output, write_whole
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.inference.weights import load_weights
from open_seq2seq.messages import RESULT
from open_seq2seq.models.precision import AUTO
from open_seq2seq.ops import native
from open_seq2seq.runs.record import VARIABLES, config_text
from open_seq2seq.runs.summary import read_curve
from open_seq2seq.training.device_line import device_line
from open_seq2seq.training.feature_statistics import prepare_statistics
from open_seq2seq.training.left_out import LeftOutList, recordings
from open_seq2seq.training.loggers import check_loggers
from open_seq2seq.training.outlook import Longer, outlook
from open_seq2seq.training.tasks import AnyEvaluation, task_of
from open_seq2seq.training.trainer import Trainer
from open_seq2seq.training.transfer import start_from

_AVERAGED = " with averaged weights"
_TITLES = {"train": "Training", "eval": "Evaluation", "infer": "Inference"}


def run(
    flags: argparse.Namespace, rest: Sequence[str], arguments: Sequence[str]
) -> AnyEvaluation | None:
    """Does what the command line says.

    Args:
      flags: the known flags.
      rest: the other arguments, overrides of the config.
      arguments: all of them, as typed, for the record.

    Returns:
      The result of mode eval, at the first worker.

    Raises:
      InputError: wrong usage or input.
      RunError: something failed while running.
    """
    if flags.help_params:
        print(_params_help(load_config(flags.config_file), split_arguments(rest)))
        return None
    split_cpu()
    group = start_process_group()
    if not group.is_rank_zero:
        be_quiet()
    job = group.all_or_none(lambda: read_job(flags, rest, arguments, group))
    started = time.monotonic()
    with ExitStack() as stack:
        start = stack.enter_context(Start(job))
        # Once, before anything is written: what one worker finds here counts for all.
        checkpoint, base = group.run_on_rank_zero(lambda: find_checkpoints(job, stack))
        output = group.run_on_rank_zero(lambda: check_results(flags, job.mode, _keeps_logits(job)))
        say(f"{job.config.path}, mode {job.mode}; log directory {job.logdir.root}")
        say(device_line(job.devices, group.size))
        for name, params in job.effective.items():
            say(f"{_TITLES[name]} config:\n{config_text(params)}", level=logging.DEBUG)
        for note in job.notes():
            say(note)
        result = None
        if job.trains:
            _train(job, start, checkpoint, base)
        else:
            assert checkpoint is not None
            if job.mode == "eval":
                result = _eval(job, start, checkpoint)
            else:
                _infer(job, start, checkpoint, output)
        say(f"Done in {clock(time.monotonic() - started)}.")
    return result


def _params_help(config: Config, overrides: Sequence[Override]) -> str:
    schema = config.base_model.PARAMS
    params = apply_overrides(config.merged("train"), overrides, schema, "train")
    return help_text(schema, params)


def _train(job: Job, start: Start, checkpoint: Path | None, base: Path | None) -> None:
    flags, group = job.flags, job.group
    check_loggers(job.filled["train"]["loggers"])
    dtype = group.run_on_rank_zero(lambda: _dtype(job, checkpoint))
    experiment = make_experiment(
        {**job.params, "dtype": dtype},
        job.config.base_model,
        "train",
        group=group,
        devices=job.devices,
    )
    task = task_of(experiment.model)
    _describe_model(job, start, experiment)
    if native.missing():
        say(
            "The C++ kernels are not built: `python -m open_seq2seq.ops.native` makes steps faster."
        )
    if "larc_summaries" in experiment.params["summaries"] and not experiment.params["larc_params"]:
        say("larc_summaries: nothing to write without larc_params.")
    _check_data(job, start, experiment, experiment.data, "training")
    evaluator = evaluation_data = None
    if "eval" in job.effective:
        evaluation_params = job.filled["eval"]
        evaluation_data = make_data_layer(evaluation_params, "eval", group=group)
        _check_data(job, start, experiment, evaluation_data, "evaluation")
        # Training is what evaluates, as often as mode eval's parameters say.
        own = {"eval_steps": evaluation_params["eval_steps"]}
        experiment = replace(experiment, params={**experiment.params, **own})
    if experiment.model.task == "speech":
        note = prepare_statistics(experiment.speech_data, evaluation_data, checkpoint, base, group)
        if note:
            say(note)
    if evaluation_data is not None:
        evaluator = group.all_or_none(
            lambda: task.evaluator(experiment, evaluation_params, evaluation_data)
        )
    target = None if flags.benchmark else job.logdir
    trainer = Trainer(experiment, target, evaluator, flags.use_xla_jit, group, ProgressBar)
    data, lengths = experiment.data, ", ".join(map(str, experiment.data.bucket_lengths))
    say(f"{len(data.utterances)} {task.rows} in {data.batches_per_epoch} batches an epoch")
    say(f"Batches are padded to {lengths} {task.steps}; {data.padding_share():.1%} is padding")
    if base is not None:
        say(f"Starting training from the base model {base}")
        # The other ranks get the variables when training begins.
        group.run_on_rank_zero(lambda: start_from(base, experiment))
    elif checkpoint is None:
        say("Starting training from scratch")
    else:
        trainer.state.resume(checkpoint)
        say(f"Resuming training from {checkpoint}, step {trainer.state.progress.step}")
    start.begin()
    if flags.debug_port and group.is_rank_zero:
        from open_seq2seq.training.step.tensorflow_step import enable_debug_dump

        enable_debug_dump(job.logdir.root / "debug", flags.debug_port)
    summary = TrainingSummary(job, trainer, evaluation_data)
    try:
        say(trainer.run(), level=RESULT)
    except BaseException:
        with suppress(OpenSeq2SeqError):  # what ended training is what has to be said
            summary.finish()
        raise
    summary.finish()
    if trainer.last_evaluation is not None:
        say(trainer.last_evaluation.text(), level=RESULT)
        assert evaluator is not None and trainer.validation is not None
        average = trainer.validation.average
        weights = f"the last of this training{_AVERAGED if average else ''}"
        step, evaluated = trainer.state.progress.step, trainer.last_evaluation
        write_results(job, evaluated, evaluator, evaluation_params, weights, step, average)
        if target is not None:
            _say_outlook(job, trainer)
    if target is not None:
        say(f"Checkpoints and logs are in {target.checkpoints}", level=RESULT)


def _say_outlook(job: Job, trainer: Trainer) -> None:
    """Whether the run ended too early, and the command that goes on."""
    params, curve = trainer.params, read_curve(job.logdir.checkpoints)
    longer = Longer(
        params,
        trainer.state.last_step,
        trainer.steps_per_epoch,
        trainer.state.progress.ahead,
        trainer.rate_factor,
    )
    for line in outlook(curve, longer, job.arguments, job.program):
        say(line)


def _dtype(job: Job, checkpoint: Path | None) -> str:
    """What training computes in: a run that goes on keeps what was chosen when it began."""
    dtype: str = job.filled["train"]["dtype"]
    if checkpoint is None or dtype != AUTO:
        return dtype
    return str(read_state(checkpoint).get("dtype", dtype))


def _describe_model(job: Job, start: Start, experiment: Experiment) -> None:
    """How large it is; its variables go into a file, or --verbose shows them."""
    variables, total = describe_model(experiment.model)
    say(f"Trainable variables:\n{variables}", level=logging.DEBUG)
    start.later(lambda: write_whole(job.logdir.root / VARIABLES, f"{variables}\n"))
    where = f" ({VARIABLES} and parameters_*.txt in the log directory, or --verbose)"
    where = "" if job.flags.benchmark else where
    say(f"Total trainable parameters: {total:,}{where}")


def _trained(job: Job, checkpoint: Path, utterances: Any = None) -> tuple[Experiment, str]:
    """The experiment of a mode that does not train, with a checkpoint's weights in all workers.

    Returns: it, and what to say of the weights.
    """
    group = job.group
    experiment = make_experiment(
        job.params, job.config.base_model, job.mode, utterances, group=group
    )
    trained = group.run_on_rank_zero(lambda: read_metadata(checkpoint))
    experiment.data.restore_statistics(trained["features"])
    averaged = group.run_on_rank_zero(lambda: load_weights(experiment, checkpoint))
    experiment.trained_on = group.run_on_rank_zero(lambda: experiment.trained_on)
    group.broadcast_variables(experiment.model.variables)
    return experiment, f"{checkpoint}{_AVERAGED if averaged else ''}"


def _eval(job: Job, start: Start, checkpoint: Path) -> AnyEvaluation | None:
    experiment, source = _trained(job, checkpoint)
    task = task_of(experiment.model)
    evaluator = job.group.all_or_none(
        lambda: task.evaluator(experiment, experiment.params, experiment.data)
    )
    say(f"Evaluating {source}")
    _check_data(job, start, experiment, experiment.data, "evaluation")
    start.begin()
    result = evaluator.evaluate(ProgressBar, group=job.group)
    if result is not None:
        say(result.text(), level=RESULT)
        add_evaluation(job, experiment, checkpoint, result)
        write_results(job, result, evaluator, experiment.params, source, step_of(checkpoint))
    problems = [one.problem for one in result.left_out] if isinstance(result, Evaluation) else []
    job.group.run_on_rank_zero(lambda: _say_left_out(job, problems, "evaluation"))
    return result


def _say_left_out(job: Job, problems: Sequence[Problem], what: str) -> None:
    """Lists the recordings that could not be read, though their headers could.

    Raises:
      InputError: there are some, and no --skip_bad_rows.
    """
    if not problems:
        return
    listed = LeftOutList(job.logdir.root / f"left_out_{what}.txt")
    listed.add(problems, f"mode {job.mode}")
    count = f"{recordings(len(problems))} could not be read"
    if not job.flags.skip_bad_rows:
        raise InputError(
            f"{count}; the results are of the others (with --skip_bad_rows this is no error). The "
            f"list is in {listed.path}:",
            problems,
        )
    say(f"{count}: left out, and listed in {listed.path}")


def _infer(job: Job, start: Start, checkpoint: Path, output: Path | None) -> None:
    files = job.flags.infer_files
    utterances = files and [Utterance(f, f, None, None, "command line") for f in files]
    experiment, source = _trained(job, checkpoint, utterances)
    recognizer = job.group.all_or_none(lambda: Recognizer.of(experiment))
    say(f"Transcribing with {source}")
    _check_data(job, start, experiment, experiment.data, "inference")
    if job.flags.engine:
        start.begin()
        _infer_in_parts(job, checkpoint, experiment)
        return
    names = [utterance.name for utterance in experiment.data.utterances]
    if output is not None:
        job.group.run_on_rank_zero(lambda: check_each(output, names, job.flags.overwrite))
    start.begin()
    # A table on standard output has nothing between its lines.
    shows = bool(files) and not (output is not None and is_standard_output(output))
    keep_logits = _keeps_logits(job)
    count, problems = transcribe_all(
        recognizer, experiment.speech_data, output, job.group, shows, keep_logits
    )
    if job.group.is_rank_zero:
        if output is not None and keep_logits:
            add_logits(job, experiment, checkpoint, output)
        where = f"; written to {output}" if output is not None else ""
        say(f"{recordings(count)} transcribed{where}")
    job.group.run_on_rank_zero(lambda: _say_left_out(job, problems, "inference"))


def _infer_in_parts(job: Job, checkpoint: Path, experiment: Experiment) -> None:
    make = partial(_worker, job.flags, job.rest, job.arguments, checkpoint)
    described = f"{checkpoint.resolve()}\n{config_text(job.params)}"
    data = experiment.speech_data
    count, problems = infer_in_parts(job.flags, make, described, data.utterances)
    say(f"{recordings(count)} transcribed; written to {job.flags.parts}")
    _say_left_out(job, problems, "inference")


def _worker(
    flags: argparse.Namespace, rest: Sequence[str], arguments: Sequence[str], checkpoint: Path
) -> Worker:
    """What transcribes in a process of an engine."""
    job = read_job(flags, rest, arguments, ALONE)
    experiment, _ = _trained(job, checkpoint, [])
    trained = read_metadata(checkpoint)["features"]

    def recordings_of(utterances: Sequence[Utterance]) -> SpeechRecordings:
        data: SpeechDataLayer = make_data_layer(experiment.params, "infer", utterances)
        data.restore_statistics(trained)
        return data

    return Worker(Recognizer.of(experiment), recordings_of)


def _keeps_logits(job: Job) -> bool:
    """Whether mode infer writes logits."""
    return bool((job.params.get("decoder_params") or {}).get("infer_logits_to_pickle"))


def _check_data(job: Job, start: Start, experiment: Experiment, data: Any, what: str) -> None:
    """Checks the manifest. Bad rows end the run or are dropped; what is left out is listed."""
    report = job.group.run_on_rank_zero(lambda: _checked(job, start, experiment, data, what))
    if report.problems:
        data.drop(report)


def _checked(job: Job, start: Start, experiment: Experiment, data: Any, what: str) -> Any:
    """The report of a check that lets the run go on."""
    report = data.check(experiment.model.output_length)
    for note in report.notes:
        say(f"{what.capitalize()} data: {note}")
    if report.problems and not job.flags.skip_bad_rows:
        raise InputError(
            f"{_problems(report)} in the {what} data (--skip_bad_rows goes on without these rows):",
            report.problems,
        )
    if report.problems:
        say(f"{_problems(report)} in the {what} data; these rows are left out")
    path = None if job.flags.benchmark else job.logdir.root / f"left_out_{what}.txt"
    start.later(lambda: _list_left_out(path, report, what, job.flags.continue_learning))
    return report


def _problems(report: Any) -> str:
    count = len(report.problems)
    return "1 problem" if count == 1 else f"{count} problems"


def _list_left_out(path: Path | None, report: Any, what: str, goes_on: bool) -> None:
    if LeftOutList(path).start(report, goes_on):
        say(f"Rows of the {what} data that are left out are listed in {path}")
