"""nnet2: Dan's first networks (`final.mdl`).

Fields and formulas: Kaldi's src/nnet2 (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.draft import chain
from open_seq2seq.interop.kaldi.fields import Fields, ModelReader, Spec, float32
from open_seq2seq.interop.kaldi.layers import Layer
from open_seq2seq.interop.kaldi.network import Input, Network
from open_seq2seq.interop.kaldi.nnet1 import convolution


@dataclass(frozen=True)
class Made:
    """What a component computes.

    Args:
      layer: the layer; None: nothing, or a following one does.
      dim_in: features that it takes; None: any number.
      dim_out: features that it gives; None: as many as it takes.
    """

    layer: Layer | None
    dim_in: int | None = None
    dim_out: int | None = None


def read_nnet2(reader: ModelReader, priors: bool) -> Network:
    """The network, from `<Nnet>` on.

    Args:
      reader: at its first token.
      priors: whether the classes' priors follow, as in a `.mdl`.
    """
    values = reader.values
    values.expect("<Nnet>")
    values.expect("<NumComponents>")
    count = values.integer("the number of components")
    values.expect("<Components>")
    made: list[tuple[str, Made]] = []
    number = 0
    while values.peek_token() != "</Components>":
        one = _read_component(reader, number, made)
        if one is not None:
            made.append(one)
        number += 1
    values.token()
    values.expect("</Nnet>")
    reader.finish()
    if number != count or not made:
        reader.fail(f"{number} components", f"{count or 'some'}, as the file says before them")
    return _with_priors(_network(reader, made), reader, priors)


def _with_priors(network: Network, reader: ModelReader, priors: bool) -> Network:
    if not priors:
        return network
    found = reader.values.vector("the priors of classes")
    dim = network.outputs[0].dim
    if len(found) not in (0, dim):
        reader.fail(f"{len(found)} priors", f"{dim}, as many as classes, or none")
    return replace(network, priors=float32(found))


def _network(reader: ModelReader, made: list[tuple[str, Made]]) -> Network:
    dim = next((one.dim_in for _, one in made if one.dim_in is not None), None)
    if dim is None:
        reader.fail("components of any dimension", "one that says how many features it takes")
    first, chained = Input("input", dim), []
    for name, one in made:
        dim = dim if one.dim_out is None else one.dim_out
        if one.layer is not None:
            chained.append((name, one.layer, dim))
    network = chain("nnet2", first, chained)
    splices = [one.layer.offsets for one in network.nodes if isinstance(one.layer, L.Splice)]
    left = sum(max(0, -min(one)) for one in splices)
    right = sum(max(0, *one) for one in splices)
    return replace(network, left_context=left, right_context=right)


def _read_component(
    reader: ModelReader, number: int, made: list[tuple[str, Made]]
) -> tuple[str, Made] | None:
    values = reader.values
    values.source.skip_spaces()
    start = reader.position
    values.context = f"component {number}"
    token = values.token("a component such as <AffineComponent>, or </Components>")
    kind = token[1:-1]
    if not (token.startswith("<") and token.endswith(">")) or token.startswith("</"):
        reader.fail(repr(token[:60]), "a component such as <AffineComponent>", at=start)
    known = _COMPONENTS.get(kind)
    if known is None:
        reader.passed_over(
            token, values.context, start, (f"/{kind}> ".encode(), f"/{kind}>".encode())
        )
        return None
    values.context = f"component {number}, {kind}"
    spec, make = known
    one = make(reader.fields(spec, end=f"</{kind}>"))
    last = next((two.dim_out for _, two in reversed(made) if two.dim_out is not None), None)
    if (
        last is not None
        and one.dim_in is not None
        and last != one.dim_in
        and not reader.unsupported
    ):
        found = f"{kind} of {one.dim_in} inputs"
        reader.fail(found, f"{last}, as many as come from the components before it", at=start)
    values.context = ""
    return kind.removesuffix("Component").lower(), one


# --- components

_UPDATABLE: Spec = {
    "<LearningRate>": "real",
    "<LinearParams>": "matrix",
    "<BiasParams>": "vector",
    "<IsGradient>": "bool",
    "<AvgInput>": "vector",
    "<AvgInputCount>": "real",
    "<Alpha>": "real",
    "<L2Penalty>": "real",
    "<MaxChange>": "real",
    "<Rank>": "int",
    "<RankIn>": "int",
    "<RankOut>": "int",
    "<UpdatePeriod>": "int",
    "<NumSamplesHistory>": "real",
    "<MaxChangePerSample>": "real",
    "<NumBlocks>": "int",
}
_NONLINEAR: Spec = {
    "<Dim>": "int",
    "<ValueSum>": "vector",
    "<DerivSum>": "vector",
    "<Count>": "real",
}


def positive(found: Fields, *names: str) -> tuple[int, ...]:
    """Sizes, which have to be more than 0."""
    sizes = tuple(found[name] for name in names)
    what = ", ".join(f"{name} {size}" for name, size in zip(names, sizes))
    found.check(min(sizes) > 0, what, "positive numbers")
    return sizes


def affine(found: Fields) -> Made:
    """A weight and a bias."""
    weight, bias = found.affine(found["<LinearParams>"], found["<BiasParams>"])
    return Made(L.Affine(weight, bias), weight.shape[1], len(weight))


def block_affine(found: Fields) -> Made:
    """Blocks of rows, each for its block of the input."""
    weight, bias = found.affine(found["<LinearParams>"], found["<BiasParams>"])
    (blocks,) = positive(found, "<NumBlocks>")
    found.check(len(weight) % blocks == 0, f"{blocks} blocks of {len(weight)} rows", "equal blocks")
    return Made(L.BlockAffine(weight, bias, blocks), weight.shape[1] * blocks, len(weight))


def plain(layer: Layer | None) -> Callable[[Fields], Made]:
    """A layer that knows its dimension only."""

    def make(found: Fields) -> Made:
        (dim,) = positive(found, "<Dim>")
        return Made(layer, dim, dim)

    return make


def _normalize(found: Fields) -> Made:
    (dim,) = positive(found, "<Dim>")
    return Made(L.Normalize(dim), dim, dim)


def groups_of(found: Fields) -> tuple[int, int]:
    """Input and output of a layer that makes one feature of each group."""
    dim_in, dim_out = positive(found, "<InputDim>", "<OutputDim>")
    what = f"{dim_in} inputs and {dim_out} outputs"
    found.check(dim_in % dim_out == 0, what, "whole groups of inputs")
    return dim_in, dim_out


def _pnorm(found: Fields) -> Made:
    dim_in, dim_out = groups_of(found)
    p = found.get("<P>", 2.0)
    found.check(p > 0, f"p {p}", "a positive one")
    return Made(L.Pnorm(dim_out, p), dim_in, dim_out)


def _maxout(found: Fields) -> Made:
    dim_in, dim_out = groups_of(found)
    size = dim_in // dim_out
    return Made(L.Pool(size, size, 1), dim_in, dim_out)


def _max_pooling(found: Fields) -> Made:
    dim_in, dim_out, size, stride = positive(
        found, "<InputDim>", "<OutputDim>", "<PoolSize>", "<PoolStride>"
    )
    fits = dim_in % (size * stride) == 0 and dim_in // size == dim_out
    what = f"{dim_in} inputs, {dim_out} outputs, pools of {size} of {stride}"
    found.check(fits, what, "sizes that fit")
    return Made(L.Pool(size, size, stride), dim_in, dim_out)


def _offsets(found: Fields) -> tuple[int, ...]:
    if "<Context>" in found.found:
        offsets = tuple(found["<Context>"].tolist())
    else:
        left, right = found["<LeftContext>"], found["<RightContext>"]
        found.check(
            max(abs(left), abs(right)) < 10_000, f"contexts {left}, {right}", "fewer frames"
        )
        offsets = tuple(range(-left, right + 1))
    found.check(len(offsets) > 0, "no frame offsets", "some")
    found.check(max(map(abs, offsets)) < 10_000, f"offsets to {max(offsets)}", "fewer frames")
    return offsets


def _splice(found: Fields) -> Made:
    (dim,) = positive(found, "<InputDim>")
    offsets, constant = _offsets(found), found.get("<ConstComponentDim>", 0)
    found.check(0 <= constant < dim, f"{constant} constant features of {dim}", "fewer, from 0 on")
    dim_out = (dim - constant) * len(offsets) + constant
    return Made(L.Splice(offsets, constant_dim=constant), dim, dim_out)


def _splice_max(found: Fields) -> Made:
    (dim,) = positive(found, "<Dim>")
    return Made(L.Splice(_offsets(found), take_max=True), dim, dim)


def _fixed_affine(found: Fields) -> Made:
    weight, bias = found.affine(found["<LinearParams>"], found["<BiasParams>"])
    return Made(L.Affine(weight, bias), weight.shape[1], len(weight))


def _fixed_linear(found: Fields) -> Made:
    weight = float32(found["<CuMatrix>"])
    found.check(weight.size > 0, "an empty matrix", "a matrix")
    return Made(L.Affine(weight), weight.shape[1], len(weight))


def _vector_of(found: Fields, name: str) -> np.ndarray:
    vector = float32(found[name])
    found.check(len(vector) > 0, "an empty vector", "a number for each feature")
    return vector


def fixed_scale(found: Fields) -> Made:
    """A factor for each feature."""
    scale = _vector_of(found, "<Scales>")
    return Made(L.Diagonal(scale=scale), len(scale), len(scale))


def fixed_bias(found: Fields) -> Made:
    """A bias for each feature."""
    bias = _vector_of(found, "<Bias>")
    return Made(L.Diagonal(offset=bias), len(bias), len(bias))


def sum_group(found: Fields) -> Made:
    """Sums of groups."""
    sizes = found["<Sizes>"]
    found.check(
        len(sizes) > 0 and (sizes > 0).all(), f"groups of {sizes[:10].tolist()}", "features"
    )
    total = int(sizes.sum(dtype=np.int64))
    return Made(L.SumGroups(tuple(sizes.tolist())), total, len(sizes))


def permutation(found: Fields, name: str) -> np.ndarray:
    """Numbers of features, each once."""
    order = found[name]
    fits = len(order) > 0 and (np.sort(order) == np.arange(len(order))).all()
    found.check(bool(fits), f"the order {order[:10].tolist()}", "each feature once")
    return np.asarray(order)


def _permute(found: Fields) -> Made:
    """Where each feature goes: `y[order[i]] = x_i`."""
    order = np.argsort(permutation(found, "<Reorder>"))
    return Made(L.Select(tuple(order.tolist())), len(order), len(order))


def _scale(found: Fields) -> Made:
    (dim,) = positive(found, "<Dim>")
    return Made(L.Diagonal(scale=np.full(1, found["<Scale>"], np.float32)), dim, dim)


def _power(found: Fields) -> Made:
    dim_in, dim_out = positive(found, "<InputDim>", "<OutputDim>")
    found.check(dim_in == dim_out, f"{dim_in} inputs and {dim_out} outputs", "as many of both")
    return Made(L.Power(found["<Power>"]), dim_in, dim_out)


def _dct(found: Fields) -> Made:
    dim, dct_dim = positive(found, "<Dim>", "<DctDim>")
    kept = found.get("<DctKeepDim>", dct_dim) or dct_dim
    fits = dim % dct_dim == 0 and 0 < kept <= dct_dim
    found.check(
        fits, f"{dim} features in blocks of {dct_dim}, of which {kept} stay", "sizes that fit"
    )
    layer = L.Dct(dim, dct_dim, kept, found["<Reorder>"])
    return Made(layer, dim, dim // dct_dim * kept)


def _convolution(found: Fields) -> Made:
    filters, bias = found["<FilterParams>"], found["<BiasParams>"]
    dim, step, stride = positive(found, "<PatchDim>", "<PatchStep>", "<PatchStride>")
    found.check(filters.ndim == 2 and filters.shape[1] % dim == 0, f"filters {list(filters.shape)}",
                f"patches of {dim}")  # fmt: skip
    dim_in = filters.shape[1] // dim * stride
    appended = found.get("<AppendedConv>", False)
    layer = convolution(found, dim_in, None, filters, bias, appended)
    patches = 1 + (stride - dim) // step
    return Made(layer, dim_in, patches * len(filters))


def _identity(found: Fields) -> Made:
    (dim,) = positive(found, "<Dim>")
    return Made(None, dim, dim)


_GROUPS: Spec = {"<InputDim>": "int", "<OutputDim>": "int"}
_CONTEXT: Spec = {
    "<LeftContext>": "int",
    "<RightContext>": "int",
    "<Context>": "ints",
    "<ConstComponentDim>": "int",
}
_AFFINES = {
    f"AffineComponent{kind}": (_UPDATABLE, affine)
    for kind in ("", "Preconditioned", "PreconditionedOnline")
}
_BLOCKS = {
    f"BlockAffineComponent{kind}": (_UPDATABLE, block_affine) for kind in ("", "Preconditioned")
}
_SIMPLE: dict[str, Layer | None] = {
    "SigmoidComponent": L.Activation("sigmoid"),
    "TanhComponent": L.Activation("tanh"),
    "RectifiedLinearComponent": L.Activation("relu"),
    "SoftHingeComponent": L.Activation("soft_hinge"),
    "SoftmaxComponent": L.Softmax(),
    "LogSoftmaxComponent": L.Softmax(log=True),
}
_COMPONENTS: dict[str, tuple[Spec, Callable[[Fields], Made]]] = {
    **_AFFINES,
    **_BLOCKS,
    **{name: (_NONLINEAR, plain(layer)) for name, layer in _SIMPLE.items()},
    "NormalizeComponent": (_NONLINEAR, _normalize),
    "PnormComponent": ({**_GROUPS, "<P>": "real"}, _pnorm),
    "MaxoutComponent": (_GROUPS, _maxout),
    "MaxpoolingComponent": ({**_GROUPS, "<PoolSize>": "int", "<PoolStride>": "int"}, _max_pooling),
    "SpliceComponent": ({"<InputDim>": "int", **_CONTEXT}, _splice),
    "SpliceMaxComponent": ({"<Dim>": "int", **_CONTEXT}, _splice_max),
    "FixedAffineComponent": (
        {"<LinearParams>": "matrix", "<BiasParams>": "vector"}, _fixed_affine
    ),
    "FixedLinearComponent": ({"<CuMatrix>": "matrix"}, _fixed_linear),
    "FixedScaleComponent": ({"<Scales>": "vector"}, fixed_scale),
    "FixedBiasComponent": ({"<Bias>": "vector"}, fixed_bias),
    "SumGroupComponent": ({"<Sizes>": "ints"}, sum_group),
    "PermuteComponent": ({"<Reorder>": "ints"}, _permute),
    "ScaleComponent": ({"<Dim>": "int", "<Scale>": "real"}, _scale),
    "PowerComponent": ({**_GROUPS, "<Power>": "real"}, _power),
    "DctComponent": (
        {"<Dim>": "int", "<DctDim>": "int", "<Reorder>": "bool", "<DctKeepDim>": "int"}, _dct
    ),
    "DropoutComponent": (
        {"<Dim>": "int", "<DropoutScale>": "real", "<DropoutProportion>": "real"}, _identity
    ),
    "AdditiveNoiseComponent": (
        {"<Dim>": "int", "<Stddev>": "real"}, _identity
    ),
    "Convolutional1dComponent": (
        {
            "<LearningRate>": "real",
            "<PatchDim>": "int",
            "<PatchStep>": "int",
            "<PatchStride>": "int",
            "<AppendedConv>": "bool",
            "<FilterParams>": "matrix",
            "<BiasParams>": "vector",
            "<IsGradient>": "bool",
        },
        _convolution,
    ),
}  # fmt: skip
