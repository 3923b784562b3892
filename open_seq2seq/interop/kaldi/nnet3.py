"""nnet3: networks that are graphs of components and descriptors (`final.mdl`, `final.raw`).

Config lines and formulas: Kaldi's src/nnet3 (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.context import with_contexts
from open_seq2seq.interop.kaldi.descriptors import Descriptor, parse_descriptor
from open_seq2seq.interop.kaldi.draft import Draft
from open_seq2seq.interop.kaldi.fields import ModelReader, Spec, float32
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output
from open_seq2seq.interop.kaldi.nnet3_components import Component, read_component
from open_seq2seq.interop.kaldi.plan import Plan, components_of

_FIRST_WORDS = ("input-node", "component-node", "output-node", "dim-range-node")
_FARTHEST = 100_000  # frames


def read_nnet3(reader: ModelReader, is_model: bool) -> Network:
    """The network, from `<Nnet3>` on.

    Args:
      reader: at its first token.
      is_model: whether it is of a `.mdl`, where contexts and priors follow.
    """
    values = reader.values
    values.expect("<Nnet3>")
    lines = _config_lines(reader)
    values.expect("<NumComponents>")
    count = values.integer("the number of components")
    components: dict[str, Component] = {}
    number = 0
    while values.peek_token() != "</Nnet3>":
        start = reader.position
        values.context = f"component {number}"
        values.expect("<ComponentName>", "</Nnet3>")
        name = values.token("a component's name")
        values.context = f"component {number}, {name[:60]}"
        if name in components:
            reader.fail(f"{name} again", "names of their own", at=start)
        component = read_component(reader, name)
        if component is not None:
            components[name] = component
        number += 1
    values.token()
    values.context = ""
    if number != count:
        reader.fail(f"{number} components", f"{count}, as the file says before them")
    reader.finish()
    network = _Graph(reader, lines, components).network()
    return _with_priors(network, reader) if is_model else network


def _with_priors(network: Network, reader: ModelReader) -> Network:
    wanted: Spec = {"<LeftContext>": "int", "<RightContext>": "int", "<Priors>": "vector"}
    found = reader.fields(wanted)
    missing = [name for name in wanted if found.get(name) is None]
    if missing:
        reader.fail(
            f"no {', '.join(missing)}", "what is behind the network in a .mdl: a whole file"
        )
    priors = found.get("<Priors>")
    dim = network.outputs[0].dim
    found.check(
        len(priors) in (0, dim), f"{len(priors)} priors", f"{dim}, one for each class, or none"
    )
    return replace(network, priors=float32(priors))


@dataclass(frozen=True)
class _Line:
    kind: str
    values: Mapping[str, str]
    start: int

    @property
    def name(self) -> str:
        return self.values["name"]


def _config_lines(reader: ModelReader) -> dict[str, _Line]:
    """The lines up to an empty one, by name."""
    source = reader.values.source
    lines: dict[str, _Line] = {}
    while True:
        start = reader.position
        if source.at_end():
            reader.fail("the end of the file", "an empty line behind the config lines", at=start)
        raw = source.line()
        text = raw.decode("utf-8", errors="replace").partition("#")[0].strip()
        if not text:
            # The first line is the end of that of <Nnet3>, and others may be empty before any is.
            if lines or source.peek(1) == b"<":
                return lines
            continue
        line = _parsed(text, start, reader)
        if line.name in lines:
            reader.fail(f"{line.name} again", "names of their own", at=start)
        lines[line.name] = line


def _parsed(text: str, start: int, reader: ModelReader) -> _Line:
    word, *others = text.split(None, 1)
    rest = "".join(others)
    if word not in _FIRST_WORDS:
        expected = f"a line that begins with {' or '.join(_FIRST_WORDS)}"
        reader.fail(repr(text[:60]), expected, at=start)
    # A value goes to the next name with an equals sign.
    values = {
        found.group(1): found.group(2).strip()
        for found in re.finditer(r"([a-z-]+)=(.*?)(?=\s+[a-z-]+=|$)", rest)
    }
    if not values.get("name"):
        reader.fail(repr(text[:60]), "a line with name=", at=start)
    return _Line(word, values, start)


@dataclass
class _Graph:
    """The nodes of config lines.

    Args:
      reader: for errors.
      lines: by name.
      components: by name.
    """

    reader: ModelReader
    lines: Mapping[str, _Line]
    components: Mapping[str, Component]
    draft: Draft = field(default_factory=Draft)
    _described: dict[Descriptor, str] = field(default_factory=dict)

    def network(self) -> Network:
        """All that outputs are computed from."""
        inputs = self._inputs()
        outputs = [line for line in self.lines.values() if line.kind == "output-node"]
        if not outputs or not inputs:
            self.reader.fail("config lines without an input-node or output-node", "both")
        self.draft.names = set(self.lines)
        for line in self.lines.values():
            if line.kind == "component-node":
                self._component_node(line)
            elif line.kind == "dim-range-node":
                self._dim_range(line)
        found = []
        for line in outputs:
            node = self._node(self._descriptor(line), line)
            if node in (one.name for one in inputs):
                node = self.draft.add(line.name, L.Identity(), [node], self._dim(node, line))
            found.append(Output(line.name, node, self._dim(node, line)))
        found.sort(key=lambda one: one.name != "output")
        network = Network("nnet3", tuple(inputs), tuple(self.draft.nodes), tuple(found))
        network = _used(network)
        self._check_circles(network)
        try:
            network = with_contexts(network)
        except RecursionError:
            self.reader.fail(
                "an output that needs itself, or frames without end",
                "recurrences by IfDefined(Offset(...))",
            )
        if max(network.left_context, network.right_context) > _FARTHEST:
            self.reader.fail(f"contexts beyond {_FARTHEST} frames", "fewer")
        steps = Plan.of(network).steps
        in_order = tuple(node for step in steps for node in step.nodes)
        return replace(network, nodes=in_order)

    def _inputs(self) -> list[Input]:
        found = []
        for line in self.lines.values():
            if line.kind == "input-node":
                dim = self._integer(line, "dim")
                if dim < 1:
                    self._fail(line, f"dim={dim}", "a positive one")
                found.append(Input(line.name, dim, self._is_of_utterance(line.name)))
        if found and all(one.per_utterance for one in found):
            found[0] = replace(found[0], per_utterance=False)
        found.sort(key=lambda one: one.per_utterance)
        return found

    def _is_of_utterance(self, name: str) -> bool:
        """Whether an input is the same in all frames: i-vectors, and what is so used."""
        if name in ("input", "ivector"):
            return name == "ivector"
        word = rf"(?<![\w.-]){re.escape(name)}(?![\w.-])"
        uses = [line.values.get("input", "") for line in self.lines.values()]
        all_uses = sum(len(re.findall(word, text)) for text in uses)
        fixed = sum(len(re.findall(rf"ReplaceIndex\(\s*{word}\s*,\s*t\b", one)) for one in uses)
        return 0 < all_uses == fixed

    # --- nodes

    def _component_node(self, line: _Line) -> None:
        name = self._value(line, "component")
        component = self.components.get(name)
        if component is None:
            self._fail(line, f"component={name[:60]}", "a component that is there")
        if "input" in line.values:
            last = self._node(self._descriptor(line), line)
            dim = self._dim(last, line)
            if component.dim_in not in (None, dim):
                expected = f"{component.dim_in}, as its component takes"
                self._fail(line, f"an input of {dim} features", expected)
            inputs = [last]
        elif component.dim_in is None and len(component.layers) == 1:
            dim, inputs = component.dim_out or 0, []
        else:
            self._fail(line, "no input=", "one")
        layers = component.layers or ((L.Identity(), None),)
        for number, (layer, dim_out) in enumerate(layers):
            dim = dim if dim_out is None else dim_out
            inputs = [] if isinstance(layer, L.Constant) else inputs
            if number == len(layers) - 1:  # under the line's own name
                self.draft.names.discard(line.name)
                self.draft.add(line.name, layer, inputs, dim)
            else:
                inputs = [self.draft.add(f"{line.name}.{number}", layer, inputs, dim)]

    def _dim_range(self, line: _Line) -> None:
        name = self._value(line, "input-node")
        start, dim = self._integer(line, "dim-offset"), self._integer(line, "dim")
        if name not in self.lines:
            self._fail(line, f"input-node={name[:60]}", "a node that is there")
        size = self._dim(name, line)
        if start < 0 or not 0 < dim <= size - start:
            self._fail(line, f"features {start} to {start + dim}", f"some of 0 to {size}")
        self.draft.names.discard(line.name)
        self.draft.add(line.name, L.Range(start, dim), [name], dim)

    def _dim(self, name: str, line: _Line, depth: int = 0) -> int:
        """Features of a node: of one that is not there yet, as its line says."""
        if name in self.draft.dims:
            return self.draft.dims[name]
        own = self.lines.get(name)
        if own is None or own.kind == "output-node" or depth > 1000:
            self._fail(line, f"the node {name[:60]}", "one that is there")
        if own.kind in ("input-node", "dim-range-node"):
            return self._integer(own, "dim")
        component = self.components.get(self._value(own, "component"))
        if component is None:
            self._fail(own, "a component that is not there", "one that is")
        if component.dim_out is not None:
            return component.dim_out
        return self._descriptor_dim(self._descriptor(own), own, depth + 1)

    def _descriptor_dim(self, one: Descriptor, line: _Line, depth: int) -> int:
        if one.is_node:
            return self._dim(one.name, line, depth)
        if one.name == "Const":
            return self._whole(one.values[1], line)
        dims = [self._descriptor_dim(part, line, depth) for part in one.parts]
        return sum(dims) if one.name == "Append" else dims[0]

    # --- descriptors

    def _descriptor(self, line: _Line) -> Descriptor:
        def fail(found: str) -> NoReturn:
            self._fail(line, found, "a descriptor such as Append(Offset(input, -1), input)")

        return parse_descriptor(self._value(line, "input"), fail)

    def _node(self, one: Descriptor, line: _Line) -> str:
        """The node that computes a descriptor; equal ones are one node."""
        if one.is_node:
            if one.name not in self.lines or self.lines[one.name].kind == "output-node":
                self._fail(line, f"the node {one.name[:60]}", "one that is there")
            return one.name
        if one not in self._described:
            self._described[one] = _MAKERS[one.name](self, one, line)
        return self._described[one]

    def _add(self, name: str, layer: L.Layer, inputs: list[str], line: _Line, dim: int = 0) -> str:
        dims = [self._dim(one, line) for one in inputs]
        if not isinstance(layer, L.Concatenate) and len(set(dims)) > 1:
            self._fail(line, f"{name} of nodes of {' and '.join(map(str, dims))}", "equal ones")
        if not dim:
            dim = sum(dims) if isinstance(layer, L.Concatenate) else dims[0]
        return self.draft.add(f"{line.name}.{name}", layer, inputs, dim)

    def _append(self, one: Descriptor, line: _Line) -> str:
        nodes = [self._node(part, line) for part in one.parts]
        if len(nodes) == 1:
            return nodes[0]
        # Frames of one node side by side are a splice.
        shifts = [_shift(part) for part in one.parts]
        names = {name for name, _ in shifts}
        if len(names) == 1 and None not in names and len({time for _, time in shifts}) > 1:
            (name,) = names
            offsets = tuple(time for _, time in shifts)
            dim = self._dim(str(name), line) * len(offsets)
            return self._add("splice", L.Splice(offsets), [str(name)], line, dim)
        return self._add("append", L.Concatenate(), nodes, line)

    def _sum(self, one: Descriptor, line: _Line) -> str:
        nodes = [self._node(part, line) for part in one.parts]
        return nodes[0] if len(nodes) == 1 else self._add("sum", L.Sum(), nodes, line)

    def _offset(self, one: Descriptor, line: _Line) -> str:
        node = self._node(one.parts[0], line)
        time = self._whole(one.values[0], line)
        if len(one.values) > 1 and self._whole(one.values[1], line) != 0:
            self._fail(line, "an offset of x", "offsets of time")
        return self._add("offset", L.Shift(time), [node], line) if time else node

    def _scale(self, one: Descriptor, line: _Line) -> str:
        factor = np.full(1, self._real(one.values[0], line), np.float32)
        return self._add("scale", L.Diagonal(scale=factor), [self._node(one.parts[0], line)], line)

    def _const(self, one: Descriptor, line: _Line) -> str:
        dim = self._whole(one.values[1], line)
        if not 0 < dim <= 1_000_000:
            self._fail(line, f"Const of {dim} features", "1 to 1000000")
        return self._add("const", L.Constant(self._real(one.values[0], line), dim), [], line, dim)

    def _if_defined(self, one: Descriptor, line: _Line) -> str:
        return self._add("ifdefined", L.OrZero(), [self._node(one.parts[0], line)], line)

    def _failover(self, one: Descriptor, line: _Line) -> str:
        nodes = [self._node(part, line) for part in one.parts]
        return self._add("failover", L.Failover(), nodes, line)

    def _switch(self, one: Descriptor, line: _Line) -> str:
        nodes = [self._node(part, line) for part in one.parts]
        return self._add("switch", L.Switch(), nodes, line)

    def _round(self, one: Descriptor, line: _Line) -> str:
        modulus = self._whole(one.values[0], line)
        if modulus < 1:
            self._fail(line, f"Round to {modulus}", "a positive number")
        return self._add("round", L.Round(modulus), [self._node(one.parts[0], line)], line)

    def _replace_index(self, one: Descriptor, line: _Line) -> str:
        node = self._node(one.parts[0], line)
        variable, value = one.values[0], self._whole(one.values[1], line)
        if variable not in ("t", "x"):
            self._fail(line, f"ReplaceIndex of {variable[:20]}", "one of t or x")
        if variable == "x":
            return node
        return self._add("replaceindex", L.AtFrame(value), [node], line)

    # --- values, and what is wrong

    def _fail(self, line: _Line, found: str, expected: str) -> NoReturn:
        self.reader.fail(f"{line.kind} {line.name[:60]}: {found}", expected, at=line.start)

    def _value(self, line: _Line, name: str) -> str:
        if not line.values.get(name):
            self._fail(line, f"no {name}=", "one")
        return line.values[name]

    def _integer(self, line: _Line, name: str) -> int:
        return self._whole(self._value(line, name), line)

    def _whole(self, text: str, line: _Line) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
            self._fail(line, repr(text[:40]), "a whole number")
        return int(text)

    def _real(self, text: str, line: _Line) -> float:
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
            self._fail(line, repr(text[:40]), "a number")
        return float(text)

    def _check_circles(self, network: Network) -> None:
        """Circles have to go through frames of one direction, and through IfDefined."""
        nodes = {node.name: node for node in network.nodes}
        for members in _circles(network):
            layers = [nodes[name].layer for name in members if set(nodes[name].inputs) & members]
            inside = [one.offset for one in layers if isinstance(one, L.Shift)]
            signs = {offset > 0 for offset in inside}
            others = (L.Splice, L.Tdnn, L.AtFrame, L.Round, L.TimeHeightConvolution, L.Attention)
            beyond = [name for name in members if isinstance(nodes[name].layer, others)]
            if len(signs) != 1 or beyond or _has_circle_in_frame(members, nodes):
                line = next(self.lines[name] for name in sorted(members) if name in self.lines)
                what = "a circle that is no recurrence in one direction"
                self._fail(line, what, "circles through Offset, all back or all ahead")


def _shift(one: Descriptor) -> tuple[str | None, int]:
    """A node's name and the offset in time, of what is just that."""
    if one.is_node:
        return one.name, 0
    if one.name == "Offset" and one.parts[0].is_node and len(one.values) == 1:
        text = one.values[0]
        if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
            return one.parts[0].name, int(text)
    return None, 0


