"""Frames of a network's nodes that are computed so far, by their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Node
from open_seq2seq.interop.kaldi.plan import (
    EVERYWHERE,
    NOTHING,
    Plan,
    Step,
    offsets_of,
    required_offsets,
)
from open_seq2seq.interop.kaldi.sparse import ALL, Kept
from open_seq2seq.interop.kaldi.time_layers import Numbers, computed

Span: TypeAlias = tuple[float, float]
# Descriptors compute nothing: what they say is looked up.
_DESCRIPTORS = (L.Shift, L.OrZero, L.Failover, L.Switch, L.Round, L.AtFrame, L.Constant)


@dataclass
class Track:
    """Rows of a node.

    Args:
      dim: features.
      start: the place of the first row that is there: its number, where all frames are kept.
      rows: `[n, dim]`.
      constant: one row, for every frame.
      kept: of which frames there are rows.
    """

    dim: int
    start: int = 0
    rows: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    constant: bool = False
    kept: Kept = ALL

    @property
    def end(self) -> int:
        """The number of the frame that comes next."""
        return self.kept.number(self.start + len(self.rows))

    def missing(self, end: int) -> Numbers:
        """The numbers of rows that are not there, below `end`."""
        return self.kept.numbers(self.start + len(self.rows), self.kept.place(end))

    def append(self, rows: np.ndarray) -> None:
        """Adds rows behind the last one."""
        self.rows = rows if not len(self.rows) else np.concatenate([self.rows, rows])

    def prune(self, first: float) -> None:
        """Forgets rows before the frame `first`."""
        before = 0 if math.isinf(first) else self.kept.place(int(first)) - self.start
        count = min(max(before, 0), len(self.rows))
        self.rows, self.start = self.rows[count:].copy() if count else self.rows, self.start + count

    def at(self, numbers: Numbers) -> np.ndarray:
        """`[n, dim]` of frames that are there."""
        if self.constant:
            return np.broadcast_to(self.rows, (len(numbers), self.dim))
        if self.kept.step > 1:
            return self.rows[self.kept.places(np.asarray(numbers)) - self.start]
        if isinstance(numbers, range):
            return self.rows[numbers.start - self.start : numbers.stop - self.start]
        return self.rows[numbers - self.start]


class Tracks:
    """All nodes' rows, and what may be looked up in them.

    Args:
      plan: of the network.
      kept: the nodes of which some frames suffice: see `kept_frames`.
    """

    def __init__(self, plan: Plan, kept: Mapping[str, Kept]):
        self.plan, self.kept = plan, kept
        self.nodes = {node.name: node for node in plan.network.nodes}
        self.tracks: dict[str, Track] = {}
        self.firsts: dict[str, float] = {}
        self.closed = False

    def span(self, name: str, step: Step | None = None) -> Span:
        """The frames of a node that are there: from, and behind the last one.

        Args:
          name: the node, or an input.
          step: a recurrence: of its own nodes, the frames that are there or can be computed now.
        """
        if name not in self.nodes:
            track = self.tracks.get(name)
            if track is None:
                return NOTHING
            return EVERYWHERE if track.constant else (self.firsts[name], track.end)
        node = self.nodes[name]
        if name in self.tracks:
            return self.firsts[name], self.tracks[name].end
        first, end = self.possible(node)
        is_own = step is not None and self.plan.recurrent.get(name) is step
        if is_described(node) or first == -math.inf or is_own:
            return first, end
        return (first, first) if first < math.inf else NOTHING

    def possible(self, node: Node) -> Span:
        """The frames of a node whose inputs are there."""
        layer, own = node.layer, self.plan.recurrent.get(node.name)
        if isinstance(layer, L.Constant):
            return EVERYWHERE
        if isinstance(layer, L.OrZero):
            (source,) = node.inputs
            if self.closed or (own and own is self.plan.recurrent.get(source)):
                return EVERYWHERE
            return -math.inf, self.span(source)[1]
        spans = [self.span(name, own) for name in node.inputs]
        if isinstance(layer, L.Failover):
            if self.closed:
                first, end = min(spans)
                for begin, last in sorted(spans):  # without what is behind a gap
                    end = max(end, last) if begin <= end else end
                return first, end
            if NOTHING in spans:
                return NOTHING
            return min(one for one, _ in spans), min(one for _, one in spans)
        first, end = max(one for one, _ in spans), min(one for _, one in spans)
        if isinstance(layer, L.AtFrame):
            return EVERYWHERE if first <= layer.frame < end else NOTHING
        if math.isinf(first):
            return first, end
        return self._shifted(layer, int(first), end)

    def _shifted(self, layer: L.Layer, first: int, end: float) -> Span:
        """The span of a layer over frames of one input."""
        if isinstance(layer, L.Round):
            size = layer.modulus
            ahead = end if math.isinf(end) else (int(end) - 1) // size * size + size
            return -(-first // size) * size, ahead
        if isinstance(layer, L.StatisticsExtraction):
            size = layer.period
            blocks = -(-int(end) // size) if self.closed else int(end) // size
            return first // size * size, blocks * size
        if isinstance(layer, L.Splice) and layer.clamp:
            return first, end if self.closed else end - max(0, *layer.offsets)
        if isinstance(layer, L.Lstm):
            return first, end if self.closed or not layer.backward else first
        required, all_offsets = required_offsets(layer), offsets_of(layer)
        last = max(required if self.closed else all_offsets)
        return first - min(required), end - last

    # --- looking up

    def rows(self, name: str, numbers: Numbers) -> np.ndarray:
        """`[n, dim]` of frames, all of which are there."""
        track = self.tracks.get(name)
        if track is None:
            return self._described(self.nodes[name], numbers)
        return track.at(numbers)

    def rows_or_zero(self, name: str, numbers: Numbers) -> np.ndarray:
        """`[n, dim]`; frames that are not there are zero."""
        array = np.arange(numbers.start, numbers.stop) if isinstance(numbers, range) else numbers
        first, end = self.span(name)
        inside = (array >= first) & (array < end)
        if inside.all():
            return self.rows(name, numbers)
        found = np.zeros((len(array), self.dim(name)), np.float32)
        if inside.any():
            found[inside] = self.rows(name, array[inside])
        return found

    def dim(self, name: str) -> int:
        """Features of a node or input."""
        if name in self.nodes:
            return self.nodes[name].dim
        return next(one.dim for one in self.plan.network.inputs if one.name == name)

    def _described(self, node: Node, numbers: Numbers) -> np.ndarray:
        layer, inputs = node.layer, node.inputs
        if isinstance(layer, L.Constant):
            return np.full((len(numbers), layer.dim), layer.value, np.float32)
        if isinstance(layer, L.Shift):
            return self.rows(inputs[0], _moved(numbers, layer.offset))
        if isinstance(layer, L.OrZero):
            return self.rows_or_zero(inputs[0], numbers)
        if isinstance(layer, L.AtFrame):
            one = self.rows(inputs[0], range(layer.frame, layer.frame + 1))
            return np.broadcast_to(one, (len(numbers), node.dim))
        array = np.arange(numbers.start, numbers.stop) if isinstance(numbers, range) else numbers
        if isinstance(layer, L.Round):
            return self.rows(inputs[0], array - array % layer.modulus)
        if isinstance(layer, L.Switch):
            return self._chosen(inputs, array % len(inputs), array, node.dim)
        if isinstance(layer, L.Failover):
            first, end = self.span(inputs[0])
            return self._chosen(inputs, 1 - ((array >= first) & (array < end)), array, node.dim)
        # A layer whose inputs are there for every frame, and so is it.
        return computed(self, node, numbers)

    def _chosen(
        self, inputs: Sequence[str], choice: np.ndarray, numbers: np.ndarray, dim: int
    ) -> np.ndarray:
        found = np.zeros((len(numbers), dim), np.float32)
        for place, name in enumerate(inputs):
            chosen = choice == place
            if chosen.any():
                found[chosen] = self.rows(name, numbers[chosen])
        return found


def is_described(node: Node) -> bool:
    """Whether a node is looked up instead of being computed."""
    return isinstance(node.layer, _DESCRIPTORS)


def _moved(numbers: Numbers, by: int) -> Numbers:
    if isinstance(numbers, range):
        return range(numbers.start + by, numbers.stop + by)
    return numbers + by
