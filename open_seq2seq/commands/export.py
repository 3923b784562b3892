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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.config.loading import Config, load_config
from open_seq2seq.config.overrides import Override, split_arguments
from open_seq2seq.console import say
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem

_FORMATS = ("onnx", "litert", "saved_model", "openvino")
_TABLE = "{:32} {:12} {:10} {:>9} {:>11} {:>8} {:>8}"


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
    add("--formats", nargs="+", choices=_FORMATS, help="all, if not given")
    add("--lm", type=Path, metavar="FILE", help="a KenLM binary or ARPA file for the decoder")
    add("--lexicon", type=Path, metavar="FILE", help="words that may be recognised, a line each")
    add(
        "--manifest",
        nargs="+",
        metavar="FILE",
        help="recordings to compare on; those of the config's evaluation, if not given",
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
    from open_seq2seq.export.speech import speech_of

    experiment, origin = _trained(flags, config, overrides, "interactive_infer")
    manifests = flags.manifest
    if not manifests:
        params = effective_params(config, overrides, "eval", tuple(vars(flags)))
        filled = config.base_model.PARAMS.fill(params)
        manifests = filled["data_layer_params"]["dataset_files"]
    speech = speech_of(manifests, experiment.speech_data.extractor.options.sample_freq)
    export = Export(experiment, speech, files, origin)
    say(f"Exports {origin['checkpoint']} to {flags.output}")
    head = ("file", "runtime", "precision", "MB", "difference", "texts", "RTF")
    say(_TABLE.format(*head))
    export.write(flags.output, flags.formats or _FORMATS, flags.overwrite, _show)
    say(
        "difference: of log-probabilities, the largest; texts: transcripts that are equal; "
        "RTF: seconds of computing for a second of audio, one thread"
    )


def _export_text(
    flags: argparse.Namespace,
    config: Config,
    overrides: Sequence[Override],
    files: Mapping[str, Path],
) -> None:
    given = {"--lm": flags.lm, "--lexicon": flags.lexicon, "--manifest": flags.manifest}
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
    say(_TABLE.format(row.name, row.runtime, row.precision, *numbers, factor))


def _trained(
    flags: argparse.Namespace, config: Config, overrides: Sequence[Override], mode: str
) -> tuple[Any, dict[str, Any]]:
    """The model with its weights in float32, and where it is from."""
    from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
    from open_seq2seq.experiment import effective_params, make_experiment
    from open_seq2seq.inference.weights import load_weights
    from open_seq2seq.training.transfer import named_checkpoint

    params = effective_params(config, overrides, mode, tuple(vars(flags)))
    params = {**params, "dtype": "float32"}
    filled = config.base_model.PARAMS.fill(params)
    best = filled["restore_best_checkpoint"]
    if flags.checkpoint:
        checkpoint = named_checkpoint(flags.checkpoint, best, "--checkpoint")
    else:
        checkpoint = checkpoint_to_use(LogDir(Path(filled["logdir"]), flags.enable_logs), best)
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    load_weights(experiment, checkpoint)
    return experiment, {"config": str(config.path), "checkpoint": str(checkpoint)}