def _used(network: Network) -> Network:
    """Without nodes that no output needs."""
    nodes = {node.name: node for node in network.nodes}
    used: set[str] = set()
    waiting = [one.node for one in network.outputs]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += nodes[name].inputs if name in nodes else ()
    inputs = tuple(one for one in network.inputs if one.name in used or not one.per_utterance)
    kept = tuple(node for node in network.nodes if node.name in used)
    return replace(network, inputs=inputs, nodes=kept)


def _circles(network: Network) -> list[set[str]]:
    nodes = {node.name: node for node in network.nodes}
    found = [set(names) for names in components_of(nodes)]
    return [names for names in found if len(names) > 1 or names & set(nodes[min(names)].inputs)]


def _has_circle_in_frame(members: set[str], nodes: Mapping[str, Node]) -> bool:
    waiting = {name: nodes[name] for name in members}
    while waiting:
        ready = [
            name
            for name, node in waiting.items()
            if isinstance(node.layer, L.Shift) or not set(node.inputs) & waiting.keys()
        ]
        if not ready:
            return True
        for name in ready:
            del waiting[name]
    return False


_MAKERS: dict[str, Callable[[_Graph, Descriptor, _Line], str]] = {
    "Append": _Graph._append,
    "Sum": _Graph._sum,
    "Offset": _Graph._offset,
    "Scale": _Graph._scale,
    "Const": _Graph._const,
    "IfDefined": _Graph._if_defined,
    "Failover": _Graph._failover,
    "Switch": _Graph._switch,
    "Round": _Graph._round,
    "ReplaceIndex": _Graph._replace_index,
}
