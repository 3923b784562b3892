"""A network while it is put together: names, and dimensions that have to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from open_seq2seq.interop.kaldi.layers import Layer
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output


@dataclass
class Draft:
    """Nodes that are added one after the other.

    Args:
      nodes: so far.
      names: that are taken.
      dims: of nodes, by name.
    """

    nodes: list[Node] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    dims: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, layer: Layer, inputs: Sequence[str], dim: int) -> str:
        """Adds a node under its name, or one with a number behind it."""
        free, number = name, 1
        while free in self.names:
            number += 1
            free = f"{name}_{number}"
        self.names.add(free)
        self.dims[free] = dim
        self.nodes.append(Node(free, layer, tuple(inputs), dim))
        return free


def chain(kind: str, first: Input, layers: Sequence[tuple[str, Layer, int]]) -> Network:
    """A network whose layers follow each other.

    Args:
      kind: "nnet1" or "nnet2".
      first: what is fed.
      layers: name, layer, and features of its output.
    """
    draft = Draft(names={first.name})
    last, dim = first.name, first.dim
    for name, layer, dim in layers:
        last = draft.add(name, layer, [last], dim)
    output = Output("output", last, dim)
    return Network(kind, (first,), tuple(draft.nodes), (output,))  # type: ignore[arg-type]
