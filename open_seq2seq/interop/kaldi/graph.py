"""Networks as graphs of a `GraphBuilder`: described once, for Keras, ONNX, TensorFlow and LiteRT.

An utterance is evaluated as a whole: all frames of a node at once, recurrences in a loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.frame_layers import is_frame_layer
from open_seq2seq.interop.kaldi.graph_layers import Weights, frame_layer, weights
from open_seq2seq.interop.kaldi.graph_recurrence import lstm, recurrence
from open_seq2seq.interop.kaldi.graph_time import time_layer
from open_seq2seq.interop.kaldi.network import Network, Node
from open_seq2seq.interop.kaldi.plan import Plan
from open_seq2seq.interop.kaldi.spans import spans
from open_seq2seq.interop.kaldi.sparse import thinned_frames
from open_seq2seq.interop.kaldi.tracks import is_described


def build(
    g: GraphBuilder,
    network: Network,
    inputs: Mapping[str, Value],
    arrays: Mapping[str, Weights] | None = None,
) -> dict[str, Value]:
    """The scores of a batch of utterances of one length.

    Args:
      g: what writes.
      network: what is written.
      inputs: `[batch, time, dim]` of each input; of those of the whole utterance `[batch, dim]`.
      arrays: weights by node, as `network_weights` gives them; None: constants.

    Returns:
      `[batch, ceil(time / frame_subsampling), dim]` of each output.
    """
    plan = Plan.of(network)
    graph = Graph(g, plan, network_weights(network) if arrays is None else arrays)
    for one in network.inputs:
        value = inputs[one.name]
        if one.per_utterance:
            graph.values[one.name] = g.expand_dims(value, 1)
            continue
        graph.frames = g.size(value, 1) if graph.frames is None else graph.frames
        graph.values[one.name] = graph.padded(value)
    for step in plan.steps:
        if step.direction:
            recurrence(graph, step)
        elif not is_described(step.nodes[0]) and not graph.is_everywhere(step.nodes[0].name):
            graph.compute(step.nodes[0])
    every = network.frame_subsampling
    return {one.name: graph.rows(one.node, 0, 0, every) for one in network.outputs}


def network_weights(network: Network) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each node, by name."""
    return {node.name: weights(node.layer) for node in network.nodes}


