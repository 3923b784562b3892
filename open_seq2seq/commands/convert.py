"""Converts an acoustic model of Kaldi's to ONNX, OpenVINO's IR, SavedModel and LiteRT.

open-seq2seq convert --model=final.mdl --output=my_model
open-seq2seq convert --model=final.nnet --feature_transform=final.feature_transform \\
    --counts=ali_train_pdf.counts --remove_output_softmax --output=my_model --formats onnx openvino

The model is an nnet1, nnet2 or nnet3 file, binary or text. Each converted file takes features
[batch, time, dim] (i-vectors [batch, dim]) and gives scores; edges are padded inside, as Kaldi's
decoders do it. It is run at several lengths and compared with the original before it counts. See
docs/kaldi.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.console import say
from open_seq2seq.errors import OpenSeq2SeqError

if TYPE_CHECKING:
    from open_seq2seq.export.feature_models import FeatureModel, Row
    from open_seq2seq.interop.kaldi import Network

_FORMATS = ("onnx", "openvino", "saved_model", "litert")
_TABLE = "{:28} {:>9} {:>11}"


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--model", "-m", required=True, type=Path, metavar="FILE", help="Kaldi's model")
    add("--output", "-o", required=True, type=Path, metavar="DIR", help="the folder to write")
    add("--overwrite", action="store_true", help="replace a folder that is there")
    add("--formats", nargs="+", choices=_FORMATS, help="all, if not given")
    add("--feature_transform", type=Path, metavar="FILE", help="an nnet1 network before the model")
    add("--counts", type=Path, metavar="FILE", help="how often each class was seen: priors")
    add(
        "--counts_rule",
        choices=("kaldi", "model_optimizer"),
        default="kaldi",
        help="of rare classes, and where priors are taken off: as nnet-forward, or as OpenVINO's "
        "converter",
    )
    add("--no_priors", action="store_true", help="leave the model's own priors (nnet2, nnet3) out")
    add("--remove_output_softmax", action="store_true", help="leave a last softmax out")
    add(
        "--frame_subsampling_factor",
        type=int,
        default=1,
        metavar="N",
        help="scores of every N-th frame: 3 for chain models",
    )
    add("--outputs", nargs="+", metavar="NAME", help="outputs, or inner nodes; all outputs if not")
    flags = parser.parse_args(arguments)
    try:
        _convert(flags)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _convert(flags: argparse.Namespace) -> None:
    from open_seq2seq.export.feature_models import write_feature_models

    network = _prepared(flags)
    inputs = ", ".join(f"{one.name} ({one.dim})" for one in network.inputs)
    outputs = ", ".join(f"{one.name} ({one.dim})" for one in network.outputs)
    say(f"Converts {flags.model} ({network.kind}): {inputs} -> {outputs}")
    say(f"Context: {network.left_context} frames before, {network.right_context} after")
    say(_TABLE.format("file", "MB", "difference"))
    write_feature_models(
        _described(network, flags.model), flags.output, flags.formats, flags.overwrite, _show
    )
    say("difference: of scores, the largest; of those beyond 1 as a share of them")


def _show(row: Row) -> None:
    say(_TABLE.format(row.name, f"{row.size / 1e6:.1f}", f"{row.difference:.1g}"))


def _prepared(flags: argparse.Namespace) -> Network:
    from open_seq2seq.interop.kaldi import prepare, read_network

    network = read_network(flags.model)
    if flags.feature_transform is not None:
        network = prepare.with_feature_transform(network, read_network(flags.feature_transform))
    if flags.remove_output_softmax:
        network = prepare.without_output_softmax(network)
    if flags.counts is not None or not flags.no_priors:
        counts = None if flags.counts is None else prepare.read_counts(flags.counts)
        if counts is not None or len(network.priors):
            source = flags.counts or "the model"
            say(f"Scores are less the logarithms of priors from {source} ({flags.counts_rule})")
        network = prepare.with_priors(network, counts, flags.counts_rule)
    if flags.outputs:
        network = prepare.with_outputs(network, flags.outputs)
    return prepare.with_frame_subsampling(network, flags.frame_subsampling_factor)


def _described(network: Network, path: Path) -> FeatureModel:
    from open_seq2seq.export.feature_models import FeatureInput, FeatureModel
    from open_seq2seq.interop.kaldi import Evaluator
    from open_seq2seq.interop.kaldi.graph import build

    return FeatureModel(
        inputs=[FeatureInput(one.name, one.dim, one.per_utterance) for one in network.inputs],
        outputs={one.name: one.dim for one in network.outputs},
        build=lambda g, values: build(g, network, values),
        evaluate=Evaluator(network),
        doc=f"{path.name}, {network.kind} of Kaldi: features to scores.",
    )
