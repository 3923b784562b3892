"""The modes of the command line: train, train_eval, eval, infer."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from open_seq2seq.config.describe import help_text
from open_seq2seq.config.loading import Config, load_config
from open_seq2seq.config.overrides import Override, apply_overrides, split_arguments
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole
from open_seq2seq.metrics.report import write_report
from open_seq2seq.models.notes import parameter_notes
from open_seq2seq.ops import native
from open_seq2seq.training.console import clock, copied_output, say
from open_seq2seq.training.evaluation import Evaluation, run_inference
from open_seq2seq.training.experiment import (
    Experiment,
    describe_model,
    effective_params,
    make_data_layer,
    make_experiment,
    prepare_decoding,
)
from open_seq2seq.training.inference import write_logits, write_transcripts
from open_seq2seq.training.logdir import LogDir, checkpoint_to_start_from, checkpoint_to_use
from open_seq2seq.training.recognizer import load_weights
from open_seq2seq.training.run_record import config_text, store_old_style_logs, store_run
from open_seq2seq.training.step import EvaluationStep
from open_seq2seq.training.tasks import AnyEvaluation, task_of
from open_seq2seq.training.trainer import Trainer
from open_seq2seq.training.transfer import base_checkpoint, start_from

_AVERAGED = " with averaged weights"
_TITLES = {"train": "Training", "eval": "Evaluation", "infer": "Inference"}


def run(flags: argparse.Namespace, rest: Sequence[str], arguments: Sequence[str]) -> None:
    """Does what the command line says.

    Args:
      flags: the known flags.
      rest: the other arguments, overrides of the config.
      arguments: all of them, as typed, for the record.

    Raises:
      InputError: wrong usage or input.
      RunError: something failed while running.
    """
    overrides = split_arguments(rest)
    config = load_config(flags.config_file)
    if flags.help_params:
        print(_params_help(config, overrides))
        return
    mode = "train" if flags.benchmark else flags.mode
    if mode == "interactive_infer":
        raise InputError(
            "--mode=interactive_infer is used from Python:\n"
            "    from open_seq2seq.training.recognizer import Recognizer\n"
            f"    recognizer = Recognizer.load({flags.config_file!r})\n"
            '    print(recognizer.transcribe(["a.wav"])[0].text)'
        )
    names = ("train", "eval") if mode == "train_eval" else (mode,)
    known = tuple(vars(flags))
    effective = {name: effective_params(config, overrides, name, known) for name in names}
    _check_flags(flags, mode, effective)
    _check_task(config, mode, flags)
    if flags.benchmark:
        _rewrite_for_benchmark(effective["train"], flags)
    elif flags.bench_start is not None and "train" in effective:
        effective["train"]["bench_start"] = flags.bench_start
    logdir = LogDir(Path(effective[names[0]]["logdir"]), flags.enable_logs)
    started = time.monotonic()
    checkpoint = _checkpoint(flags, mode, logdir, effective[names[0]])
    base = _base(flags, mode, effective[names[0]], checkpoint)
    with _records(flags, config, logdir, effective, arguments):
        for name, params in effective.items():
            say(f"{_TITLES[name]} config:\n{config_text(params)}")
        for note in _notes(config, effective):
            say(note)
        if mode in ("train", "train_eval"):
            _train(flags, config, logdir, effective, checkpoint, base)
        elif mode == "eval":
            assert checkpoint is not None
            _eval(flags, config, logdir, effective["eval"], checkpoint)
        else:
            assert checkpoint is not None
            _infer(flags, config, logdir, effective["infer"], checkpoint)
        say(f"Done in {clock(time.monotonic() - started)}.")


def _notes(config: Config, effective: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the run does without although the config asks for it, each said once."""
    schema = config.base_model.PARAMS
    notes = [parameter_notes(schema, params, name) for name, params in effective.items()]
    return list(dict.fromkeys(note for of_mode in notes for note in of_mode))


def _params_help(config: Config, overrides: Sequence[Override]) -> str:
    schema = config.base_model.PARAMS
    params = apply_overrides(config.merged("train"), overrides, schema, "train")
    return help_text(schema, params)


