"""In which order a network's nodes are computed, and which frames each of them looks at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.layers import Layer
from open_seq2seq.interop.kaldi.network import Network, Node

# A span before anything is there, and of what is there for every frame.
NOTHING = (math.inf, -math.inf)
EVERYWHERE = (-math.inf, math.inf)


@dataclass(frozen=True)
class Step:
    """Nodes that are computed together: one, or those of a recurrence, frame by frame.

    Args:
      nodes: in an order of computation.
      direction: 0: no recurrence; 1: from the first frame on, -1: from the last one back.
    """

    nodes: tuple[Node, ...]
    direction: int = 0


@dataclass(frozen=True)
class Plan:
    """A network, ordered.

    Args:
      network: the network.
      steps: in the order of computation.
    """

    network: Network
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, network: Network) -> Plan:
        """The plan of a network; circles in it have to go through shifts of one direction."""
        used = used_nodes(network)
        nodes = {node.name: node for node in network.nodes if node.name in used}
        steps = []
        for names in components_of(nodes):
            members = {name: nodes[name] for name in names}
            recurrent = len(names) > 1 or names[0] in nodes[names[0]].inputs
            if not recurrent:
                steps.append(Step((nodes[names[0]],)))
                continue
            within = [
                node.layer.offset
                for node in members.values()
                if isinstance(node.layer, L.Shift) and node.inputs[0] in members
            ]
            direction = 1 if within and max(within) < 0 else -1
            steps.append(Step(_without_shifts(members), direction))
        return cls(network, tuple(steps))

    @cached_property
    def recurrent(self) -> dict[str, Step]:
        """The recurrence of each node that is part of one."""
        return {node.name: step for step in self.steps if step.direction for node in step.nodes}

    @cached_property
    def lookback(self) -> dict[str, float]:
        """How many frames before its newest one somebody may still look at, of each node."""
        found: dict[str, float] = {}
        for node in self.network.nodes:
            for name in node.inputs:
                found[name] = max(found.get(name, 0), lookback(node.layer))
        return found

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """Who looks at each node."""
        found: dict[str, tuple[Node, ...]] = {}
        for node in self.network.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name] = (*found.get(name, ()), node)
        return found


def used_nodes(network: Network) -> set[str]:
    """The nodes that outputs need."""
    nodes = {node.name: node for node in network.nodes}
    used: set[str] = set()
    waiting = [one.node for one in network.outputs]
    while waiting:
        name = waiting.pop()
        if name not in used and name in nodes:
            used.add(name)
            waiting += nodes[name].inputs
    return used


def offsets_of(layer: Layer) -> tuple[int, ...]:
    """The frames before and after its own that a layer looks at, as far as they are fixed."""
    if isinstance(layer, (L.Splice, L.Tdnn)):
        return layer.offsets
    if isinstance(layer, L.TimeHeightConvolution):
        return tuple(time for time, _ in layer.offsets)
    if isinstance(layer, L.Attention):
        return tuple(range(-layer.left * layer.stride, layer.right * layer.stride + 1))
    if isinstance(layer, L.Shift):
        return (layer.offset,)
    if isinstance(layer, L.StatisticsPooling):
        return (-layer.left, layer.right)
    if isinstance(layer, L.StatisticsExtraction):
        return (0, layer.period - 1)
    if isinstance(layer, L.Round):
        return (1 - layer.modulus, 0)
    return (0,)


def required_offsets(layer: Layer) -> tuple[int, ...]:
    """Those without which it has no output."""
    if isinstance(layer, L.TimeHeightConvolution):
        return layer.required_times or (0,)
    if isinstance(layer, L.Attention):
        return (-layer.required_left * layer.stride, layer.required_right * layer.stride)
    if isinstance(layer, (L.StatisticsPooling, L.StatisticsExtraction, L.Round)):
        return (0,)
    return offsets_of(layer)


def lookback(layer: Layer) -> float:
    """How many frames back a layer looks."""
    if isinstance(layer, L.AtFrame):
        return math.inf
    if isinstance(layer, L.StatisticsExtraction):
        return layer.period
    return max(0, -min(offsets_of(layer)))


def _without_shifts(members: Mapping[str, Node]) -> tuple[Node, ...]:
    """The nodes of a recurrence, those that compute for the same frame in order."""
    order: dict[str, Node] = {}
    waiting = dict(members)
    while waiting:
        ready = [
            name
            for name, node in waiting.items()
            if isinstance(node.layer, L.Shift) or not set(node.inputs) & waiting.keys()
        ]
        if not ready:  # refused when it is read
            raise AssertionError("a circle within one frame")
        order.update((name, waiting.pop(name)) for name in ready)
    return tuple(order.values())


def components_of(nodes: Mapping[str, Node]) -> Iterable[Sequence[str]]:
    """Strongly connected ones, inputs first (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(nodes[root].inputs))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, inputs = work[-1]
            for other in inputs:
                if other not in nodes:
                    continue
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(nodes[other].inputs)))
                    break
                if other in on_stack:
                    low[name] = min(low[name], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    found: list[str] = []
                    while not found or found[-1] != name:
                        found.append(stack.pop())
                        on_stack.discard(found[-1])
                    yield found
