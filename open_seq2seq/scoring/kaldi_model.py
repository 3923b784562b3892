"""Kaldi's models: prepared as their programs do it, computed by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.kaldi import Evaluator, Network, read_network
from open_seq2seq.interop.kaldi.layers import Softmax
from open_seq2seq.interop.kaldi.prepare import (
    Rule,
    read_counts,
    with_feature_transform,
    with_frame_subsampling,
    with_outputs,
    with_priors,
    without_output_softmax,
)
from open_seq2seq.scoring.model import Arrays, Port, VariableState
from open_seq2seq.scoring.online_ivectors import (
    OnlineRows,
    changing,
    scored_in_chunks,
    with_single_rows,
)
from open_seq2seq.scoring.tensor_model import Context

# Beside a chain model Kaldi keeps how many frames of features one of scores stands for.
_SUBSAMPLING = "frame_subsampling_factor"


@dataclass(frozen=True)
class KaldiOptions:
    """How a model is prepared.

    Args:
      feature_transform: an nnet1 file that goes before the network (`nnet-forward
        --feature-transform`).
      counts: a file of the classes' counts; "": the priors that the model has; None: these too,
        of models that nnet3 and nnet2 decode with.
      no_priors: nothing is subtracted.
      counts_rule: "kaldi" or "model_optimizer": of rare classes.
      prior_scale: of the priors' logarithms.
      remove_output_softmax: scores are what the last softmax takes.
      apply_log: scores are logarithms of the last softmax.
      frame_subsampling: None: what the file `frame_subsampling_factor` beside the model says.
    """

    feature_transform: str | None = None
    counts: str | None = None
    no_priors: bool = False
    counts_rule: Rule = "kaldi"
    prior_scale: float = 1.0
    remove_output_softmax: bool = False
    apply_log: bool = False
    frame_subsampling: int | None = None


def read_prepared(
    path: Path,
    options: KaldiOptions,
    outputs: Sequence[str] = (),
    first_outputs: int | None = None,
) -> tuple[Network, list[str]]:
    """The network of a file, changed as it is to be used.

    Args:
      path: of an nnet1, nnet2 or nnet3 model.
      options: how.
      outputs: names of outputs, or of inner nodes, that are wanted; empty: all outputs.
      first_outputs: without names, so many outputs are wanted; None: all.

    Returns:
      The network, and sentences for the user.

    Raises:
      InputError: a file cannot be used.
    """
    network = read_network(path)
    notes = [f"{path.name}: {network.kind}, {len(network.nodes)} layers."]
    if options.feature_transform:
        network = with_feature_transform(network, read_network(options.feature_transform))
    if options.remove_output_softmax:
        network = without_output_softmax(network)
    if options.apply_log:
        network = _with_log_softmax(network, path)
    factor = options.frame_subsampling
    beside = path.parent / _SUBSAMPLING
    if factor is None and network.kind == "nnet3" and beside.is_file():
        factor = _factor_of(beside)
        notes.append(f"One row of scores for {factor} frames, as {beside} says.")
    if factor is not None and factor != 1:
        network = with_frame_subsampling(network, factor)
    if options.counts:
        counts = read_counts(options.counts)
        network = with_priors(network, counts, options.counts_rule, options.prior_scale)
        notes.append(f"Log priors of {options.counts} are subtracted ({options.counts_rule}).")
    elif len(network.priors) and not options.no_priors:
        network = with_priors(network, None, options.counts_rule, options.prior_scale)
        notes.append("Log priors of the model are subtracted; --no_priors leaves them.")
    elif options.counts == "":
        problem = Problem("--counts", "a model without priors", "a file of counts")
        raise InputError("There are no priors:", [problem])
    names = [one.name for one in network.outputs]
    # `layer:0` is what OpenVINO called the tensor of a layer.
    wanted = [one if one in names else one.removesuffix(":0") for one in outputs]
    if not outputs and first_outputs and len(names) > first_outputs:
        wanted = names[:first_outputs]
        left = ", ".join(names[first_outputs:])
        notes.append(f"Not asked for, and not computed: {left}. -o name=file has them too.")
    if wanted:
        network = with_outputs(network, list(dict.fromkeys(wanted)))
    return network, notes


def _with_log_softmax(network: Network, path: Path) -> Network:
    last = {one.node for one in network.outputs}
    nodes = tuple(
        replace(node, layer=replace(node.layer, log=True))
        if node.name in last and isinstance(node.layer, Softmax)
        else node
        for node in network.nodes
    )
    if all(one is other for one, other in zip(nodes, network.nodes)):
        problem = Problem(f"{path}: --apply_log", "no softmax at the end", "a model with one")
        raise InputError("There is nothing to take the logarithm of:", [problem])
    return replace(network, nodes=nodes)


def _factor_of(path: Path) -> int:
    text = path.read_text(errors="replace").strip()
    if not text.isdigit() or not 1 <= int(text) <= 100:
        problem = Problem(str(path), repr(text[:20]), "a whole number such as 3")
        raise InputError("The frame subsampling is not clear:", [problem])
    return int(text)


def context_notes(network: Network, given: Context) -> list[str]:
    """What is said of a context that was given: Kaldi's models bring theirs."""
    if not given.left and not given.right:
        return []
    left, right = network.left_context, network.right_context
    if (given.left, given.right) == (left, right):
        return [f"-cw_l {left} -cw_r {right}: as the model needs, which is filled by itself."]
    return [
        f"-cw_l {given.left} -cw_r {given.right} is not the model's context, {left} and {right}: "
        "that one is used."
    ]


