"""What a command line with `--exported` asks for: the folder, how it decodes, and the data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from open_seq2seq.commands.parts_inference import inference_problems
from open_seq2seq.config.overrides import apply_overrides, split_arguments
from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.data.normalization import NORMALIZATION
from open_seq2seq.distributed.launch import launched
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported import ExportedModel
from open_seq2seq.inference.exported import PARAMS as FOLDER_PARAMS
from open_seq2seq.inference.exported import ExportedFolder
from open_seq2seq.inference.model_choice import choose_model, fitting_models
from open_seq2seq.inference.runtimes import is_installed
from open_seq2seq.transcripts import text_format
from open_seq2seq.transcripts.formats import JSON_LINES

ALL = "all"
MODES = ("eval", "infer")
_DATA = "data_layer_params"
# Of the data layer's parameters, what recordings and transcripts need where there is no config.
_PARAMS = Schema(
    _DATA,
    [
        Param("dataset_files", list, "Manifests.", [], item=Param("file", str, "A manifest.")),
        NORMALIZATION,
        Param("min_duration", (float, type(None)), "Leave out what is shorter, in seconds.", None),
        Param("max_duration", (float, type(None)), "Leave out what is longer, in seconds.", None),
    ],
)
# All that can be overridden then.
PARAMS = Schema(
    "exported model", [*FOLDER_PARAMS.params, Param(_DATA, dict, "The data.", {}, schema=_PARAMS)]
)
# Hypotheses of beam search in JSON lines, unless it is said how many.
_NBEST = 10


@dataclass(frozen=True)
class ExportedJob:
    """A command line with `--exported`, checked.

    Args:
      flags: those that are no parameters.
      folder: with the decoder's parameters.
      data_params: `dataset_files`, `text_normalization`, `min_duration`, `max_duration`.
    """

    flags: argparse.Namespace
    folder: ExportedFolder
    data_params: Params

    @property
    def described(self) -> ExportedModel:
        """The folder's description."""
        return self.folder.described

    def recordings(self, with_transcripts: bool) -> ManifestRecordings:
        """The recordings of the manifests, or those that the command line names.

        Raises:
          InputError: a manifest cannot be used, or there is none.
        """
        params, files = self.data_params, self.flags.infer_files
        if files:
            rows: Sequence[Utterance] = [
                Utterance(one, one, None, None, "command line") for one in files
            ]
        elif params["dataset_files"]:
            rows = read_manifests(params["dataset_files"], with_transcripts)
        else:
            expected = "--dataset_files, --config_file or, in mode infer, --infer_files"
            problem = Problem("--exported", "no recordings", expected)
            raise InputError("The command line is not complete:", [problem])
        return ManifestRecordings(
            rows,
            self.described.sample_freq,
            params["text_normalization"],
            *(None if files else params[name] for name in ("min_duration", "max_duration")),
        )

    def models(self) -> tuple[list[str], list[str]]:
        """The names of the models to run, and of those whose runtime is not installed.

        Raises:
          InputError: there is none.
        """
        runtime, precision = self.flags.runtime, self.flags.precision
        if ALL not in (runtime, precision):
            return [choose_model(self.described, runtime, precision)], []
        wanted = [None if one == ALL else one for one in (runtime, precision)]
        names = fitting_models(self.described, *wanted)
        there = [name for name in names if is_installed(self.described.files[name].runtime or "")]
        if not there:
            there = [choose_model(self.described, *wanted)]  # says what is missing
        return there, [name for name in names if name not in there]


def read_exported_job(flags: argparse.Namespace, rest: Sequence[str]) -> ExportedJob:
    """Reads the folder and, if there is one, the config.

    Args:
      flags: those of run.py.
      rest: overrides of the config's parameters or, without one, of the folder's.

    Raises:
      InputError: the command line, the config or the folder cannot be used, or they do not belong
        together.
    """
    _check_flags(flags)
    job = _with_config(flags, rest) if flags.config_file else _without_config(flags, rest)
    if flags.mode == "infer" and text_format(flags.infer_output_file or "") is JSON_LINES:
        decoder = job.folder.params["decoder_params"]
        if decoder["nbest"] == 1 and not any("decoder_params/nbest" in one for one in rest):
            params = {**job.folder.params, "decoder_params": {**decoder, "nbest": _NBEST}}
            job = replace(job, folder=replace(job.folder, params=params))
    if flags.dataset_files:
        data = {**job.data_params, "dataset_files": flags.dataset_files}
        job = replace(job, data_params=data)
    return job


