"""nnet1: Karel's networks (`final.nnet`) and feature transforms.

Fields and formulas: Kaldi's src/nnet (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.draft import Draft
from open_seq2seq.interop.kaldi.fields import DEEPEST, Fields, ModelReader, Spec, float32
from open_seq2seq.interop.kaldi.layers import Layer
from open_seq2seq.interop.kaldi.network import Input, Network, Output

_RATES: Spec = {"<LearnRateCoef>": "real", "<BiasLearnRateCoef>": "real", "<MaxNorm>": "real"}
_END = "<!EndOfComponent>"


@dataclass(frozen=True)
class Component:
    """One component.

    Args:
      marker: its name without brackets.
      dim_in, dim_out: as it says.
      layer: what it computes; None: nothing (Dropout), or `nets` do.
      nets: of a ParallelComponent: side by side.
      start: its first byte's number.
    """

    marker: str
    dim_in: int
    dim_out: int
    layer: Layer | None
    start: int
    nets: tuple[tuple[Component, ...], ...] = ()


def read_nnet1(reader: ModelReader) -> Network:
    """The network, from its first token on."""
    components = _read_net(reader)
    if not components and not reader.unsupported:
        reader.fail("a network without components", "at least one")
    reader.finish()
    draft = Draft(names={"input"})
    first = Input("input", components[0].dim_in)
    last = _place(reader, draft, components, "input")
    dim = components[-1].dim_out
    output = Output("output", last, dim)
    left, right = _context(components)
    return Network("nnet1", (first,), tuple(draft.nodes), (output,), left, right)


def _read_net(reader: ModelReader) -> tuple[Component, ...]:
    values = reader.values
    has_header = values.peek_token().lower() == "<nnet>"
    if has_header:
        values.token()
    components: list[Component] = []
    number = 0
    while True:
        token = values.peek_token()
        if token.lower() == "</nnet>":
            values.token()
            break
        if not token and not has_header and values.source.at_end():
            break
        component = _read_component(reader, number)
        number += 1
        if component is None:
            continue
        if components and not reader.unsupported and components[-1].dim_out != component.dim_in:
            found = f"{component.marker} of {component.dim_in} inputs"
            expected = f"{components[-1].dim_out}, as many as {components[-1].marker} gives"
            reader.fail(found, expected, at=component.start)
        components.append(component)
    return tuple(components)


def _read_component(reader: ModelReader, number: int) -> Component | None:
    values = reader.values
    values.source.skip_spaces()
    start = reader.position
    values.context = f"component {number}"
    token = values.token("a component such as <AffineTransform>, or </Nnet>")
    if not (token.startswith("<") and token.endswith(">")):
        remedy = "It is no network of Kaldi's nnet1, or is damaged."
        reader.fail(repr(token[:60]), "a component such as <AffineTransform>", remedy, start)
    marker = MARKERS.get(token[1:-1].lower())
    what = f"component {number}"
    if marker is None:
        reader.passed_over(token, what, start, (b"!EndOfComponent> ", b"!EndOfComponent>"))
        return None
    values.context = f"component {number}, {marker}"
    dim_out = values.integer("its number of outputs")
    dim_in = values.integer("its number of inputs")
    if min(dim_out, dim_in) < 1:
        reader.fail(f"{dim_in} inputs and {dim_out} outputs", "positive numbers", at=start)
    component = Component(marker, dim_in, dim_out, None, start)
    if marker == "ParallelComponent":
        component = _read_parallel(reader, component)
    else:
        layer = _READERS[marker](reader, component)
        component = replace(component, layer=layer)
    if values.peek_token() == _END:
        values.token()
    values.context = ""
    return component


def _read_parallel(reader: ModelReader, component: Component) -> Component:
    values = reader.values
    reader.depth += 1
    if reader.depth > DEEPEST:
        reader.fail(f"{DEEPEST} networks within each other", "fewer", at=component.start)
    values.expect("<NestedNnetCount>")
    count = values.integer("the number of nested networks")
    nets = []
    for number in range(count):
        values.expect("<NestedNnet>")
        values.integer("a nested network's number")
        nets.append(_read_net(reader))
        if not nets[-1] and not reader.unsupported:
            reader.fail(f"nothing in nested network {number}", "components")
    values.expect("</ParallelComponent>")
    reader.depth -= 1
    if not reader.unsupported:
        sums = [sum(net[0].dim_in for net in nets), sum(net[-1].dim_out for net in nets)]
        if sums != [component.dim_in, component.dim_out]:
            found = f"nested networks of {sums[0]} inputs and {sums[1]} outputs"
            expected = f"{component.dim_in} and {component.dim_out}"
            reader.fail(found, expected, at=component.start)
    return replace(component, nets=tuple(nets))


def _place(reader: ModelReader, draft: Draft, components: Sequence[Component], last: str) -> str:
    """Adds nodes behind the node `last`; gives the last one's name."""
    for one in components:
        name = one.marker.lower()
        if one.nets:
            parts, start = [], 0
            for net in one.nets:
                dim = net[0].dim_in
                part = draft.add("split", L.Range(start, dim), [last], dim)
                parts.append(_place(reader, draft, net, part))
                start += dim
            last = draft.add(name, L.Concatenate(), parts, one.dim_out)
        elif isinstance(one.layer, tuple):
            ways = [draft.add(name, way, [last], one.dim_out // 2) for way in one.layer]
            last = draft.add(name, L.Concatenate(), ways, one.dim_out)
        elif one.layer is not None:
            last = draft.add(name, one.layer, [last], one.dim_out)
    return last


def _context(components: Sequence[Component]) -> tuple[int, int]:
    left = right = 0
    for one in components:
        if isinstance(one.layer, L.Splice):
            left += max(0, -min(one.layer.offsets))
            right += max(0, *one.layer.offsets)
        elif one.nets:
            sides = [_context(net) for net in one.nets]
            left += max(side[0] for side in sides)
            right += max(side[1] for side in sides)
    return left, right


# --- each component's data


def _shaped(
    reader: ModelReader, component: Component, array: np.ndarray, shape: tuple[int, ...], what: str
) -> np.ndarray:
    if array.shape != shape:
        found = f"{what} of {list(array.shape)}"
        reader.fail(found, f"{list(shape)}", at=component.start)
    return float32(array)


def _affine(reader: ModelReader, component: Component) -> Layer:
    reader.fields(_RATES)
    shape = (component.dim_out, component.dim_in)
    weight = _shaped(reader, component, reader.values.matrix("the weight"), shape, "a weight")
    bias = reader.values.vector("the bias")
    return L.Affine(weight, _shaped(reader, component, bias, shape[:1], "a bias"))


def _linear(reader: ModelReader, component: Component) -> Layer:
    reader.fields(_RATES)
    shape = (component.dim_out, component.dim_in)
    return L.Affine(
        _shaped(reader, component, reader.values.matrix("the weight"), shape, "a weight")
    )


def _same(reader: ModelReader, component: Component) -> None:
    if component.dim_in != component.dim_out:
        found = f"{component.dim_in} inputs and {component.dim_out} outputs"
        reader.fail(found, "as many of both", at=component.start)


def _plain(layer: Layer | None) -> Callable[[ModelReader, Component], Layer | None]:
    def read(reader: ModelReader, component: Component) -> Layer | None:
        _same(reader, component)
        return layer

    return read


def _block_softmax(reader: ModelReader, component: Component) -> Layer:
    _same(reader, component)
    sizes = reader.values.int_vector("the sizes of blocks")
    if (sizes < 1).any() or int(sizes.sum(dtype=np.int64)) != component.dim_in:
        found = f"blocks of {sizes[:10].tolist()}"
        reader.fail(found, f"{component.dim_in} in all", at=component.start)
    return L.Softmax(blocks=tuple(sizes.tolist()))


def _splice(reader: ModelReader, component: Component) -> Layer:
    offsets = reader.values.int_vector("frame offsets")
    if len(offsets) * component.dim_in != component.dim_out:
        found = f"{len(offsets)} offsets of {component.dim_in} features"
        reader.fail(found, f"{component.dim_out} outputs", at=component.start)
    return L.Splice(tuple(offsets.tolist()), clamp=True)


def _copy(reader: ModelReader, component: Component) -> Layer:
    indices = reader.values.int_vector("numbers of features")
    inside = ((indices >= 1) & (indices <= component.dim_in)).all()
    if len(indices) != component.dim_out or not inside:
        found = f"{len(indices)} numbers of features, some beyond the input"
        expected = f"{component.dim_out} of 1 to {component.dim_in}"
        reader.fail(
            found if not inside else f"{len(indices)} numbers", expected, at=component.start
        )
    return L.Select(tuple((indices - 1).tolist()))


def _diagonal(is_scale: bool) -> Callable[[ModelReader, Component], Layer]:
    def read(reader: ModelReader, component: Component) -> Layer:
        _same(reader, component)
        reader.fields(_RATES)
        vector = reader.values.vector("a number for each feature")
        vector = _shaped(reader, component, vector, (component.dim_in,), "a vector")
        return L.Diagonal(scale=vector) if is_scale else L.Diagonal(offset=vector)

    return read


def _length_norm(reader: ModelReader, component: Component) -> Layer:
    _same(reader, component)
    return L.Normalize(component.dim_in, floor=0.0, is_length=True)


def _dropout(reader: ModelReader, component: Component) -> None:
    _same(reader, component)
    reader.fields({"<DropoutRate>": "real", "<DropoutRetention>": "real"})


_PATCHES: Spec = {"<PatchDim>": "int", "<PatchStep>": "int", "<PatchStride>": "int"}


def _convolution(reader: ModelReader, component: Component) -> Layer:
    spec: Spec = {**_PATCHES, **_RATES, "<Filters>": "matrix", "<Bias>": "vector"}
    found = reader.fields(spec)
    return convolution(
        found, component.dim_in, component.dim_out, found["<Filters>"], found["<Bias>"], False
    )


def convolution(
    found: Fields,
    dim_in: int,
    dim_out: int | None,
    filters: np.ndarray,
    bias: np.ndarray,
    appended: bool,
) -> L.Convolution:
    """A convolution along features, whose sizes fit each other."""
    dim, step, stride = found["<PatchDim>"], found["<PatchStep>"], found["<PatchStride>"]
    weight, bias = found.affine(filters, bias)
    fits = min(dim, step, stride) > 0 and dim <= stride and dim_in % stride == 0
    fits = fits and (stride - dim) % step == 0 and weight.shape[1] == dim_in // stride * dim
    patches = 1 + (stride - dim) // step if fits else 0
    found.check(
        fits and dim_out in (None, patches * len(weight)),
        f"patches of {dim} every {step} of {stride}, filters {list(weight.shape)}",
        f"sizes that fit {dim_in} inputs and {dim_out or 'whole'} outputs",
    )
    return L.Convolution(weight, bias, dim, step, stride, appended)


def _pooling(kind: str) -> Callable[[ModelReader, Component], Layer]:
    def read(reader: ModelReader, component: Component) -> Layer:
        found = reader.fields({"<PoolSize>": "int", "<PoolStep>": "int", "<PoolStride>": "int"})
        size, step, stride = found["<PoolSize>"], found["<PoolStep>"], found["<PoolStride>"]
        dim_in, dim_out = component.dim_in, component.dim_out
        fits = min(size, step, stride) > 0 and dim_in % stride == 0
        blocks = dim_in // stride if fits else 0
        fits = fits and blocks >= size and (blocks - size) % step == 0
        fits = fits and dim_out == (1 + (blocks - size) // step) * stride
        what = f"pools of {size} every {step} of blocks of {stride}"
        found.check(fits, what, f"sizes that fit {dim_in} inputs and {dim_out} outputs")
        return L.Pool(size, step, stride, kind)  # type: ignore[arg-type]

    return read


_LSTM: Spec = {
    **_RATES,
    "<CellDim>": "int",
    **dict.fromkeys(
        ("<CellClip>", "<DiffClip>", "<CellDiffClip>", "<GradClip>", "<ClipGradient>"), "real"
    ),
}  # fmt: skip


def _lstm(reader: ModelReader, component: Component) -> Layer:
    found = reader.fields(_LSTM)
    return _lstm_arrays(reader, component, found, component.dim_out, backward=False)


def _blstm(reader: ModelReader, component: Component) -> Layer:
    found = reader.fields(_LSTM)
    if component.dim_out % 2:
        reader.fail(f"{component.dim_out} outputs", "an even number", at=component.start)
    ways = (
        _lstm_arrays(reader, component, found, component.dim_out // 2, backward)
        for backward in (False, True)
    )
    return tuple(ways)  # type: ignore[return-value]


def _lstm_arrays(
    reader: ModelReader, component: Component, found: Fields, dim_out: int, backward: bool
) -> L.Lstm:
    values = reader.values
    weight = values.matrix("the weight of inputs")
    cell = found.get("<CellDim>", weight.shape[0] // 4)

    def shaped(array: np.ndarray, *shape: int) -> np.ndarray:
        return _shaped(reader, component, array, shape, "an array of an LSTM")

    # The names of the peepholes are in the order in which they are stored.
    return L.Lstm(
        weight=shaped(weight, 4 * cell, component.dim_in),
        recurrent=shaped(values.matrix("the weight of the state"), 4 * cell, dim_out),
        bias=shaped(values.vector("the bias"), 4 * cell),
        peephole_i=shaped(values.vector("the input gate's peephole"), cell),
        peephole_f=shaped(values.vector("the forget gate's peephole"), cell),
        peephole_o=shaped(values.vector("the output gate's peephole"), cell),
        projection=shaped(values.matrix("the projection"), dim_out, cell),
        cell_clip=found.get("<CellClip>", 50.0),
        backward=backward,
    )


_READERS: dict[str, Callable[[ModelReader, Component], Layer | None]] = {
    "AffineTransform": _affine,
    "LinearTransform": _linear,
    "Sigmoid": _plain(L.Activation("sigmoid")),
    "Tanh": _plain(L.Activation("tanh")),
    "Relu": _plain(L.Activation("relu")),
    "Softmax": _plain(L.Softmax()),
    "HiddenSoftmax": _plain(L.Softmax()),
    "BlockSoftmax": _block_softmax,
    "Splice": _splice,
    "Copy": _copy,
    "AddShift": _diagonal(is_scale=False),
    "Rescale": _diagonal(is_scale=True),
    "LengthNormComponent": _length_norm,
    "Dropout": _dropout,
    "ConvolutionalComponent": _convolution,
    "MaxPoolingComponent": _pooling("max"),
    "AveragePoolingComponent": _pooling("average"),
    "LstmProjected": _lstm,
    "BlstmProjected": _blstm,
}
# Older spellings.
_ALIASES = {
    "LstmProjectedStreams": "LstmProjected",
    "BlstmProjectedStreams": "BlstmProjected",
    "BiasedLinearity": "AffineTransform",
}
MARKERS = {name.lower(): name for name in (*_READERS, "ParallelComponent")} | {
    name.lower(): one for name, one in _ALIASES.items()
}
