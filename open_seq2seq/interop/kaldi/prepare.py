"""Networks made ready for scoring: feature transforms, priors, softmax, outputs, the frame rate.

Each function returns another network.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.context import with_contexts
from open_seq2seq.interop.kaldi.draft import Draft
from open_seq2seq.interop.kaldi.network import Network, Node, Output
from open_seq2seq.interop.kaldi.plan import used_nodes
from open_seq2seq.kaldi_io import read_vector

Rule = Literal["kaldi", "model_optimizer"]

_LARGEST = float(np.finfo(np.float32).max)
_LOWEST_SHARE = 1e-10
_LOWEST_PROBABILITY = 1e-20


def read_counts(path: str | os.PathLike[str]) -> np.ndarray:
    """`[classes]` float64: how often each class was seen (`final.counts`, `ali_train_pdf.counts`).

    Raises:
      InputError: it is no line of numbers that are not negative, or they are all 0.
    """
    counts = read_vector(path)
    if not len(counts) or not np.isfinite(counts).all() or (counts < 0).any() or not counts.sum():
        found = f"{len(counts)} numbers, from {counts.min(initial=0):g} on"
        problem = Problem(os.fspath(path), found, "a count for each class, some of them positive")
        raise InputError("Counts of classes cannot be used:", [problem])
    return counts


def log_priors(counts: np.ndarray, rule: Rule = "kaldi") -> np.ndarray:
    """`[classes]` float32: what is taken off scores.

    Args:
      counts: of classes, or shares.
      rule: "kaldi" (nnet-forward): log(share + 1e-20); of classes rarer than 1e-10 a number so
        large that they are never chosen, the root of float32's largest. "model_optimizer"
        (OpenVINO's converter): log(share), of counts under 1e-10 half of float32's largest more.
    """
    counts = counts.astype(np.float64)
    if rule == "kaldi":
        shares = counts / counts.sum()
        priors = np.log(shares + _LOWEST_PROBABILITY)
        priors[shares < _LOWEST_SHARE] = np.sqrt(_LARGEST)
    else:
        floor = 1.00000001e-10
        rare = counts < floor
        counts = np.where(rare, floor, counts)
        priors = np.log(counts / counts.sum())
        priors[rare] += _LARGEST / 2
    return priors.astype(np.float32)


def with_priors(
    network: Network, counts: np.ndarray | None = None, rule: Rule = "kaldi", scale: float = 1.0
) -> Network:
    """Scores less the logarithms of the classes' priors.

    Args:
      network: whose first output it is about.
      counts: of classes; None: the model's own priors (nnet2, nnet3), if it has some.
      rule: see `log_priors`; "model_optimizer" puts them before a last softmax, as it did; "kaldi"
        behind the network: for nnet2, whose last layer is a softmax, behind its logarithm.
      scale: of the priors.

    Raises:
      InputError: there are not as many as classes.
    """
    output = network.outputs[0]
    found = network.priors if counts is None else counts
    if counts is None and not len(found):
        return network
    if len(found) != output.dim:
        problem = Problem("counts", f"{len(found)} of them", f"{output.dim}, as many as classes")
        raise InputError("Counts of classes cannot be used:", [problem])
    offset = L.Diagonal(offset=-np.float32(scale) * log_priors(found, rule))
    last = network.node(output.node)
    is_softmax = isinstance(last.layer, L.Softmax)
    if rule == "model_optimizer" and is_softmax:
        return _before(network, last, offset)
    if network.kind == "nnet2" and is_softmax and not last.layer.log:  # type: ignore[union-attr]
        network = _behind(network, "log", L.Activation("log", _LOWEST_PROBABILITY))
    return _behind(network, "priors", offset)


def _behind(network: Network, name: str, layer: L.Layer) -> Network:
    """Another layer behind the first output."""
    output = network.outputs[0]
    draft = Draft(list(network.nodes), _names(network))
    node = draft.add(name, layer, [output.node], output.dim)
    outputs = (replace(output, node=node), *network.outputs[1:])
    return replace(network, nodes=tuple(draft.nodes), outputs=outputs)


def _before(network: Network, last: Node, layer: L.Layer) -> Network:
    """Another layer before the node `last`."""
    draft = Draft(names=_names(network))
    for node in network.nodes:
        if node is last:
            added = draft.add("priors", layer, node.inputs, node.dim)
            node = replace(node, inputs=(added,))
        draft.nodes.append(node)
    return replace(network, nodes=tuple(draft.nodes))


def _names(network: Network) -> set[str]:
    return {one.name for one in network.inputs} | {one.name for one in network.nodes}


def without_output_softmax(network: Network) -> Network:
    """Without a softmax, or the logarithm of one, that is an output's last layer."""
    outputs = []
    for output in network.outputs:
        last = next((node for node in network.nodes if node.name == output.node), None)
        if last is not None and isinstance(last.layer, L.Softmax) and last.inputs:
            before = last.inputs[0]
            if before in {node.name for node in network.nodes}:
                output = replace(output, node=before)
        outputs.append(output)
    return _pruned(replace(network, outputs=tuple(outputs)))


def _pruned(network: Network) -> Network:
    """Without nodes that no output needs."""
    used = used_nodes(network)
    return replace(network, nodes=tuple(one for one in network.nodes if one.name in used))


def with_feature_transform(network: Network, transform: Network) -> Network:
    """A network that is fed what a feature transform is fed (nnet1's `final.feature_transform`).

    Raises:
      InputError: the transform does not give as many features as the network takes.
    """
    given, taken = transform.outputs[0].dim, network.inputs[0].dim
    if given != taken:
        problem = Problem(
            "the feature transform", f"{given} outputs", f"{taken}, the network's inputs"
        )
        raise InputError("The feature transform is not the network's:", [problem])
    first = network.inputs[0].name
    renamed = {one: f"transform.{one}" for one in _names(transform) - {transform.inputs[0].name}}
    renamed[transform.inputs[0].name] = first
    before = [
        replace(node, name=renamed[node.name], inputs=tuple(renamed[one] for one in node.inputs))
        for node in transform.nodes
    ]
    last = renamed[transform.outputs[0].node]
    behind = [
        replace(node, inputs=tuple(last if one == first else one for one in node.inputs))
        for node in network.nodes
    ]
    fed = replace(transform.inputs[0], name=first)
    return replace(
        network,
        inputs=(fed, *network.inputs[1:]),
        nodes=(*before, *behind),
        outputs=tuple(
            replace(one, node=last if one.node == first else one.node) for one in network.outputs
        ),
        left_context=network.left_context + transform.left_context,
        right_context=network.right_context + transform.right_context,
    )


def with_frame_subsampling(network: Network, factor: int) -> Network:
    """Scores of every `factor`-th frame only: chain models have 3.

    Raises:
      InputError: it is no positive number.
    """
    if factor < 1:
        problem = Problem(
            "the frame subsampling factor", str(factor), "1 or more, 3 for chain models"
        )
        raise InputError("Frames cannot be left out so:", [problem])
    return replace(network, frame_subsampling=factor)


def with_outputs(network: Network, names: Sequence[str]) -> Network:
    """A network whose outputs are these: its own, or inner nodes.

    Raises:
      InputError: there is no such node.
    """
    outputs, problems = [], []
    nodes = {node.name: node for node in network.nodes}
    own = {one.name: one for one in network.outputs}
    for name in names:
        if name in own:
            outputs.append(own[name])
        elif name in nodes:
            outputs.append(Output(name, name, nodes[name].dim))
        else:
            known = ", ".join((*own, *list(nodes)[-20:]))
            problems.append(Problem("outputs", name, f"one of {known}"))
    if problems:
        raise InputError("The model has no such output:", problems)
    network = _pruned(replace(network, outputs=tuple(outputs)))
    return with_contexts(network) if network.pads_input else network
