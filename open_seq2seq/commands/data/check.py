"""The data doctor: what is wrong with a corpus, before training finds out.

    # what the files alone tell
    open-seq2seq data check train.csv --dev dev.csv --vocab_file vocab.txt --report data.html
    # exactly what training with a config would refuse, and all other checks; its own manifests
    open-seq2seq data check --config_file my.py
    # the same rows without those that training would refuse or could not read
    open-seq2seq data check train.csv --write_clean clean/train.csv
    # in CI: fails on warnings too
    open-seq2seq data check train.csv --dev dev.csv --strict --json data.json

    # a large corpus: processes, or the workers of a cluster, listen; their numbers stay in a folder
    open-seq2seq data check train.arrow --engine=dask --parts=checked

Manifests are of any kind that training takes. With a config, parameters can be set as for run.py
(--data_layer_params/max_duration=15). docs/data_doctor.md lists the checks and their limits.

exit codes: 0 nothing of the level --fail_on or worse, 1 there is, 2 wrong usage or a manifest,
vocabulary or config that cannot be read, 130 interrupted
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.commands.engine_flags import add_engine_flags, engine_of, engine_problems
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.corpora.doctor.clean import write_clean
from open_seq2seq.corpora.doctor.diagnosis import Diagnosis, as_json, diagnose
from open_seq2seq.corpora.doctor.html_report import render_html
from open_seq2seq.corpora.doctor.measure import Measurement
from open_seq2seq.corpora.doctor.parts import measure_parts
from open_seq2seq.corpora.doctor.split import Split, split_of
from open_seq2seq.corpora.doctor.text_report import render_text
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.data.manifest import Manifest, read_manifest, read_manifests
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import check_outputs, write_whole

_USUAL_FREQ = 16000


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("manifests", nargs="*", help="training data (default: what the config names)")
    add("--dev", nargs="+", default=[], metavar="MANIFEST", help="held-out data, which must "
        "not share recordings, texts and speakers with the training data")  # fmt: skip
    add("--config_file", help="checks as training with this config does")
    add("--mode", choices=("train_eval", "train", "eval", "infer"), help="with a config: whose "
        "data and parameters (default: train_eval)")  # fmt: skip
    add("--vocab_file", help="one symbol per line, or with --bpe a SentencePiece model")
    add("--bpe", action="store_true", help="the vocabulary is a SentencePiece model")
    add("--text_normalization", choices=tuple(NORMALIZERS), help="what the texts get before, as "
        "the parameter of that name does in training")  # fmt: skip
    add("--sample_freq", type=int, help=f"of the features, in Hz ({_USUAL_FREQ})")
    add("--no_transcripts", action="store_true", help="recordings only: texts may be missing")
    add("--headers_only", action="store_true", help="quick: no samples are read")
    add("--workers", type=int, help="threads that read (one per core)")
    add_engine_flags(parser, "the numbers of each recording")

    output = parser.add_argument_group("output")
    add = output.add_argument
    add("--report", metavar="HTML", help="a page with pictures, that needs nothing else")
    add("--json", metavar="JSON", help="all findings with every row")
    add("--write_clean", metavar="CSV", help="the manifest (several: all in one) without rows that "
        "have errors; what is left out is listed beside it in left_out_NAME.txt")  # fmt: skip
    add("--fail_on", choices=("error", "warning", "never"), default="error",
        help="the mildest level that gives exit code 1 (error)")  # fmt: skip
    add("--strict", action="store_true", help="the same as --fail_on=warning")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags, rest = make_parser(prog).parse_known_args(arguments)
    try:
        _check_flags(flags, rest)
        malformed: list[Problem] = []
        splits = (
            _configured_splits(flags, rest, malformed)
            if flags.config_file
            else _plain_splits(flags, malformed)
        )
        _check_clean(flags, splits[0].files)
        diagnosis = _diagnose(splits, flags)
        _write(diagnosis, flags, malformed)
    except OpenSeq2SeqError as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return int(diagnosis.fails("warning" if flags.strict else flags.fail_on))


def _check_flags(flags: argparse.Namespace, rest: Sequence[str]) -> None:
    problems = []

    def refuse(bad: Any, flag: str, found: str, expected: str, remedy: str = "") -> None:
        if bad:
            problems.append(Problem(flag, found, expected, remedy))

    config = flags.config_file
    if not config:
        for argument in rest:
            remedy = "Parameters of a config need --config_file."
            problems.append(Problem(argument, "no such flag", "a flag or a manifest", remedy))
        found = "neither manifests nor a config"
        refuse(not flags.manifests and not flags.dev, "manifests", found, "data to check")
        refuse(flags.mode, "--mode", "no config", "--config_file")
    for name in ("vocab_file", "bpe", "text_normalization", "sample_freq", "no_transcripts"):
        remedy = f"Set --data_layer_params/{name}." if name != "no_transcripts" else ""
        expected = "the config's" if remedy else "--mode=infer"
        refuse(config and getattr(flags, name), f"--{name}", "a config too", expected, remedy)
    refuse(flags.bpe and not flags.vocab_file, "--bpe", "no vocabulary", "--vocab_file")
    refuse(flags.mode in ("eval", "infer") and flags.dev, "--dev", f"mode {flags.mode}",
           "mode train_eval or train", "Name the data as manifests.")  # fmt: skip
    for name in ("sample_freq", "workers"):
        value = getattr(flags, name)
        refuse(value is not None and value < 1, f"--{name}", f"{value}", "at least 1")
    refuse(flags.engine and flags.headers_only, "--engine", "--headers_only", "one of them")
    refuse(flags.engine and flags.workers, "--workers", "--engine", "one of them")
    problems += engine_problems(flags)
    if problems:
        raise InputError("The flags do not fit together:", problems)
    check_outputs({f"--{name}": getattr(flags, name) for name in ("json", "report", "write_clean")})


def _check_clean(flags: argparse.Namespace, files: Sequence[str]) -> None:
    """Whether the clean manifest would be written over the one that is checked."""
    clean = flags.write_clean
    given = [config_path(file) for file in files]
    if clean and os.path.exists(clean) and any(os.path.samefile(clean, file) for file in given):
        problem = Problem("--write_clean", f"{clean}, which is checked", "another file")
        raise InputError("The manifest would be lost:", [problem])


def _read(
    files: Sequence[str], need_transcript: bool, flags: argparse.Namespace, malformed: list[Problem]
) -> Manifest:
    """The rows of manifests; those that are malformed are an error, or with --write_clean left out.

    Args:
      malformed: gets what is wrong with them.
    """
    if not flags.write_clean:
        return read_manifests(files, need_transcript)
    kept = []
    for file in files:
        problems: list[Problem] = []
        found = read_manifest(config_path(file), need_transcript, problems)
        if not found:
            raise InputError("The manifests cannot be used:", problems)
        kept.append(found)
        malformed += problems
    return Manifest.joined(kept)


def _plain_splits(flags: argparse.Namespace, malformed: list[Problem]) -> list[Split]:
    """The data without a config."""
    vocabulary = load_vocabulary(flags.vocab_file, flags.bpe) if flags.vocab_file else None
    freq = flags.sample_freq or _USUAL_FREQ
    need_transcript = not flags.no_transcripts
    given = [("train", flags.manifests), ("dev", flags.dev)]
    read = [
        # Of the first of them a clean one is written.
        (name, files, _read(files, need_transcript, flags, [] if place else malformed))
        for place, (name, files) in enumerate([one for one in given if one[1]])
    ]
    return [
        split_of(
            name,
            files,
            utterances,
            freq,
            vocabulary,
            need_transcript,
            held_out=name == "dev",
            normalization=flags.text_normalization,
        )
        for name, files, utterances in read
    ]


def _configured_splits(
    flags: argparse.Namespace, rest: Sequence[str], malformed: list[Problem]
) -> list[Split]:
    """The data as modes of a config use it, checked by their data layers."""
    from open_seq2seq.config.loading import check_config_file, load_config
    from open_seq2seq.config.overrides import split_arguments

    check_config_file(flags.config_file)  # before it has to wait for TensorFlow
    from open_seq2seq.experiment import effective_params

    config = load_config(flags.config_file)
    if config.base_model.task != "speech":
        problem = Problem("base_model", "a language model", "a speech model")
        raise InputError(f"{config.path} has no recordings:", [problem])
    mode = flags.mode or "train_eval"
    modes = ["train", "eval"] if mode == "train_eval" or flags.dev else [mode]
    splits: list[Split] = []
    for one in modes:
        params = effective_params(config, split_arguments(rest), one, tuple(vars(flags)))
        params = config.base_model.PARAMS.fill(params)
        given = flags.dev if one != modes[0] else flags.manifests
        files = given or params["data_layer_params"]["dataset_files"]
        # Training's manifests of the command line do not go with the config's evaluation, and a
        # config may have none.
        if one == "eval" and not flags.mode and not given and (flags.manifests or not files):
            continue
        utterances = None
        if given or flags.write_clean:
            utterances = _read(files, one != "infer", flags, [] if splits else malformed)
        splits.append(_configured_split(params, one, files, utterances))
    return splits


def _configured_split(
    params: dict[str, Any], mode: str, files: list[str], utterances: Manifest | None
) -> Split:
    from open_seq2seq.experiment import make_data_layer
    from open_seq2seq.models.speech2text import split_component

    data = make_data_layer(params, mode, utterances)
    # The encoder without its variables: its strides tell how many steps there are.
    encoder_params, shared = split_component(params, "encoder", "float32")
    encoder = params["encoder"](encoder_params, name="encoder", **shared)
    layer_params = data.params
    voices = layer_params["syn_subdirs"] if layer_params["syn_enable"] and mode != "infer" else []
    return Split(
        "dev" if mode == "eval" else mode,
        files,
        data.utterances,
        data.check(encoder.output_length),
        layer_params["sample_freq"],
        data.vocabulary,
        voices,
        held_out=mode == "eval",
    )


def _diagnose(splits: Sequence[Split], flags: argparse.Namespace) -> Diagnosis:
    # Here, as nothing else of training is needed without a config.
    from open_seq2seq.console import ProgressBar

    listen = not flags.headers_only
    total = sum(len(split.recordings) for split in splits)
    with (
        engine_of(flags) as engine,
        ProgressBar("Listening", total if listen else None) as bar,
    ):

        def advance(count: int) -> None:
            for _ in range(count):
                bar.advance("recordings")

        def measure(split: Split, limits: Thresholds) -> list[Measurement | Problem]:
            assert engine is not None
            return measure_parts(
                split.recordings, limits, engine, Path(flags.parts, split.name), advance
            )

        return diagnose(
            splits,
            listen=listen,
            workers=flags.workers,
            advance=advance,
            measure=None if engine is None else measure,
        )


def _write(diagnosis: Diagnosis, flags: argparse.Namespace, malformed: Sequence[Problem]) -> None:
    print(render_text(diagnosis))
    if flags.json:
        write_whole(flags.json, json.dumps(as_json(diagnosis), indent=1, ensure_ascii=False))
        print(f"All findings with every row are in {flags.json}")
    if flags.report:
        write_whole(flags.report, render_html(diagnosis))
        print(f"The report is in {flags.report}")
    if flags.write_clean:
        print(write_clean(flags.write_clean, diagnosis.splits[0], malformed).text())