def _check_flags(
    flags: argparse.Namespace, mode: str, effective: Mapping[str, Mapping[str, Any]]
) -> None:
    problems = []
    if mode == "train_eval" and not effective["eval"].get("eval_steps"):
        remedy = "Set eval_steps, or use --mode=train."
        problems.append(Problem("eval_steps", "nothing", "steps between evaluations", remedy))
    for flag in ("eval_report", "eval_summary"):
        if getattr(flags, flag) and mode not in ("eval", "train_eval"):
            problems.append(Problem(f"--{flag}", f"mode {mode}", "mode eval or train_eval"))
    if flags.infer_files and mode != "infer":
        problems.append(Problem("--infer_files", f"mode {mode}", "mode infer"))
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


def _rewrite_for_benchmark(params: dict[str, Any], flags: argparse.Namespace) -> None:
    """Training parameters for timing: a few steps, nothing printed between, nothing written."""
    never = ("print_samples_steps", "save_summaries_steps", "save_checkpoint_steps")
    params.update(dict.fromkeys(never))
    params.update(print_loss_steps=1, num_epochs=None, max_steps=flags.bench_steps)
    if flags.bench_start is not None:
        params["bench_start"] = flags.bench_start


def _checkpoint(
    flags: argparse.Namespace, mode: str, logdir: LogDir, params: Mapping[str, Any]
) -> Path | None:
    """The checkpoint to start from; with --no_dir_check a refused folder is only a warning."""
    if flags.benchmark:
        return None
    if mode in ("eval", "infer"):
        return checkpoint_to_use(logdir, bool(params.get("restore_best_checkpoint")))
    try:
        return checkpoint_to_start_from(logdir, mode, flags.continue_learning)
    except InputError as error:
        if not flags.no_dir_check or logdir.root.is_file():
            raise
        say(f"WARNING: {error}")
        return None


def _base(
    flags: argparse.Namespace, mode: str, params: Mapping[str, Any], checkpoint: Path | None
) -> Path | None:
    """The checkpoint that `load_model` means, if this run starts from it."""
    folder = params.get("load_model")
    if not folder:
        return None
    if flags.benchmark or mode not in ("train", "train_eval") or checkpoint is not None:
        why = f"goes on from {checkpoint}" if checkpoint else f"does not train from {folder}"
        say(f"load_model has no effect: this run {why}.")
        return None
    return base_checkpoint(folder, bool(params.get("restore_best_checkpoint")))


def _records(
    flags: argparse.Namespace,
    config: Config,
    logdir: LogDir,
    effective: Mapping[str, Mapping[str, Any]],
    arguments: Sequence[str],
) -> Any:
    """Stores what the run was started with; with --enable_logs also copies its output."""
    if flags.benchmark:
        return nullcontext()
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    filled = {name: config.base_model.PARAMS.fill(params) for name, params in effective.items()}
    store_run(logdir.root, stamp, config.path, arguments, filled)
    if not flags.enable_logs:
        return nullcontext()
    store_old_style_logs(logdir.root, stamp, arguments, config.path)
    return copied_output(logdir.root, stamp)


def _train(
    flags: argparse.Namespace,
    config: Config,
    logdir: LogDir,
    effective: Mapping[str, Mapping[str, Any]],
    checkpoint: Path | None,
    base: Path | None,
) -> None:
    experiment = make_experiment(effective["train"], config.base_model, "train")
    say(describe_model(experiment.model))
    if native.supported() and not native.library_path().exists():
        say(
            "The C++ kernels are not built: `python -m open_seq2seq.ops.native` makes steps faster."
        )
    if "larc_summaries" in experiment.params["summaries"] and not experiment.params["larc_params"]:
        say("larc_summaries: nothing to write without larc_params.")
    folder = None if flags.benchmark else logdir.root
    _check_data(experiment, experiment.data, "training", flags.skip_bad_rows, folder)
    evaluation_data = None
    if "eval" in effective:
        evaluation_params = config.base_model.PARAMS.fill(effective["eval"])
        evaluation_data = make_data_layer(evaluation_params, "eval")
        prepare_decoding(experiment, evaluation_params)
        _check_data(experiment, evaluation_data, "evaluation", flags.skip_bad_rows, folder)
        experiment.params["eval_steps"] = evaluation_params["eval_steps"]
    if flags.debug_port:
        from open_seq2seq.training.tensorflow_step import enable_debug_dump

        enable_debug_dump(logdir.root / "debug", flags.debug_port)
    target = None if flags.benchmark else logdir
    trainer = Trainer(experiment, target, evaluation_data, flags.use_xla_jit)
    data, lengths = experiment.data, ", ".join(map(str, experiment.data.bucket_lengths))
    task = task_of(experiment.model)
    say(f"{len(data.utterances)} {task.rows} in {data.batches_per_epoch} batches an epoch")
    say(f"Batches are padded to {lengths} {task.steps}; {data.padding_share():.1%} is padding")
    if base is not None:
        say(f"Starting training from the base model {base}")
        start_from(base, experiment)
    elif checkpoint is None:
        say("Starting training from scratch")
    else:
        trainer.resume(checkpoint)
        say(f"Resuming training from {checkpoint}, step {trainer.progress.step}")
    say(trainer.run())
    if trainer.last_evaluation is not None:
        say(trainer.last_evaluation.text())
        _write_report(flags, trainer.last_evaluation, config, effective["eval"])
    if target is not None:
        say(f"Checkpoints and logs are in {target.checkpoints}")


