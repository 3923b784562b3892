"""What of a network can be quantised, and what is first left in float32 where that loses much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["convolution", "depthwise", "recurrent"]


@dataclass(frozen=True)
class Layer:
    """An operation of a written graph that multiplies with weights.

    Args:
      name: by which the format knows it.
      kind: "convolution": of several taps or one, dense layers too; "depthwise": each channel by
        itself; "recurrent": a recurrent layer, or what its loop multiplies with.
    """

    name: str
    kind: Kind


@dataclass(frozen=True)
class Group:
    """Layers that are left in float32 together.

    Args:
      title: what they are, for messages.
      names: of the layers.
    """

    title: str
    names: frozenset[str]


def groups(layers: Sequence[Layer]) -> list[Group]:
    """What is left in float32 first, second, ... if it has to be.

    The last layer makes the symbols, and the first one sees the features, whose range no weights
    have shaped; both are small. A depthwise layer has few weights to average errors out.

    Args:
      layers: of a network, in the order of the graph.
    """
    feedforward = [layer.name for layer in layers if layer.kind != "recurrent"]
    found = [
        Group("the last layer", frozenset(feedforward[-1:])),
        Group("the first layer", frozenset(feedforward[:1])),
        Group("depthwise convolutions", _of_kind(layers, "depthwise")),
        Group("recurrent layers", _of_kind(layers, "recurrent")),
    ]
    return [group for group in found if group.names]


def _of_kind(layers: Sequence[Layer], kind: Kind) -> frozenset[str]:
    return frozenset(layer.name for layer in layers if layer.kind == kind)
