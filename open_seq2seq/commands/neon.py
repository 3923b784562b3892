"""The commands of Nervana's neon Deep Speech, `train.py` and `evaluate.py`, as `run.py`'s.

Source of their arguments and output: github.com/NervanaSystems/deepspeech, speech/. Each becomes
a command line of `run.py`, which does the work.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.checkpoints.storage import latest_checkpoint
from open_seq2seq.commands.stored_run import StoredRun, logdir_of, stored_run
from open_seq2seq.config.loading import load_config
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported import DESCRIPTION
from open_seq2seq.files import write_whole
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.training.transfer import named_checkpoint

DEFAULT_CONFIG = Path(__file__).parents[2] / "example_configs/speech2text/deepspeech_neon.py"
_RULE = "-" * 80


def evaluation_command(
    flags: argparse.Namespace, rest: Sequence[str], run_parser: argparse.ArgumentParser
) -> list[str]:
    """The arguments of `run.py` for those of `evaluate.py`.

    Args:
      flags: manifest, model_file, config_file and batch_size of `evaluate.py`.
      rest: its other arguments, which are for `run.py`.
      run_parser: `run.py`'s, which knows its flags from overrides.

    Raises:
      InputError: manifests, model or config cannot be used.
    """
    manifests, problems = _manifests(flags.manifest, ("val",), ("val",))
    problems += _missing(flags, "model_file")
    if problems:
        raise InputError("The command line is not complete:", problems)
    if (Path(flags.model_file) / DESCRIPTION).is_file():
        config = [f"--config_file={flags.config_file}"] if flags.config_file else []
        data = ["--dataset_files", *manifests["val"]]
        return [*config, "--mode=eval", f"--exported={flags.model_file}", *data, *rest]
    checkpoint = named_checkpoint(flags.model_file, True, "--model_file")
    run = stored_run(checkpoint, run_parser)
    command = _config_arguments(flags.config_file, run, checkpoint)
    _check_is_speech(command[0].partition("=")[2])
    root = run.logdir if run else logdir_of(checkpoint)
    command += ["--mode=eval", f"--logdir={root}", f"--checkpoint={flags.model_file}"]
    command.append(f"--eval_params/data_layer_params/dataset_files={manifests['val']!r}")
    if flags.batch_size is not None:
        command.append(f"--eval_batch_size_per_gpu={flags.batch_size}")
    return [*command, *rest]


def training_command(
    flags: argparse.Namespace, rest: Sequence[str], run_parser: argparse.ArgumentParser
) -> list[str]:
    """The arguments of `run.py` for those of `train.py`.

    Args:
      flags: manifest, save, epochs, batch_size, model_file and config_file of `train.py`.
      rest, run_parser: as for `evaluation_command`.

    Raises:
      InputError: manifests, model or config cannot be used.
    """
    manifests, problems = _manifests(flags.manifest, ("train", "val"), ("train",))
    problems += _missing(flags, "save")
    if problems:
        raise InputError("The command line is not complete:", problems)
    checkpoint = run = None
    if flags.model_file:
        checkpoint = named_checkpoint(flags.model_file, False, "--model_file")
        run = stored_run(checkpoint, run_parser)
    default = None if checkpoint else DEFAULT_CONFIG
    command = _config_arguments(flags.config_file or default, run, checkpoint)
    mode = "train_eval" if "val" in manifests else "train"
    command += [f"--mode={mode}", f"--logdir={flags.save}"]
    if checkpoint:
        command += _going_on(checkpoint, flags.save, run)
    for kind, params in (("train", "train_params"), ("val", "eval_params")):
        if kind in manifests:
            command.append(f"--{params}/data_layer_params/dataset_files={manifests[kind]!r}")
    if flags.epochs is not None:
        # Another limit, of the config, would not fit to it.
        command += [f"--num_epochs={flags.epochs}", "--max_steps=None"]
    if flags.batch_size is not None:
        command.append(f"--batch_size_per_gpu={flags.batch_size}")
    return [*command, *rest]


def report_evaluation(result: Evaluation, use_wer: bool, inference_file: str | None) -> None:
    """Prints an error rate as neon's `evaluate.py`, and writes its pickle.

    The rate is that of the data set: errors by words (or characters) of all utterances together.
    neon printed the mean of the utterances' own rates.

    Args:
      use_wer: of words, not of characters.
      inference_file: gets a pickle of ([(hypothesis, reference), ...], rate); None: nowhere.
    """
    rate = result.errors.words.rate if use_wer else result.errors.characters.rate
    print(f"\n{_RULE}\n{'wer' if use_wer else 'cer'} = {rate}\n{_RULE}\n")
    if inference_file:
        pairs = [(utterance.hypothesis, utterance.reference) for utterance in result.utterances]
        write_whole(inference_file, pickle.dumps((pairs, float(rate))))
        print(f"Saved inference results to {inference_file}")


def _manifests(
    given: Sequence[str] | None, kinds: Sequence[str], required: Sequence[str]
) -> tuple[dict[str, list[str]], list[Problem]]:
    """The manifests by kind, and what is wrong with `--manifest`."""
    expected = " or ".join(f"{kind}:PATH" for kind in kinds)
    manifests: dict[str, list[str]] = {}
    problems = []
    for argument in given or ():
        kind, separator, path = argument.partition(":")
        if separator and kind in kinds and path:
            manifests.setdefault(kind, []).append(path)
        else:
            problems.append(Problem("--manifest", repr(argument), expected))
    problems += [
        Problem("--manifest", f"none of {kind}", f"--manifest {kind}:PATH")
        for kind in required
        if kind not in manifests
    ]
    return manifests, problems


def _missing(flags: argparse.Namespace, name: str) -> list[Problem]:
    if getattr(flags, name):
        return []
    model = "a log directory, a checkpoint in it, or an exported model"
    meaning = {"model_file": model, "save": "a log directory"}
    return [Problem(f"--{name}", "nothing", meaning[name])]


def _config_arguments(
    given: str | Path | None, run: StoredRun | None, checkpoint: Path | None
) -> list[str]:
    """`--config_file`, and of a stored config the overrides that were used with it."""
    if given:
        return [f"--config_file={given}"]
    if run:
        logs = ["--enable_logs"] if run.enable_logs else []
        return [f"--config_file={run.config}", *logs, *run.overrides]
    found = "no record of the run beside it"
    remedy = "Give its config with --config_file."
    problem = Problem(f"--model_file {checkpoint}", found, "run_*.json and config_*.py", remedy)
    raise InputError("The model's config is not known:", [problem])


def _check_is_speech(config: str) -> None:
    if load_config(config).base_model.task == "text":
        problem = Problem(config, "a language model", "the config of a speech model")
        raise InputError("There is nothing to transcribe:", [problem])


def _going_on(checkpoint: Path, save: str, run: StoredRun | None) -> list[str]:
    """How `run.py` is told to train on from a checkpoint: in its log directory, or in another."""
    if Path(save).resolve() != logdir_of(checkpoint):
        return [f"--checkpoint={checkpoint}"]
    folder = checkpoint.resolve().parent
    newest = latest_checkpoint(folder.parent if folder.name == "best_models" else folder)
    if newest != checkpoint.resolve():
        found = f"not the newest checkpoint of --save, {newest}"
        remedy = "Name the log directory only, or save to a new one."
        problem = Problem(f"--model_file {checkpoint}", found, "the newest", remedy)
        raise InputError("Training cannot go on in this log directory:", [problem])
    return ["--continue_learning"]