def _eval(
    flags: argparse.Namespace,
    config: Config,
    logdir: LogDir,
    params: Mapping[str, Any],
    checkpoint: Path,
) -> None:
    experiment = make_experiment(params, config.base_model, "eval")
    prepare_decoding(experiment, experiment.params)
    averaged = load_weights(experiment, checkpoint)
    say(f"Evaluating {checkpoint}{_AVERAGED if averaged else ''}")
    _check_data(experiment, experiment.data, "evaluation", flags.skip_bad_rows, logdir.root)
    step = EvaluationStep(experiment.model)
    result = task_of(experiment.model).evaluate(experiment, step, experiment.data)
    say(result.text())
    _write_report(flags, result, config, params)


def _write_report(
    flags: argparse.Namespace, result: AnyEvaluation, config: Config, params: Mapping[str, Any]
) -> None:
    """Writes what --eval_summary and --eval_report ask for."""
    if flags.eval_summary:
        write_whole(flags.eval_summary, json.dumps(result.summary(), indent=1))
    if not flags.eval_report:
        return
    assert isinstance(result, Evaluation)
    files = params["data_layer_params"]["dataset_files"]
    details = {"config": str(config.path), "data": ", ".join(files), "loss": f"{result.loss:.4f}"}
    title = f"Evaluation of {config.path.stem}"
    write_report(flags.eval_report, result.utterances, title, details)
    say(f"The report is in {flags.eval_report}")


def _infer(
    flags: argparse.Namespace,
    config: Config,
    logdir: LogDir,
    params: Mapping[str, Any],
    checkpoint: Path,
) -> None:
    utterances = None
    if flags.infer_files:
        utterances = [Utterance(f, f, None, None, "command line") for f in flags.infer_files]
    experiment = make_experiment(params, config.base_model, "infer", utterances)
    prepare_decoding(experiment, experiment.params)
    averaged = load_weights(experiment, checkpoint)
    say(f"Transcribing with {checkpoint}{_AVERAGED if averaged else ''}")
    data, model = experiment.data, experiment.model
    _check_data(experiment, data, "inference", flags.skip_bad_rows, logdir.root)
    keep_logits = experiment.params["decoder_params"]["infer_logits_to_pickle"]
    step = EvaluationStep(model)
    results, logits = run_inference(model, step, data, experiment.step_size, keep_logits)
    output = Path(flags.infer_output_file)
    if keep_logits:
        step_size, symbols = experiment.step_size, data.vocabulary.symbols
        write_logits(output, data.utterances, logits, step_size, symbols)
    else:
        write_transcripts(output, data.utterances, [result.text for result in results])
    if flags.infer_files:
        for utterance, result in zip(data.utterances, results):
            say(f"{utterance.name}: {result.text}")
    say(f"{len(results)} recordings transcribed; written to {output}")


def _check_data(
    experiment: Experiment, data: Any, what: str, skip_bad_rows: bool, folder: Path | None
) -> None:
    """Checks the manifest. Bad rows end the run or are dropped; what is left out is listed."""
    report = data.check(experiment.model.output_length)
    for note in report.notes:
        say(f"{what.capitalize()} data: {note}")
    if report.problems and not skip_bad_rows:
        raise InputError(
            f"{len(report.problems)} problems in the {what} data (--skip_bad_rows goes on "
            "without these rows):",
            report.problems,
        )
    if report.problems:
        data.drop(report)
        say(f"{len(report.problems)} problems in the {what} data; these rows are left out")
    if (report.problems or report.filtered) and folder is not None:
        path = folder / f"left_out_{what}.txt"
        report.write(path)
        say(f"Rows of the {what} data that are left out are listed in {path}")