class KaldiModel:
    """See `ScoringModel`.

    Args:
      network: prepared.
      notes: sentences for the user.
    """

    about, precision = "NumPy", "f32"

    def __init__(self, network: Network, notes: Sequence[str] = ()):
        self.network, self.notes = network, list(notes)
        self.inputs = tuple(Port(one.name, one.dim, one.per_utterance) for one in network.inputs)
        self.outputs = tuple(Port(one.name, one.dim) for one in network.outputs)
        self.online_rows = OnlineRows()
        self._evaluator = Evaluator(network)
        self._stream = self._evaluator.stream()

    def score(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """See `ScoringModel`. I-vectors may have several rows, see `online_ivectors`."""
        single = [not changing(self.network, one) for one in utterances]
        together = [with_single_rows(self.network, one)
                    for one, is_single in zip(utterances, single) if is_single]  # fmt: skip
        found = iter(self._score_whole(together, outputs) if together else [])
        return [
            next(found) if is_single else self._score_changing(one, outputs)
            for one, is_single in zip(utterances, single)
        ]

    def _score_whole(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        return [self._evaluator(one) for one in utterances]

    def _score_changing(self, one: Arrays, outputs: Sequence[str]) -> Arrays:
        return scored_in_chunks(
            self.network, one, self.online_rows, lambda x: self._score_whole([x], outputs)[0]
        )

    def accept(self, piece: Arrays, outputs: Sequence[str], last: bool = False) -> Arrays:
        """See `ScoringModel`."""
        return self._stream.accept(piece, last=last)

    def query_state(self) -> list[VariableState]:
        """See `ScoringModel`."""
        return [self._variable(name) for name in sorted(self._stream.state)]

    def _variable(self, name: str) -> VariableState:
        stream = self._stream

        def write(value: np.ndarray) -> None:
            stream.state = {**stream.state, name: value}

        def reset() -> None:
            value = stream.state.get(name)
            # Whole numbers say where in the stream it is: that is `reset_state`'s.
            if value is not None and value.dtype.kind == "f":
                write(np.zeros_like(value))

        return VariableState(name, lambda: stream.state[name], write, reset)

    def reset_state(self) -> None:
        """See `ScoringModel`."""
        self._stream.reset()
