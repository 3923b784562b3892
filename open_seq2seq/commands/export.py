"""Exports a trained model: a folder that runs without TensorFlow, Keras or the training code.

open-seq2seq export --config_file=my.py --output=my_model
open-seq2seq export --config_file=my.py --logdir=runs/my --formats onnx --output=my_model
open-seq2seq export --config_file=my.py --checkpoint=runs/mean --lm=lm.binary --output=my_model

Each file takes samples and gives log-probabilities, of recordings of any length; it is run and
compared with the trained model before it counts. A neural language model becomes model.onnx, from
tokens to log-probabilities of the next one. Then: open_seq2seq.Recognizer.load("my_model"),
or `--mode=eval` and `--mode=infer` with `--exported=my_model`. See docs/export.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.config.loading import Config, load_config
from open_seq2seq.config.overrides import Override, split_arguments
from open_seq2seq.console import say
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.vocabulary import is_separated

_FORMATS = ("onnx", "litert", "saved_model", "openvino")
_KINDS = ("none", "dynamic_int8", "static_int8", "float16", "bfloat16")
_INT8 = {"dynamic_int8", "static_int8"}
_TABLE = "{:32} {:12} {:10} {:>9} {:>11} {:>8} {:>8}"
_RATES = " {:>8} {:>8}"


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags, rest = _parser(prog).parse_known_args(arguments)
    try:
        _export(flags, rest)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _parser(prog: str | None) -> argparse.ArgumentParser:
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--config_file", "--config", required=True, help="the Python config module")
    add("--checkpoint", metavar="FOLDER", help="instead of the log directory's newest (or best)")
    add("--enable_logs", action="store_true", help="the run was started with --enable_logs")
    add("--output", required=True, type=Path, metavar="DIR", help="the folder to write")
    add("--overwrite", action="store_true", help="replace a folder that is there")
    add(
        "--formats",
        nargs="+",
        choices=_FORMATS,
        help="if not given: all whose packages are installed",
    )
    add("--lm", type=Path, metavar="FILE", help="a KenLM binary or ARPA file for the decoder")
    add(
        "--lexicon",
        type=Path,
        metavar="FILE",
        help="words that may be recognised, a line each, with their pronunciations or without",
    )
    add(
        "--manifest",
        nargs="+",
        metavar="FILE",
        help="recordings to compare on; those of the config's evaluation, if not given",
    )
    add(
        "--quantize",
        nargs="+",
        choices=_KINDS,
        default=["none"],
        help="what is written of each format (without --formats: of those that have it); "
        "none: float32, alone if not given",
    )
    add(
        "--calibration_manifest",
        nargs="+",
        metavar="FILE",
        help="recordings to find the ranges of int8 with; those of training, if not given",
    )
    add(
        "--eval_manifest",
        nargs="+",
        metavar="FILE",
        help="recordings with transcripts: WER and CER of each model on them, greedy",
    )
    return parser


def _export(flags: argparse.Namespace, rest: Sequence[str]) -> None:
    files = {"lm_path": flags.lm, "lexicon_path": flags.lexicon}
    files = {key: path for key, path in files.items() if path is not None}
    for path in files.values():
        if not path.is_file():
            raise InputError("Nothing is exported:", [Problem(str(path), "no file", "a file")])
    config = load_config(flags.config_file)
    overrides = split_arguments(rest)
    if config.base_model.task == "speech":
        _export_speech(flags, config, overrides, files)
    else:
        _export_text(flags, config, overrides, files)


def _export_speech(
    flags: argparse.Namespace,
    config: Config,
    overrides: Sequence[Override],
    files: Mapping[str, Path],
) -> None:
    from open_seq2seq.experiment import effective_params
    from open_seq2seq.export.exporter import Export
    from open_seq2seq.export.recordings import speech_of

    experiment, origin = _trained(flags, config, overrides, "interactive_infer")
    data = experiment.speech_data
    rate = data.extractor.options.sample_freq

    def of_config(mode: str) -> list[str]:
        params = effective_params(config, overrides, mode, tuple(vars(flags)))
        filled = config.base_model.PARAMS.fill(params)
        return list(filled["data_layer_params"]["dataset_files"] or [])

    speech = speech_of(flags.manifest or of_config("eval"), rate)
    recordings: Sequence[Any] = ()
    if _INT8.intersection(flags.quantize):
        recordings = _calibration(flags.calibration_manifest, of_config, rate)
    evaluation = None
    if flags.eval_manifest:
        evaluation = _evaluation(flags.eval_manifest, rate, data.params["text_normalization"])
    export = Export(experiment, speech, files, origin, recordings, evaluation)
    say(f"Exports {origin['checkpoint']} to {flags.output}")
    head = ("file", "runtime", "precision", "MB", "difference", "texts", "RTF")
    label = "PER" if is_separated(data.vocabulary.symbols) else "WER"
    say(_TABLE.format(*head) + (_RATES.format(label, "CER") if evaluation else ""))
    if "none" not in flags.quantize:
        _show_trained(export)
    export.write(flags.output, flags.formats, flags.overwrite, _show, flags.quantize)
    for problem in export.stream_problems():
        say(f"No stream: {problem}")
    say(
        "difference: of log-probabilities, the largest; texts: transcripts that are equal; "
        "RTF: seconds of computing for a second of audio, one thread"
    )


def _evaluation(
    manifests: Sequence[str], sample_freq: int, normalization: str | None
) -> ManifestRecordings:
    """Recordings with transcripts, all of which can be used as far as their headers tell."""
    from open_seq2seq.export.recordings import utterances_of

    found = ManifestRecordings(utterances_of(manifests, True), sample_freq, normalization)
    problems = found.check(True).problems
    if problems:
        raise InputError(f"{len(problems)} problems in --eval_manifest:", problems)
    return found


def _calibration(
    given: Sequence[str] | None, of_config: Callable[[str], list[str]], sample_freq: int
) -> Sequence[Any]:
    """Recordings of training; none where the config's cannot be read."""
    from open_seq2seq.export.recordings import drawn_recordings

    try:
        manifests = given or of_config("train")
        recordings = drawn_recordings(manifests, sample_freq) if manifests else []
    except (InputError, OSError) as error:
        if given:
            raise
        say(f"The recordings of training cannot be read: {error}")
        return ()
    if recordings:
        named = ", ".join(map(str, manifests))
        say(f"int8: ranges, and what it loses, on {len(recordings)} recordings of {named}")
    return recordings


