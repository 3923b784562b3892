"""Exports a trained model: a folder that runs without TensorFlow, Keras or the training code.

open-seq2seq export --config_file=my.py --output=my_model
open-seq2seq export --config_file=my.py --logdir=runs/my --formats onnx --output=my_model
open-seq2seq export --config_file=my.py --checkpoint=runs/mean --lm=lm.binary --output=my_model

Each file takes samples and gives log-probabilities, of recordings of any length; it is run and
compared with the trained model before it counts. Then: open_seq2seq.Recognizer.load("my_model"),
or `--mode=eval` and `--mode=infer` with `--exported=my_model`. See docs/export.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.config.overrides import split_arguments
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
    add("--formats", nargs="+", choices=_FORMATS, default=list(_FORMATS), help="all, if not given")
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
    from open_seq2seq.export.exporter import Export
    from open_seq2seq.export.speech import speech_of

    files = {"lm_path": flags.lm, "lexicon_path": flags.lexicon}
    files = {key: path for key, path in files.items() if path is not None}
    for path in files.values():
        if not path.is_file():
            raise InputError("Nothing is exported:", [Problem(str(path), "no file", "a file")])
    experiment, manifests, origin = _trained(flags, rest)
    rate = experiment.speech_data.extractor.options.sample_freq
    speech = speech_of(flags.manifest or manifests, rate)
    export = Export(experiment, speech, files, origin)
    say(f"Exports {origin['checkpoint']} to {flags.output}")
    head = ("file", "runtime", "precision", "MB", "difference", "texts", "RTF")
    say(_TABLE.format(*head))
    export.write(flags.output, flags.formats, flags.overwrite, _show)
    say(
        "difference: of log-probabilities, the largest; texts: transcripts that are equal; "
        "RTF: seconds of computing for a second of audio, one thread"
    )


def _show(row: Any) -> None:
    found = row.comparison
    same = f"{found.recordings - found.other_texts}/{found.recordings}"
    numbers = (f"{row.size / 1e6:.2f}", f"{found.difference:.1e}", same)
    factor = f"{found.real_time_factor:.4f}"
    say(_TABLE.format(row.name, row.runtime, row.precision, *numbers, factor))


def _trained(
    flags: argparse.Namespace, rest: Sequence[str]
) -> tuple[Any, list[str], dict[str, Any]]:
    """The model with its weights in float32, the manifests of evaluation, where it is from."""
    from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
    from open_seq2seq.config.loading import load_config
    from open_seq2seq.experiment import effective_params, make_experiment
    from open_seq2seq.inference.weights import load_weights
    from open_seq2seq.training.transfer import named_checkpoint

    config = load_config(flags.config_file)
    if config.base_model.task != "speech":
        problem = Problem(
            str(config.path),
            "a language model",
            "the config of a speech model",
            "Language models go into a folder with --lm, as KenLM's files.",
        )
        raise InputError("Nothing is exported:", [problem])
    overrides = split_arguments(rest)
    names = tuple(vars(flags))
    params = effective_params(config, overrides, "interactive_infer", names)
    params = {**params, "dtype": "float32"}
    filled = config.base_model.PARAMS.fill(params)
    best = filled["restore_best_checkpoint"]
    if flags.checkpoint:
        checkpoint = named_checkpoint(flags.checkpoint, best, "--checkpoint")
    else:
        checkpoint = checkpoint_to_use(LogDir(Path(filled["logdir"]), flags.enable_logs), best)
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    load_weights(experiment, checkpoint)
    evaluated = config.base_model.PARAMS.fill(effective_params(config, overrides, "eval", names))
    manifests = list(evaluated["data_layer_params"]["dataset_files"] or [])
    origin = {"config": str(config.path), "checkpoint": str(checkpoint)}
    return experiment, manifests, origin