def _check_flags(flags: argparse.Namespace) -> None:
    problems = []
    if flags.mode == "interactive_infer":
        raise InputError(
            "--mode=interactive_infer is used from Python:\n"
            "    from open_seq2seq import Recognizer\n"
            f"    recognizer = Recognizer.load({flags.exported!r})\n"
            '    print(recognizer.transcribe(["a.wav"])[0].text)'
        )
    if flags.mode not in MODES or flags.benchmark:
        found = "--benchmark" if flags.benchmark else f"mode {flags.mode}"
        problems.append(Problem("--exported", found, f"mode {' or '.join(MODES)}"))
    for name, needed in (
        ("eval_report", "eval"),
        ("eval_summary", "eval"),
        ("infer_files", "infer"),
        ("overwrite", "infer"),
    ):
        if getattr(flags, name) and flags.mode != needed and not problems:
            problems.append(Problem(f"--{name}", f"mode {flags.mode}", f"mode {needed}"))
    problems += inference_problems(flags, flags.mode, False)
    for name in ("checkpoint", "continue_learning", "enable_logs"):
        if getattr(flags, name):
            problems.append(Problem(f"--{name}", "--exported too", "one of them"))
    if launched().size > 1:
        found = f"{launched().size} processes"
        problems.append(Problem("--exported", found, "one, with --threads for its cores"))
    several = ALL in (flags.runtime, flags.precision)
    for name in ("runtime", "precision"):
        if getattr(flags, name) == ALL and flags.mode == "infer":
            problems.append(Problem(f"--{name}", ALL, f"one {name}"))
    if several and flags.eval_report:
        remedy = "--eval_summary writes the figures of all models."
        problems.append(Problem("--eval_report", "several models", "one", remedy))
    if flags.threads is not None and flags.threads < 1:
        problems.append(Problem("--threads", str(flags.threads), "at least 1"))
    if problems:
        raise InputError("The flags do not fit together:", problems)


def _without_config(flags: argparse.Namespace, rest: Sequence[str]) -> ExportedJob:
    overrides = split_arguments(rest)
    of_data = [one for one in overrides if one.path[0] == _DATA]
    others = [one for one in overrides if one not in of_data]
    folder = ExportedFolder.open(flags.exported, others, flags.mode)
    given = {_DATA: {"text_normalization": folder.described.text_normalization}}
    apply_overrides(given, of_data, PARAMS, flags.mode)
    problems = PARAMS.problems(given)
    if problems:
        raise InputError("The parameters are not valid:", problems)
    return ExportedJob(flags, folder, PARAMS.fill(given)[_DATA])


def _with_config(flags: argparse.Namespace, rest: Sequence[str]) -> ExportedJob:
    """Data and decoding are the config's, as with a checkpoint."""
    from open_seq2seq.config.loading import load_config
    from open_seq2seq.experiment import effective_params
    from open_seq2seq.inference.trained import with_config_paths

    config = load_config(flags.config_file)
    if config.base_model.task != "speech":
        problem = Problem(str(config.path), "a language model", "the config of a speech model")
        raise InputError("There is nothing to transcribe:", [problem])
    params = effective_params(config, split_arguments(rest), flags.mode, tuple(vars(flags)))
    filled = config.base_model.PARAMS.fill(params)
    described = ExportedModel.read(flags.exported)
    _check_compatibility(described, filled[_DATA], flags.exported)
    own: dict[str, Any] = {
        "decoder_params": with_config_paths(filled["decoder_params"]),
        "segmentation": filled["segmentation"],
    }
    data = {name: filled[_DATA][name] for name in _PARAMS.by_name}
    return ExportedJob(flags, ExportedFolder(Path(flags.exported), described, own), data)


def _check_compatibility(described: ExportedModel, data: Params, folder: str) -> None:
    """Raises InputError where symbols or features are not the config's."""
    from open_seq2seq.checkpoints.metadata import check_compatibility
    from open_seq2seq.data.text import load_vocabulary
    from open_seq2seq.features.extractor import FeatureExtractor
    from open_seq2seq.features.fingerprint import check_fingerprint

    fingerprint = described.front_end["fingerprint"]
    extractor = FeatureExtractor(data).with_stored_statistics(fingerprint)
    check_compatibility(
        {"vocabulary": described.symbols, "features": fingerprint},
        load_vocabulary(data["vocab_file"], data["bpe"], data["symbol_separator"]).symbols,
        lambda stored: check_fingerprint(stored, extractor.fingerprint()),
        folder,
    )
