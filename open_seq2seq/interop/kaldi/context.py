"""How many frames before and after its own an output needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Network, Node
from open_seq2seq.interop.kaldi.plan import required_offsets

# Of what needs no frame at all.
_NONE = (-math.inf, -math.inf)
# Of what no frame suffices for.
NEVER = (math.inf, math.inf)


def with_contexts(network: Network) -> Network:
    """The network with the contexts that its outputs need; infinite ones: a circle without end."""
    needs = Needs(network)
    sides = [needs.of(one.node) for one in network.outputs]
    left = max((one for one, _ in sides), default=0)
    right = max((one for _, one in sides), default=0)
    if math.inf in (left, right):
        raise RecursionError
    return replace(network, left_context=int(max(left, 0)), right_context=int(max(right, 0)))


class Needs:
    """What nodes need of the inputs: (frames before, frames after), negative: from later on.

    Args:
      network: which they are of.
    """

    def __init__(self, network: Network):
        self._nodes: Mapping[str, Node] = {node.name: node for node in network.nodes}
        self._found: dict[str, tuple[float, float]] = {
            one.name: _NONE if one.per_utterance else (0, 0) for one in network.inputs
        }
        for name in self._order():
            self._found[name] = self._combined(self._nodes[name])

    def of(self, name: str) -> tuple[float, float]:
        """Of a node or input."""
        return self._found.get(name, NEVER)

    def _needed(self, node: Node) -> tuple[str, ...]:
        # What is taken only where it is there is not needed.
        return () if isinstance(node.layer, L.OrZero) else node.inputs

    def _order(self) -> list[str]:
        """Nodes, those that they need first; those of circles are left out."""
        users: dict[str, list[str]] = {}
        missing: dict[str, int] = {}
        for node in self._nodes.values():
            needed = [name for name in dict.fromkeys(self._needed(node)) if name in self._nodes]
            missing[node.name] = len(needed)
            for name in needed:
                users.setdefault(name, []).append(node.name)
        ready = [name for name, count in missing.items() if not count]
        order = []
        while ready:
            order.append(ready.pop())
            for user in users.get(order[-1], ()):
                missing[user] -= 1
                if not missing[user]:
                    ready.append(user)
        return order

    def _combined(self, node: Node) -> tuple[float, float]:
        layer = node.layer
        if isinstance(layer, (L.OrZero, L.AtFrame, L.Constant)):
            return _NONE
        sides = [self.of(name) for name in node.inputs]
        if isinstance(layer, L.Failover):
            return min(sides)
        left, right = max(one for one, _ in sides), max(one for _, one in sides)
        if isinstance(layer, L.Round):
            return left + layer.modulus - 1, right
        offsets = required_offsets(layer)
        if isinstance(layer, L.Splice) and layer.clamp:
            return left, right
        return left - min(offsets), right + max(offsets)
