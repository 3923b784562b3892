"""The frames of nodes that scores of every n-th frame need: a third, late in chain models."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.frame_layers import is_frame_layer
from open_seq2seq.interop.kaldi.layers import Layer
from open_seq2seq.interop.kaldi.plan import Plan, offsets_of

# (first, last): with scores of the frames 0, n, ..., m, the frames first, first + n, ..., m + last.
Thinned = tuple[int, int]


@dataclass(frozen=True)
class Kept:
    """The frames of a node that are kept: of every `step` those with these remainders.

    Args:
      step: 1: all of them.
      rests: rising.
    """

    step: int = 1
    rests: tuple[int, ...] = (0,)

    def place(self, number: int) -> int:
        """How many kept ones come before a number, counted from frame 0."""
        return number // self.step * len(self.rests) + sum(
            r < number % self.step for r in self.rests
        )

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """The same of numbers of kept frames."""
        before = np.searchsorted(self.rests, numbers % self.step)
        return numbers // self.step * len(self.rests) + before

    def number(self, place: int) -> int:
        """The kept frame at a place."""
        return place // len(self.rests) * self.step + self.rests[place % len(self.rests)]

    def numbers(self, first: int, end: int) -> range | np.ndarray:
        """Those from one place up to another."""
        if self.step == 1:
            return range(first, end)
        places = np.arange(first, end)
        count = len(self.rests)
        return places // count * self.step + np.asarray(self.rests)[places % count]


ALL = Kept()


def kept_frames(plan: Plan) -> dict[str, Kept]:
    """The nodes of which some frames suffice, and which."""
    step = plan.network.frame_subsampling
    return {name: Kept(step, tuple(sorted(one))) for name, one in thinned_frames(plan).items()}


def thinned_frames(
    plan: Plan, whole: Container[str] = frozenset()
) -> dict[str, dict[int, Thinned]]:
    """The nodes of which some frames suffice, and these frames.

    Args:
      plan: of a network with `frame_subsampling` n; with 1 there are none.
      whole: nodes whose inputs are needed at every frame, whatever they are.

    Returns:
      by node, and by remainder of the frames' numbers divided by n. Absent, since all their frames
      are computed: nodes of recurrences, those that look at frames by other rules than offsets, and
      what either of them looks at.
    """
    step = plan.network.frame_subsampling
    if step == 1:
        return {}
    wanted: dict[str, dict[int, Thinned]] = {}
    full: set[str] = set()
    for output in plan.network.outputs:
        _want(wanted, output.node, step, 0, 0)
    found: dict[str, Mapping[int, Thinned]] = {}
    for one in reversed(plan.steps):
        for node in reversed(one.nodes):
            spans = wanted.get(node.name, {})
            sparse = node.name not in full and len(spans) < step
            if one.direction or node.name in whole or not sparse or not _has_offsets(node.layer):
                full.update(node.inputs)
                continue
            if not isinstance(node.layer, L.Shift):  # looked up, never computed
                found[node.name] = spans
            for offset in _offsets(node.layer):
                for first, last in spans.values():
                    for name in node.inputs:
                        _want(wanted, name, step, first + offset, last + offset)
    return {name: dict(spans) for name, spans in found.items()}


def _want(
    wanted: dict[str, dict[int, Thinned]], name: str, step: int, first: int, last: int
) -> None:
    spans = wanted.setdefault(name, {})
    known = spans.get(first % step, (first, last))
    spans[first % step] = min(known[0], first), max(known[1], last)


def _has_offsets(layer: Layer) -> bool:
    """Whether a layer looks at frames at fixed distances, all of which have to be there."""
    if isinstance(layer, L.Splice):
        return not layer.clamp
    return isinstance(layer, (L.Tdnn, L.Shift)) or is_frame_layer(layer)


def _offsets(layer: Layer) -> tuple[int, ...]:
    own = (0,) if isinstance(layer, L.Splice) and layer.constant_dim else ()
    return (*offsets_of(layer), *own)
