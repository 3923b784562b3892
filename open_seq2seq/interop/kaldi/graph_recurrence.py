"""Recurrences as loops: nnet1's LSTM, and circles of nnet3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.frame_layers import is_frame_layer
from open_seq2seq.interop.kaldi.graph_layers import Weights, frame_layer, split
from open_seq2seq.interop.kaldi.network import Node
from open_seq2seq.interop.kaldi.plan import Step


def lstm(g: GraphBuilder, layer: L.Lstm, w: Weights, x: Value) -> Value:
    """`[batch, time, in]` to `[batch, time, out]`."""
    projected = g.dense(x, w["kernel"], w["bias"])
    cell, clip = len(layer.peephole_i), float(layer.cell_clip)

    def step(frames: list[Value], states: list[Value]) -> tuple[list[Value], list[Value]]:
        r, c = states
        gates = g.add(frames[0], g.dense(r, w["recurrent_kernel"]))
        part, gate_i, gate_f, gate_o = split(g, gates, [cell] * 4)
        i = g.unary("sigmoid", g.add(gate_i, g.multiply(c, w["peephole_i"])))
        f = g.unary("sigmoid", g.add(gate_f, g.multiply(c, w["peephole_f"])))
        c = g.add(g.multiply(g.unary("tanh", part), i), g.multiply(c, f))
        if clip > 0:
            c = g.minimum(g.maximum(c, -clip), clip)
        o = g.unary("sigmoid", g.add(gate_o, g.multiply(c, w["peephole_o"])))
        r = g.dense(g.multiply(o, g.unary("tanh", c)), w["projection"])
        return [r, c], [r]

    (found,) = g.scan(step, [len(layer.projection), cell], [projected], layer.backward)
    return found


def recurrence(graph: Any, step: Step) -> None:
    """Computes the nodes of a circle, frame by frame.

    Args:
      graph: a `Graph`, whose values get the nodes' frames.
      step: the circle.
    """
    g, own = graph.g, {node.name: node for node in step.nodes}
    computed = [node for node in step.nodes if not isinstance(node.layer, (L.Shift, L.OrZero))]
    known = [node for node in computed if not graph.is_everywhere(node.name)]
    first = int(min(graph.spans[node.name][0] for node in known))
    last = int(max(graph.spans[node.name][1] for node in known))
    # Of these alone the frames are kept.
    read = [node for node in known if _is_read(graph, node, own)]
    # What comes from outside, for all frames at once; of some nodes products with it, too.
    loop = _Loop(graph, own, computed, first, last)
    delays = {node.name: abs(node.layer.offset) for node in step.nodes
              if isinstance(node.layer, L.Shift) and node.inputs[0] in own}  # fmt: skip
    # The last frames of a node lie side by side, the newest first: as states of their own, each
    # would become the next one unchanged, which LiteRT's loops get wrong.
    states = [own[name].dim * count for name, count in delays.items()]

    def body(frames: list[Value], before: list[Value]) -> tuple[list[Value], list[Value]]:
        values, news = {}, []
        for state, (name, count) in zip(before, delays.items()):
            dim = own[name].dim
            values[name] = g.cut(state, 2, (count - 1) * dim, count * dim)
        loop.run(frames, values)
        for state, (name, count) in zip(before, delays.items()):
            newest = values[own[name].inputs[0]]
            older = g.cut(state, 2, 0, (count - 1) * own[name].dim)
            news.append(g.concatenate([newest, older], 2) if count > 1 else newest)
        return news, [values[node.name] for node in read]

    outputs = g.scan(body, states, loop.sequences, step.direction < 0)
    for node, value in zip(read, outputs):
        begin, end = graph.spans[node.name]
        graph.values[node.name] = graph.cut(value, int(begin) - first, last - int(end))


class _Loop:
    """The nodes of a circle at one frame.

    Args:
      graph: a `Graph`.
      own: the circle's nodes.
      computed: those that are no descriptors, in order.
      first, last: the frames of the loop.
    """

    def __init__(
        self, graph: Any, own: dict[str, Node], computed: list[Node], first: int, last: int
    ):
        self.graph, self.own, self.computed = graph, own, computed
        self.sequences: list[Value] = []
        self._places: dict[str, int] = {}
        self._split: dict[str, tuple[Node, list[str], np.ndarray]] = {}
        self._masked = {
            node.name
            for node in computed
            if not graph.is_everywhere(node.name) and graph.spans[node.name] != (first, last)
        }
        skipped = self._hoist(first, last)
        for node in own.values():
            if node.name in skipped:
                continue
            for name in node.inputs:
                if name not in own:
                    self._add(name, graph.rows_or_zero(name, first, last), first, last)
        for node in computed:
            if node.name in self._masked:
                self._add(f"mask of {node.name}", self._mask(node, first, last), first, last)

    def _add(self, name: str, value: Value, first: int, last: int) -> None:
        if name in self._places:
            return
        g = self.graph.g
        frames = g.add(self.graph.frames, last - first)
        size = g.size(value, 1)
        if isinstance(size, int) and size == 1:
            value = g.tile(value, 1, frames)
        self._places[name] = len(self.sequences)
        self.sequences.append(value)

    def _mask(self, node: Node, first: int, last: int) -> Value:
        """1 in the frames that a node has, 0 in others: `[batch, time, 1]`."""
        g = self.graph.g
        begin, end = (int(one) for one in self.graph.spans[node.name])
        ones = g.add(self.graph.zeros(begin, end), 1.0)
        return g.pad(ones, 1, max(begin - first, 0), max(last - end, 0))

    def _hoist(self, first: int, last: int) -> set[str]:
        """Products with what comes from outside, of affine layers over inputs side by side."""
        graph, g = self.graph, self.graph.g
        users: dict[str, list[Node]] = {}
        for node in self.own.values():
            for name in node.inputs:
                users.setdefault(name, []).append(node)
        skipped = set()
        for node in self.computed:
            source = self.own.get(node.inputs[0]) if node.inputs else None
            if not (isinstance(node.layer, L.Affine) and source is not None):
                continue
            if not isinstance(source.layer, L.Concatenate) or len(users[source.name]) > 1:
                continue
            if _is_read(graph, source, self.own):
                continue
            outside = [name not in self.own for name in source.inputs]
            if not any(outside) or all(outside):
                continue
            dims = [graph.dim(name) for name in source.inputs]
            chosen = np.repeat(outside, dims)
            kernel = graph.arrays[node.name]["kernel"]
            values = [
                graph.rows_or_zero(name, first, last)
                for name, is_outside in zip(source.inputs, outside)
                if is_outside
            ]
            value = g.concatenate(graph.as_long(values), 2) if len(values) > 1 else values[0]
            product = g.dense(value, _rows(g, kernel, chosen), graph.arrays[node.name].get("bias"))
            self._add(f"product of {node.name}", product, first, last)
            inside = [name for name, is_out in zip(source.inputs, outside) if not is_out]
            self._split[node.name] = (source, inside, ~chosen)
            skipped.add(source.name)
        return skipped

    def run(self, frames: list[Value], values: dict[str, Value]) -> None:
        """Computes all nodes of a frame into `values`, which have the shifted ones."""
        g = self.graph.g
        skipped = {source.name for source, _, _ in self._split.values()}

        def value(name: str) -> Value:
            if name in values:
                return values[name]
            if name in self._places:
                return frames[self._places[name]]
            node = self.own[name]  # a descriptor
            assert isinstance(node.layer, (L.OrZero, L.Shift)), node
            values[name] = value(node.inputs[0])
            return values[name]

        for node in self.computed:
            if node.name in skipped:
                continue
            w = self.graph.arrays[node.name]
            if node.name in self._split:
                _, inside, chosen = self._split[node.name]
                parts = [value(name) for name in inside]
                x = g.concatenate(parts, 2) if len(parts) > 1 else parts[0]
                product = g.dense(x, _rows(g, w["kernel"], chosen))
                found = g.add(frames[self._places[f"product of {node.name}"]], product)
            else:
                assert is_frame_layer(node.layer), node
                found = frame_layer(g, node.layer, w, [value(name) for name in node.inputs])
            if node.name in self._masked:
                found = g.multiply(found, frames[self._places[f"mask of {node.name}"]])
            values[node.name] = found


def _is_read(graph: Any, node: Node, own: Mapping[str, Node]) -> bool:
    """Whether somebody outside of a circle looks at a node of it."""
    users = graph.plan.consumers.get(node.name, ())
    outputs = {one.node for one in graph.plan.network.outputs}
    return node.name in outputs or any(user.name not in own for user in users)


def _rows(g: GraphBuilder, kernel: Any, chosen: np.ndarray) -> Any:
    """Some rows of a kernel, which is an array or a variable."""
    if isinstance(kernel, np.ndarray):
        return kernel[chosen]
    return g.take(kernel, np.flatnonzero(chosen), 0)