class Graph:
    """What is computed so far, and the frames of it that others look at.

    Frames are counted as in `spans`: rows from `first` to `last` are those of the numbers `first`
    to T + `last`, where T is the number of the utterance's frames. With a step n, which scores of
    every n-th frame have, they are as in `thinned_frames`: every n-th of these.

    Args:
      g: what writes.
      plan: of the network.
      arrays: weights by node.
    """

    def __init__(self, g: GraphBuilder, plan: Plan, arrays: Mapping[str, Weights]):
        self.g, self.plan, self.arrays = g, plan, arrays
        self.nodes = {node.name: node for node in plan.network.nodes}
        self.spans = spans(plan)
        self.values: dict[str, Value] = {}
        everywhere = {name for name, (first, _) in self.spans.items() if math.isinf(first)}
        self._thinned = thinned_frames(plan, everywhere)
        self._thinned_values: dict[tuple[str, int], Value] = {}
        self.frames: Value = None

    def padded(self, x: Value) -> Value:
        """Features with copies of the first and last frame before and after them."""
        g, network = self.g, self.plan.network
        if not network.pads_input:
            return x
        parts = [x]
        if network.left_context:
            parts.insert(0, g.tile(g.cut(x, 1, 0, 1), 1, network.left_context))
        if network.right_context:
            last = g.cut(x, 1, g.subtract(self.frames, 1), self.frames)
            parts.append(g.tile(last, 1, network.right_context))
        return g.concatenate(parts, 1) if len(parts) > 1 else x

    def dim(self, name: str) -> int:
        """Features of a node or input."""
        if name in self.nodes:
            return self.nodes[name].dim
        return next(one.dim for one in self.plan.network.inputs if one.name == name)

    def is_everywhere(self, name: str) -> bool:
        """Whether a node has the frames that somebody asks for, whichever they are."""
        return math.isinf(self.spans[name][0])

    def compute(self, node: Node) -> None:
        """All frames of a node that somebody needs."""
        if node.name in self._thinned:
            step = self.plan.network.frame_subsampling
            for rest, (first, last) in self._thinned[node.name].items():
                self._thinned_values[node.name, rest] = self.computed(node, first, last, step)
            return
        first, last = (int(one) for one in self.spans[node.name])
        self.values[node.name] = self.computed(node, first, last)

    def computed(self, node: Node, first: int, last: int, step: int = 1) -> Value:
        """Some frames of a node, computed from its inputs."""
        w = self.arrays[node.name]
        if is_frame_layer(node.layer):
            inputs = [self.rows(name, first, last, step) for name in node.inputs]
            if isinstance(node.layer, L.Concatenate):
                inputs = self.as_long(inputs)
            return frame_layer(self.g, node.layer, w, inputs)
        if isinstance(node.layer, L.Lstm):
            return lstm(self.g, node.layer, w, self.rows(node.inputs[0], first, last))
        return time_layer(self, node, w, first, last, step)

    def as_long(self, values: Sequence[Value]) -> list[Value]:
        """Values of one frame (of the whole utterance), as long as the others."""
        g = self.g
        lengths = [g.size(one, 1) for one in values]
        longest = next((one for one in lengths if not _is_one(one)), None)
        if longest is None:
            return list(values)
        return [g.tile(v, 1, longest) if _is_one(n) else v for v, n in zip(values, lengths)]

    def rows(self, name: str, first: int, last: int, step: int = 1) -> Value:
        """`[batch, T + last - first, dim]`, or one row where all frames are the same.

        With a step `[batch, ceil(T / step) + (last - first) / step, dim]`.
        """
        if name in self.values:
            if self.is_everywhere(name):
                return self.values[name]
            own_first, own_last = (int(one) for one in self.spans[name])
            return self.cut(self.values[name], first - own_first, own_last - last, step)
        if name in self._thinned:
            own_first, own_last = self._thinned[name][first % step]
            value = self._thinned_values[name, first % step]
            return self.cut(value, (first - own_first) // step, (own_last - last) // step)
        node = self.nodes[name]
        layer = node.layer
        if isinstance(layer, L.Shift):
            return self.rows(node.inputs[0], first + layer.offset, last + layer.offset, step)
        if step > 1:
            return self.cut(self.rows(name, first, last), 0, 0, step)
        if isinstance(layer, L.OrZero):
            return self.rows_or_zero(node.inputs[0], first, last)
        if isinstance(layer, L.AtFrame):
            (source,) = node.inputs
            if self.is_everywhere(source):
                return self.rows(source, first, last)
            begin, end = (int(one) for one in self.spans[source])
            place = layer.frame - begin
            row = self.g.cut(self.rows(source, begin, end), 1, place, place + 1)
            # So that it is known to be one.
            return self.g.reshape(row, (self.g.size(row, 0), 1, node.dim))
        return self.computed(node, first, last)

    def zeros(self, first: int, last: int) -> Value:
        """`[batch, T + last - first, 1]`."""
        g, features = self.g, self.plan.network.inputs[0].name
        x = g.cut(g.cut(self.values[features], 1, 0, 1), 2, 0, 1)
        zero = g.to_float(g.less(x, x))  # whatever the features are
        return g.tile(zero, 1, g.add(self.frames, last - first))

    def cut(self, x: Value, before: int, after: int, step: int = 1) -> Value:
        """Without some first and last frames; of the others every `step`-th."""
        if not before and not after and step == 1:
            return x
        g = self.g
        stop = g.subtract(g.size(x, 1), after) if after else None
        return g.cut(x, 1, before, stop, step)

    def rows_or_zero(self, name: str, first: int, last: int) -> Value:
        """The same; frames that a node does not have are zero."""
        begin, end = self.spans[name]
        if math.isinf(begin):
            return self.rows(name, first, last)
        value = self.rows(name, int(begin), int(end))
        before, after = max(int(begin) - first, 0), max(last - int(end), 0)
        value = self.g.pad(value, 1, before, after) if before or after else value
        return self.cut(value, max(first - int(begin), 0), max(int(end) - last, 0))


def _is_one(size: Value) -> bool:
    return isinstance(size, (int, np.integer)) and int(size) == 1
