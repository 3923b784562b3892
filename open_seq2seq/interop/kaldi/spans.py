"""Which frames nodes have, counted from the utterance's first and last one: known beforehand."""

from __future__ import annotations

import math
from typing import TypeAlias

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Node
from open_seq2seq.interop.kaldi.plan import Plan, required_offsets

# (first, frames behind the last one's): of T frames (-3, 2) are those from -3 to T + 2.
Span: TypeAlias = tuple[float, float]
EVERYWHERE: Span = (-math.inf, math.inf)


def spans(plan: Plan) -> dict[str, Span]:
    """The span of each node and input, of a whole utterance."""
    network = plan.network
    left = network.left_context if network.pads_input else 0
    right = network.right_context if network.pads_input else 0
    found: dict[str, Span] = {}
    for one in network.inputs:
        found[one.name] = EVERYWHERE if one.per_utterance else (-left, right)
    nodes = {node.name: node for node in network.nodes}

    def span(name: str) -> Span:
        # Circles go through OrZero, which needs nothing.
        waiting = [name]
        while waiting:
            node = nodes.get(waiting[-1])
            if node is None or node.name in found:
                waiting.pop()
                continue
            missing = [] if _needs_nothing(node) else [i for i in node.inputs if i not in found]
            if missing:
                waiting += missing
            else:
                found[node.name] = _span(node, [found[one] for one in node.inputs if one in found])
                waiting.pop()
        return found[name]

    for node in network.nodes:
        span(node.name)
    return found


def _needs_nothing(node: Node) -> bool:
    return isinstance(node.layer, (L.OrZero, L.Constant, L.AtFrame))


def _span(node: Node, inputs: list[Span]) -> Span:
    layer = node.layer
    if _needs_nothing(node):
        return EVERYWHERE
    if isinstance(layer, L.Failover):
        return min(first for first, _ in inputs), max(last for _, last in inputs)
    first, last = max(one for one, _ in inputs), min(one for _, one in inputs)
    if math.isinf(first):
        return first, last
    if isinstance(layer, L.Round):
        return -(-int(first) // layer.modulus) * layer.modulus, last
    if isinstance(layer, L.StatisticsExtraction):
        return int(first) // layer.period * layer.period, last
    if (isinstance(layer, L.Splice) and layer.clamp) or isinstance(layer, L.Lstm):
        return first, last
    required = required_offsets(layer)
    return first - min(required), last - max(required)