def _export_text(
    flags: argparse.Namespace,
    config: Config,
    overrides: Sequence[Override],
    files: Mapping[str, Path],
) -> None:
    given = {
        "--lm": flags.lm,
        "--lexicon": flags.lexicon,
        "--manifest": flags.manifest,
        "--quantize": flags.quantize != ["none"],
        "--calibration_manifest": flags.calibration_manifest,
        "--eval_manifest": flags.eval_manifest,
    }
    problems = [
        Problem(name, f"{name} with a language model", "the config of a speech model")
        for name, value in given.items()
        if value
    ]
    if flags.formats not in (None, ["onnx"]):
        found = f"{' '.join(flags.formats)} of a language model"
        remedy = "Leave --formats out: runtimes of recognisers have no use for the others."
        problems.append(Problem("--formats", found, "onnx", remedy))
    if problems:
        raise InputError("Nothing is exported:", problems)
    from open_seq2seq.export.conversion import check_packages

    check_packages(["onnx"])
    from open_seq2seq.export.language_model import export_language_model

    experiment, origin = _trained(flags, config, overrides, "infer")
    difference = export_language_model(experiment, flags.output, origin, flags.overwrite)
    say(f"Exported {origin['checkpoint']} to {flags.output}/model.onnx")
    say(f"Its log-probabilities are at most {difference:.1e} from the trained model's.")


def _show(row: Any) -> None:
    found = row.comparison
    same = f"{found.recordings - found.other_texts}/{found.recordings}"
    numbers = (f"{row.size / 1e6:.2f}", f"{found.difference:.1e}", same)
    factor = f"{found.real_time_factor:.4f}"
    line = _TABLE.format(row.name, row.file.runtime, row.file.precision, *numbers, factor)
    say(line + _rates(row.file.error_rates))
    left = (row.file.quantization or {}).get("float32")
    if left:
        say(f"    in float32: {', '.join(left)}")


def _show_trained(export: Any) -> None:
    """What quantised models are to be compared with, where none in float32 is written."""
    rates = export.error_rates()
    if rates is not None:
        say(_TABLE.format("the trained model", "", "float32", "", "", "", "") + _rates(rates))


def _rates(rates: Mapping[str, float] | None) -> str:
    if rates is None:
        return ""
    return _RATES.format(*(f"{100 * rates[name]:.2f} %" for name in ("wer", "cer")))


def _trained(
    flags: argparse.Namespace, config: Config, overrides: Sequence[Override], mode: str
) -> tuple[Any, dict[str, Any]]:
    """The model with its weights in float32, and where it is from."""
    from open_seq2seq.commands.evaluated_model import chosen_checkpoint
    from open_seq2seq.experiment import effective_params, make_experiment
    from open_seq2seq.inference.weights import load_weights

    params = effective_params(config, overrides, mode, tuple(vars(flags)))
    params = {**params, "dtype": "float32"}
    checkpoint = chosen_checkpoint(flags, config.base_model.PARAMS.fill(params))
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    load_weights(experiment, checkpoint)
    return experiment, {"config": str(config.path), "checkpoint": str(checkpoint)}
