"""Measures the means and deviations of a training set's features (feature_norm fixed, running).

open-seq2seq data statistics --config_file=my.py --output=statistics.json
open-seq2seq data statistics --config_file=my.py --output=statistics.json --recordings=all

open-seq2seq data statistics --config_file=my.py --output=statistics.json --recordings=all \
    --engine=dask --parts=sums

Training does so by itself when it starts, on feature_norm_recordings recordings, and keeps the
numbers in its checkpoints. This is for those who want to see them, measure on more, or share them
between runs: the file's name is the parameter data_layer_params/feature_norm_file. Features are
computed as the config says, without augmentation; parameters can be set as for run.py
(--data_layer_params/gain=3.0517578125e-05).

exit codes: 0 measured, 1 recordings could not be read and are left out (the file is written),
2 wrong usage or input
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.engine_flags import add_engine_flags, check_engine, engine_of
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError, Problem


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    parser.add_argument("--config_file", required=True, help="whose training data and features")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--recordings", type=_count, metavar="N|all",
                        help="how many (the config's feature_norm_recordings)")  # fmt: skip
    add_engine_flags(parser, "the sums of each part")
    flags, rest = parser.parse_known_args(arguments)
    try:
        problems = _measure(flags, rest)
    except OpenSeq2SeqError as error:
        return print_error(error)
    for problem in problems:
        print(f"Left out: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _count(text: str) -> int | str:
    if text != "all" and int(text) < 1:
        raise ValueError(text)
    return text if text == "all" else int(text)


def _measure(flags: argparse.Namespace, rest: Sequence[str]) -> list[Problem]:
    """Writes the file; returns what is wrong with the recordings that could not be read."""
    # After the flags: `--help` need not wait for Keras.
    from open_seq2seq.commands.data.statistics_parts import measure_in_parts, training_data
    from open_seq2seq.data.speech2text.measuring import measure_statistics
    from open_seq2seq.features.statistics import write_statistics
    from open_seq2seq.files import check_outputs

    check_outputs({"--output": flags.output})
    check_engine(flags)
    data = training_data(flags.config_file, rest)
    most = data.params["feature_norm_recordings"]
    if flags.recordings is not None:
        most = None if flags.recordings == "all" else flags.recordings
    with engine_of(flags) as engine:
        if engine is None:
            measured = measure_statistics(data, most)
        else:
            source = flags.config_file, tuple(rest)
            measured = measure_in_parts(data, source, most, engine, Path(flags.parts))
    parameters = data.extractor.parameters
    write_statistics(flags.output, measured.statistics, parameters, measured.recordings)
    mean, deviation = measured.statistics.mean, measured.statistics.deviation
    print(measured.note)
    print(f"Means from {mean.min():.3f} to {mean.max():.3f}, deviations from "
          f"{deviation.min():.3f} to {deviation.max():.3f}; in {flags.output}.")  # fmt: skip
    print(f"Use them by: --data_layer_params/feature_norm=fixed "
          f"--data_layer_params/feature_norm_file={flags.output}")  # fmt: skip
    return measured.problems
