"""A network of Kaldi's layers as one of whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Network, Node
from open_seq2seq.scoring.gna.affine import IntegerAffine, IntegerDiagonal, block_size
from open_seq2seq.scoring.gna.integer_layers import Dequantize, IntegerLayer, IntegerSum, Quantize
from open_seq2seq.scoring.gna.lstm import quantized_lstm
from open_seq2seq.scoring.gna.packing import fingerprint
from open_seq2seq.scoring.gna.scale_factors import LARGEST_WEIGHT_16, input_scale_factor
from open_seq2seq.scoring.gna.segments import ACTIVATIONS, Segments
from open_seq2seq.scoring.gna.sums import as_affine

Calibration: TypeAlias = Callable[[], Mapping[str, np.ndarray]]
# Layers that move numbers, or choose among them, and so take whole ones as they are.
_MOVES = (L.Splice, L.Select, L.Range, L.Identity, L.Shift, L.OrZero, L.Round, L.AtFrame)
# The same of several inputs, which need one factor.
_JOINS = (L.Concatenate, L.Failover, L.Switch)


@dataclass(frozen=True)
class Rules:
    """How a network is quantised.

    Args:
      bits: 8 or 16, of affine layers' weights (`-qb`).
      max_error: percent of the straight pieces (`-pwl_me`).
      frames: 1 to 8, computed together (`-bs`): after how many inputs sums are saturated.
      generation: of the accelerator, 1 to 3.
    """

    bits: int = 16
    max_error: float = 1.0
    frames: int = 1
    generation: int = 2


@dataclass(frozen=True)
class IntegerNetwork:
    """A network whose layers compute in whole numbers where GNA's arithmetic has them.

    Args:
      network: its nodes are layers of `integer_layers` and of Kaldi's.
      scales: the factor of each node's numbers; None: they are real.
      input_scales: of the inputs.
      rules: it was made by.
      in_float: kinds of layers that stay in float, with their number.
      saturations: so far, by node.
      fingerprint: of the float network.
    """

    network: Network
    scales: Mapping[str, float | None]
    input_scales: Mapping[str, float]
    rules: Rules
    in_float: Mapping[str, int]
    saturations: Counter[str]
    fingerprint: str = ""


def quantized_network(
    network: Network,
    input_scales: Mapping[str, float],
    rules: Rules,
    calibration: Calibration,
) -> IntegerNetwork:
    """The network in whole numbers.

    Args:
      network: of floats, prepared.
      input_scales: the inputs' factors.
      rules: how.
      calibration: gives what nodes give for an utterance, by name: of those that stay in float,
        the factors, where integers follow. It is asked only if there are such.
    """
    return _Quantizer(network, input_scales, rules, calibration).quantize()


class _Quantizer:
    def __init__(
        self,
        network: Network,
        input_scales: Mapping[str, float],
        rules: Rules,
        calibration: Calibration,
    ):
        self.network, self.rules, self._calibration = network, rules, calibration
        self.input_scales = dict(input_scales)
        self.saturations: Counter[str] = Counter()
        self.in_float: Counter[str] = Counter()
        self.nodes: list[Node] = []
        # What each node of the old network is in the new one: its name, and its factor.
        self.now: dict[str, tuple[str, float | None]] = {}
        self.dims = {one.name: one.dim for one in network.inputs}
        self.dims |= {one.name: one.dim for one in network.nodes}
        self.users: dict[str, list[Node]] = {}
        for node in network.nodes:
            for name in node.inputs:
                self.users.setdefault(name, []).append(node)
        self.read = {one.node for one in network.outputs}
        self.block = block_size(rules.frames, rules.generation)

    def quantize(self) -> IntegerNetwork:
        self._check_order()
        for one in self.network.inputs:
            self._append_whole(one.name, one.name, self.input_scales[one.name], one.dim)
        for node in self.network.nodes:
            if node.name not in self.now:
                self._add(node)
        outputs = tuple(replace(one, node=self._as_float(one.node)) for one in self.network.outputs)
        scales = dict(self.now.values())
        network = replace(self.network, nodes=tuple(self.nodes), outputs=outputs)
        return IntegerNetwork(
            network,
            scales,
            self.input_scales,
            self.rules,
            self.in_float,
            self.saturations,
            fingerprint(self.network),
        )

    def _check_order(self) -> None:
        """A circle is entered through a node that stands later: its factor has to be known, so
        everything in circles stays in float."""
        place = {node.name: at for at, node in enumerate(self.network.nodes)}
        self.circular = set()
        for at, node in enumerate(self.network.nodes):
            later = [place[name] for name in node.inputs if place.get(name, -1) >= at]
            for end in later:
                self.circular |= {one.name for one in self.network.nodes[at : end + 1]}

    def _stays(self, node: Node) -> bool:
        """Whether a node stays in float."""
        layer = node.layer
        known = (*_MOVES, *_JOINS, L.Sum)
        return node.name in self.circular or not (
            isinstance(layer, known)
            or (isinstance(layer, L.Activation) and layer.kind in ACTIVATIONS)
            or (isinstance(layer, L.Pool) and layer.kind == "max")
            or isinstance(layer, L.Lstm)
            or as_affine(layer, self.dims[node.inputs[0]] if node.inputs else 0)
        )

    def _add(self, node: Node) -> None:
        layer = node.layer
        if self._stays(node):
            self._stay(node)
        elif found := as_affine(layer, self.dims[node.inputs[0]] if node.inputs else 0):
            self._add_sums(node, found)
        elif isinstance(layer, L.Lstm):
            self._add_lstm(node, layer)
        elif isinstance(layer, L.Activation):
            name, scale = self._as_whole(node.inputs[0])
            sums = _ones(node.dim, scale)
            segments = Segments.of(layer.kind, sums.output_scale, self.rules.max_error)
            new = IntegerLayer(node.name, sums, segments, None, self.block, self.saturations)
            self._append(node, new, (name,), segments.output_scale)
        elif isinstance(layer, _MOVES):
            name, own_scale = self.now[node.inputs[0]]
            self._append(node, layer, (name,), own_scale)
        elif isinstance(layer, _JOINS):
            names, scale = self._with_one_scale(node)
            self._append(node, layer, names, scale)
        elif isinstance(layer, L.Sum):
            names, scale = self._with_one_scale(node)
            weight = LARGEST_WEIGHT_16 / 2.0 ** (len(names) - 1).bit_length()
            segments = Segments.of("identity", scale * weight, self.rules.max_error)
            summed = IntegerSum(node.name, weight, segments, self.saturations)
            self._append(node, summed, names, segments.output_scale)
        else:
            assert isinstance(layer, L.Pool), layer
            name, scale = self._as_whole(node.inputs[0])
            self._append(node, layer, (name,), scale)

    def _add_sums(self, node: Node, found: Any) -> None:
        name, scale = self._as_whole(node.inputs[0])
        if isinstance(node.layer, L.Tdnn):
            spliced = Node(f"{node.name}.splice", L.Splice(node.layer.offsets), (name,),
                           self.dims[node.inputs[0]] * len(node.layer.offsets))  # fmt: skip
            self.nodes.append(spliced)
            name = spliced.name
        sums: IntegerAffine | IntegerDiagonal
        if isinstance(node.layer, (L.Diagonal, L.RepeatedDiagonal)):
            sums = IntegerDiagonal.quantize(found.weight, found.bias, scale)
        else:
            bits = self.rules.bits if found.may_be_8_bit else 16
            sums = IntegerAffine.quantize(found.weight, found.bias, scale, bits)

        def layer(segments: Segments | None) -> IntegerLayer:
            return IntegerLayer(
                node.name, sums, segments, found.gather, self.block, self.saturations
            )

        users = self.users.get(node.name, [])
        function = users[0].layer if len(users) == 1 and node.name not in self.read else None
        if all(self._stays(user) for user in users):
            # The network's end, or that of its part in whole numbers: all 32 bits count.
            self._append(node, layer(None), (name,), None)
        elif isinstance(function, L.Activation) and function.kind in ACTIVATIONS:
            segments = Segments.of(function.kind, sums.output_scale, self.rules.max_error)
            self._append(users[0], layer(segments), (name,), segments.output_scale)
            self.now[node.name] = self.now[users[0].name]
        else:
            segments = Segments.of("identity", sums.output_scale, self.rules.max_error)
            self._append(node, layer(segments), (name,), segments.output_scale)

    def _add_lstm(self, node: Node, layer: L.Lstm) -> None:
        name, scale = self._as_whole(node.inputs[0])
        rules = self.rules
        new = quantized_lstm(
            layer, node.name, scale, rules.bits, rules.max_error, self.block, self.saturations
        )
        self._append(node, new, (name,), new.output_scale)

    def _stay(self, node: Node) -> None:
        names = tuple(self._as_float(name) for name in node.inputs)
        if not isinstance(node.layer, L.Constant):
            self.in_float[type(node.layer).__name__] += 1
        self._append(node, node.layer, names, None)

    def _append(self, node: Node, layer: Any, inputs: tuple[str, ...], scale: float | None) -> None:
        self.nodes.append(Node(node.name, layer, inputs, node.dim))
        self.now[node.name] = (node.name, scale)

    def _as_float(self, name: str) -> str:
        """The node that has a node's numbers as real ones."""
        now, scale = self.now.get(name, (name, None))
        if scale is None:
            return now
        real = f"{now}.float"
        if not any(one.name == real for one in self.nodes):
            layer: Any = Dequantize(scale)
            self.nodes.append(Node(real, layer, (now,), self.dims[name]))
        return real

    def _as_whole(self, name: str, wanted: float | None = None) -> tuple[str, float]:
        """The node that has a node's numbers as whole ones, and their factor.

        Args:
          wanted: the factor; None: its own.
        """
        now, scale = self.now[name]
        if scale is None:
            scale = wanted or input_scale_factor(self._calibrated[name])
            now = self._append_whole(name, now, scale, self.dims[name])
        if wanted is None or wanted == scale:
            return now, scale
        other = f"{now}.by_{wanted:g}"
        if not any(one.name == other for one in self.nodes):
            sums = _ones(self.dims[name], scale)
            segments = Segments.identity(sums.output_scale, wanted)
            layer = IntegerLayer(other, sums, segments, None, self.block, self.saturations)
            self.nodes.append(Node(other, layer, (now,), self.dims[name]))  # type: ignore[arg-type]
        return other, wanted

    @cached_property
    def _calibrated(self) -> Mapping[str, np.ndarray]:
        return self._calibration()

    def _append_whole(self, name: str, source: str, scale: float, dim: int) -> str:
        whole = f"{source}.whole"
        layer: Any = Quantize(whole, scale, self.saturations)
        self.nodes.append(Node(whole, layer, (source,), dim))
        self.now[name] = (whole, scale)
        return whole

    def _with_one_scale(self, node: Node) -> tuple[tuple[str, ...], float]:
        """The inputs of a join, all with the smallest of their factors."""
        scale = min(self._as_whole(name)[1] for name in node.inputs)
        return tuple(self._as_whole(name, scale)[0] for name in node.inputs), scale


def _ones(dim: int, scale: float) -> IntegerDiagonal:
    """What a function of numbers of 16 bits goes through: they become sums of 32 bits."""
    return IntegerDiagonal.quantize(np.ones(dim, np.float32), None, scale)
