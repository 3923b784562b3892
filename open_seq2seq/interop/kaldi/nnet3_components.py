"""nnet3's components, field by field.

Fields and formulas: Kaldi's nnet3/nnet-simple-component.cc, nnet-combined-component.cc,
nnet-normalize-component.cc, nnet-tdnn-component.cc, nnet-convolutional-component.cc,
nnet-attention-component.cc and nnet-general-component.cc (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi import nnet2
from open_seq2seq.interop.kaldi.fields import DEEPEST, Fields, ModelReader, Spec, float32
from open_seq2seq.interop.kaldi.layers import Layer
from open_seq2seq.interop.kaldi.nnet2 import Made, groups_of, positive


@dataclass(frozen=True)
class Component:
    """What a component computes.

    Args:
      layers: one after the other, each with the features of its output (None: as many as it
        takes); none: it does nothing.
      dim_in, dim_out: features that it takes and gives.
    """

    layers: tuple[tuple[Layer, int | None], ...]
    dim_in: int | None
    dim_out: int | None


def read_component(reader: ModelReader, name: str) -> Component | None:
    """A component from its type on; None if that is not known, which the reader keeps."""
    values = reader.values
    values.source.skip_spaces()
    start = reader.position
    token = values.token("a component such as <AffineComponent>")
    kind = token[1:-1]
    if not (token.startswith("<") and token.endswith(">")) or token.startswith("</"):
        reader.fail(repr(token[:60]), "a component such as <AffineComponent>", at=start)
    if kind == "CompositeComponent":
        return _composite(reader, name)
    known = _COMPONENTS.get(kind)
    if known is None:
        ends = (f"/{kind}> ".encode(), f"/{kind}>".encode())
        reader.passed_over(token, values.context, start, ends)
        return None
    spec, make = known
    made = make(reader.fields({**_TRAINING, **spec}, end=f"</{kind}>"))
    layers = () if made.layer is None else ((made.layer, made.dim_out),)
    return Component(layers, made.dim_in, made.dim_out)


def _composite(reader: ModelReader, name: str) -> Component | None:
    """Components one after the other."""
    reader.depth += 1
    start = reader.position
    if reader.depth > DEEPEST:
        reader.fail(f"{DEEPEST} components within each other", "fewer")
    found = reader.fields({**_TRAINING, "<MaxRowsProcess>": "int", "<NumComponents>": "int"})
    layers: list[tuple[Layer, int | None]] = []
    dim_in = dim = None
    for _ in range(found["<NumComponents>"]):
        one = read_component(reader, name)
        if one is None:
            continue
        if None not in (dim, one.dim_in) and dim != one.dim_in and not reader.unsupported:
            reader.fail(f"a part of {one.dim_in} inputs", f"{dim}, as come in", at=start)
        dim_in = one.dim_in if dim_in is None else dim_in
        dim = one.dim_out if one.dim_out is not None else dim
        layers += one.layers
    reader.values.expect("</CompositeComponent>")
    reader.depth -= 1
    return Component(tuple(layers), dim_in, dim)


# What training leaves in a model; of any component.
_TRAINING: Spec = {
    **dict.fromkeys(
        (
            "<LearningRateFactor>", "<MaxChange>", "<L2Regularize>", "<LearningRate>", "<Alpha>",
            "<NumSamplesHistory>", "<MaxChangePerSample>", "<MaxChangePerMinibatch>",
            "<UpdateCount>", "<ActiveScalingCount>", "<MaxChangeScaleStats>",
            "<NumMinibatchesHistory>", "<OrthonormalConstraint>", "<MaxMemoryMb>", "<Count>",
            "<OderivCount>", "<NumDimsSelfRepaired>", "<NumDimsProcessed>",
            "<SelfRepairLowerThreshold>", "<SelfRepairUpperThreshold>", "<SelfRepairScale>",
            "<SelfRepairThreshold>", "<SelfRepairTotal>", "<BackpropScale>",
        ),
        "real",
    ),
    **dict.fromkeys(("<IsGradient>", "<UseNaturalGradient>"), "bool"),
    **dict.fromkeys(("<RankIn>", "<RankOut>", "<Rank>", "<UpdatePeriod>"), "int"),
    **dict.fromkeys(
        ("<ValueAvg>", "<DerivAvg>", "<ValueSum>", "<DerivSum>", "<OderivRms>",
         "<SelfRepairConfig>", "<SelfRepairProb>"),
        "vector",
    ),
    "<RankInOut>": "two ints",
    "<AlphaInOut>": "two reals",
    "<TestMode>": "flag or bool",
}  # fmt: skip


def _affine(found: Fields) -> Made:
    return nnet2.affine(found)


def _linear(found: Fields) -> Made:
    weight = float32(found["<Params>"])
    found.check(weight.size > 0, "an empty matrix", "a matrix")
    return Made(L.Affine(weight), weight.shape[1], len(weight))


def _repeated_affine(found: Fields) -> Made:
    weight, bias = found.affine(found["<LinearParams>"], found["<BiasParams>"])
    (repeats,) = positive(found, "<NumRepeats>")
    layer = L.RepeatedAffine(weight, bias, repeats)
    return Made(layer, weight.shape[1] * repeats, len(weight) * repeats)


def _tdnn(found: Fields) -> Made:
    offsets = tuple(found["<TimeOffsets>"].tolist())
    _check_offsets(found, offsets)
    weight = float32(found["<LinearParams>"])
    bias = found["<BiasParams>"]
    if bias.size == 0:
        bias = None
        found.check(weight.size > 0, "an empty matrix", "a matrix")
    else:
        weight, bias = found.affine(weight, bias)
    whole = weight.shape[1] % len(offsets) == 0
    found.check(whole, f"{weight.shape[1]} columns", f"as many for each of {len(offsets)} offsets")
    return Made(L.Tdnn(offsets, weight, bias), weight.shape[1] // len(offsets), len(weight))


def _check_offsets(found: Fields, offsets: tuple[int, ...]) -> None:
    found.check(len(offsets) > 0, "no time offsets", "some")
    found.check(max(map(abs, offsets)) < 100_000, f"time offsets to {max(offsets)}", "fewer frames")


def _normalize(found: Fields) -> Made:
    dim = found.first("<Dim>", "<InputDim>")
    block = found.get("<BlockDim>", dim)
    rms, add = found.get("<TargetRms>", 1.0), found.get("<AddLogStddev>", False)
    fits = 0 < block <= dim and dim % block == 0 and rms > 0
    found.check(fits, f"blocks of {block} of {dim} features to {rms}", "sizes that fit")
    dim_out = dim + (dim // block if add else 0)
    return Made(L.Normalize(block, rms, add), dim, dim_out)


def _batch_norm(found: Fields) -> Made:
    (dim,) = positive(found, "<Dim>")
    block = found.get("<BlockDim>", dim)
    mean, variance = found["<StatsMean>"], found["<StatsVar>"]
    epsilon, rms = found.get("<Epsilon>", 1e-3), found.get("<TargetRms>", 1.0)
    fits = block > 0 and dim % block == 0 and mean.shape == variance.shape == (block,)
    found.check(
        fits and found.get("<Count>", 0) > 0,
        f"statistics of {len(mean)} features from {found.get('<Count>', 0):g} frames",
        f"those of {block} from some frames: the model is not trained yet",
    )
    variance = np.maximum(variance.astype(np.float64), 0) + epsilon
    found.check(bool((variance > 0).all()), "variances of 0", "positive ones")
    scale = rms / np.sqrt(variance)
    return _repeated(L.Diagonal(float32(scale), float32(-mean * scale)), dim)


def _repeated(layer: L.Diagonal, dim: int) -> Made:
    """A diagonal layer for blocks that fill `dim` features."""
    size = len(layer.scale if layer.scale is not None else layer.offset)  # type: ignore[arg-type]
    if size == dim:
        return Made(layer, dim, dim)
    return Made(L.RepeatedDiagonal(layer.scale, layer.offset), dim, dim)


def _scale_and_offset(found: Fields) -> Made:
    scale, offset = float32(found["<Scales>"]), float32(found["<Offsets>"])
    dim = found.get("<Dim>", len(scale))
    fits = len(scale) > 0 and scale.shape == offset.shape and dim % len(scale) == 0 and dim > 0
    found.check(
        fits, f"{len(scale)} scales, {len(offset)} offsets, {dim} features", "sizes that fit"
    )
    return _repeated(L.Diagonal(scale, offset), dim)


def _element_scale(found: Fields) -> Made:
    scale = float32(found["<Params>"])
    found.check(len(scale) > 0, "an empty vector", "a number for each feature")
    return Made(L.Diagonal(scale=scale), len(scale), len(scale))


def _element_offset(found: Fields) -> Made:
    offset = float32(found["<Offsets>"])
    dim = found.get("<Dim>", len(offset))
    fits = len(offset) > 0 and dim > 0 and dim % len(offset) == 0
    found.check(fits, f"{len(offset)} offsets of {dim} features", "sizes that fit")
    return _repeated(L.Diagonal(offset=offset), dim)


def _identity(found: Fields) -> Made:
    dim = found.get("<Dim>")
    found.check(dim is None or dim > 0, f"{dim} features", "a positive number")
    return Made(None, dim, dim)


def _truncation(found: Fields) -> Made:
    (dim,) = positive(found, "<Dim>")
    scale = found.get("<Scale>", 1.0)
    layer = None if scale == 1 else L.Diagonal(scale=np.full(1, scale, np.float32))
    return Made(layer, dim, dim)


def _dropout_mask(found: Fields) -> Made:
    (dim,) = positive(found, "<OutputDim>")
    found.check(dim <= 1_000_000, f"{dim} features", "fewer")
    kept = 1.0 if "<Continuous>" in found.found else 1.0 - found.get("<DropoutProportion>", 0.0)
    return Made(L.Constant(kept, dim), None, dim)


def _permute(found: Fields) -> Made:
    name = "<ColumnMap>" if "<ColumnMap>" in found.found else "<Reorder>"
    order = nnet2.permutation(found, name)  # where each feature comes from
    return Made(L.Select(tuple(order.tolist())), len(order), len(order))


def _pnorm(found: Fields) -> Made:
    dim_in, dim_out = groups_of(found)
    return Made(L.Pnorm(dim_out), dim_in, dim_out)


def _maxout(found: Fields) -> Made:
    dim_in, dim_out = groups_of(found)
    size = dim_in // dim_out
    return Made(L.Pool(size, size, 1), dim_in, dim_out)


def _product(found: Fields) -> Made:
    dim_in, dim_out = groups_of(found)
    return Made(L.Product(dim_out), dim_in, dim_out)


def _sum_block(found: Fields) -> Made:
    dim_in, dim_out = groups_of(found)
    return Made(L.SumBlocks(dim_out, found.get("<Scale>", 1.0)), dim_in, dim_out)


def _lstm(found: Fields) -> Made:
    peepholes = float32(found["<Params>"])
    fits = peepholes.ndim == 2 and len(peepholes) == 3 and peepholes.shape[1] > 0
    found.check(fits, f"peepholes {list(peepholes.shape)}", "[3, cells]")
    masks = found.get("<UseDropout>", False)
    cell = peepholes.shape[1]
    return Made(L.LstmCell(peepholes, masks), 5 * cell + (3 if masks else 0), 2 * cell)


def _gru(found: Fields) -> Made:
    weight = float32(found["<w_h>"])
    cell, recurrent = positive(found, "<CellDim>", "<RecurrentDim>")
    fits = weight.shape == (cell, recurrent)
    found.check(fits, f"a weight {list(weight.shape)}", f"[{cell}, {recurrent}]")
    return Made(L.GruCell(weight), 3 * cell + 2 * recurrent, 2 * cell)


def _output_gru(found: Fields) -> Made:
    weight = float32(found["<w_h>"])
    (cell,) = positive(found, "<CellDim>")
    found.check(weight.shape == (cell,), f"a weight {list(weight.shape)}", f"[{cell}]")
    return Made(L.OutputGruCell(weight), 3 * cell, 2 * cell)


def _time_height(found: Fields) -> Made:
    names = ("<NumFiltersIn>", "<NumFiltersOut>", "<HeightIn>", "<HeightOut>")
    filters_in, filters_out, height_in, height_out = positive(found, *names)
    step = found.get("<HeightSubsampleOut>", 1)
    offsets = tuple((int(time), int(height)) for time, height in found["<Offsets>"])
    times = tuple(found["<RequiredTimeOffsets>"].tolist())
    _check_offsets(found, tuple(time for time, _ in offsets))
    _check_offsets(found, times)
    weight, bias = found.affine(found["<LinearParams>"], found["<BiasParams>"])
    fits = weight.shape == (filters_out, len(offsets) * filters_in) and step > 0
    # Heights that no filter reaches would be allocated for nothing.
    fits = fits and height_out * step < height_in + 1000 and height_in < 100_000
    found.check(fits, f"a weight {list(weight.shape)}, heights {height_in} and {height_out}",
                f"[{filters_out}, {len(offsets)} x {filters_in}] and heights that fit")  # fmt: skip
    layer = L.TimeHeightConvolution(
        weight, bias, filters_in, filters_out, height_in, height_out, step, offsets, times
    )
    return Made(layer, height_in * filters_in, height_out * filters_out)


def _convolution(found: Fields) -> Made:
    shape = positive(found, "<InputXDim>", "<InputYDim>", "<InputZDim>")
    taps = positive(found, "<FiltXDim>", "<FiltYDim>")
    step = positive(found, "<FiltXStep>", "<FiltYStep>")
    filters, bias = found.affine(found["<FilterParams>"], found["<BiasParams>"])
    fits = taps[0] <= shape[0] and taps[1] <= shape[1]
    fits = fits and filters.shape[1] == taps[0] * taps[1] * shape[2]
    found.check(fits, f"filters {list(filters.shape)} over {list(shape)}", "sizes that fit")
    counts = [1 + (size - tap) // by for size, tap, by in zip(shape, taps, step)]
    order = found["<InputVectorization>"]
    found.check(order in (0, 1), f"the order {order}", "0 (yzx) or 1 (zyx)")
    layer = L.Convolution3d(
        filters, bias, (shape[0], shape[1], shape[2]), (taps[0], taps[1]), (step[0], step[1]),
        z_fastest=order == 1,
    )  # fmt: skip
    return Made(layer, shape[0] * shape[1] * shape[2], counts[0] * counts[1] * len(filters))


def _max_pooling(found: Fields) -> Made:
    shape = positive(found, "<InputXDim>", "<InputYDim>", "<InputZDim>")
    size = positive(found, "<PoolXSize>", "<PoolYSize>", "<PoolZSize>")
    step = positive(found, "<PoolXStep>", "<PoolYStep>", "<PoolZStep>")
    found.check(all(one <= all_ for one, all_ in zip(size, shape)), f"pools {size} of {shape}",
                "smaller ones")  # fmt: skip
    counts = [1 + (all_ - one) // by for all_, one, by in zip(shape, size, step)]
    layer = L.Pool3d(shape, size, step)  # type: ignore[arg-type]
    return Made(layer, shape[0] * shape[1] * shape[2], counts[0] * counts[1] * counts[2])


def _attention(found: Fields) -> Made:
    heads, key, value, stride = positive(
        found, "<NumHeads>", "<KeyDim>", "<ValueDim>", "<TimeStride>"
    )
    left, right = found["<NumLeftInputs>"], found["<NumRightInputs>"]
    wanted = found["<NumLeftInputsRequired>"], found["<NumRightInputsRequired>"]
    fits = 0 <= wanted[0] <= left and 0 <= wanted[1] <= right
    fits = fits and 0 < (left + right) * stride < 100_000
    found.check(fits, f"{left} and {right} frames, of which {wanted} are needed", "sizes that fit")
    contexts, shows = left + right + 1, found["<OutputContext>"]
    layer = L.Attention(heads, key, value, left, right, stride, *wanted, shows, found["<KeyScale>"])
    dim_in = heads * (2 * key + value + contexts)
    return Made(layer, dim_in, heads * (value + (contexts if shows else 0)))


def _extraction(found: Fields) -> Made:
    dim, input_period, period = positive(found, "<InputDim>", "<InputPeriod>", "<OutputPeriod>")
    fits = period % input_period == 0 and period < 10_000
    found.check(fits, f"periods {input_period} and {period}", "the first within the second")
    variance = found.first("<IncludeVarinance>", "<IncludeVariance>")  # spelt so by Kaldi
    layer = L.StatisticsExtraction(input_period, period, variance)
    return Made(layer, dim, 1 + dim * (2 if variance else 1))


def _pooling(found: Fields) -> Made:
    dim, period = positive(found, "<InputDim>", "<InputPeriod>")
    left, right = found["<LeftContext>"], found["<RightContext>"]
    counts, deviation = found["<NumLogCountFeatures>"], found["<OutputStddevs>"]
    fits = dim > 1 and left >= 0 and right >= 0 and 0 <= counts < 1000
    fits = fits and (not deviation or (dim - 1) % 2 == 0)
    found.check(fits, f"{dim} statistics in {left} and {right} frames", "sizes that fit")
    layer = L.StatisticsPooling(
        left, right, period, counts, deviation, found.get("<VarianceFloor>", 1e-10)
    )
    return Made(layer, dim, dim - 1 + counts)


_DIM: Spec = {"<Dim>": "int", "<BlockDim>": "int"}
_GROUPS: Spec = {"<InputDim>": "int", "<OutputDim>": "int"}
_AFFINE: Spec = {"<LinearParams>": "matrix", "<BiasParams>": "vector"}
_REPEATED: Spec = {**_AFFINE, "<NumRepeats>": "int"}
_BLOCKS: Spec = {**_AFFINE, "<NumBlocks>": "int"}
_NORM: Spec = {
    **_DIM, "<InputDim>": "int", "<TargetRms>": "real", "<AddLogStddev>": "bool",
}  # fmt: skip
_OFFSETS: Spec = {"<Offsets>": "vector", "<Scales>": "vector", "<Dim>": "int"}
_DROPOUT: Spec = {
    **_DIM,
    "<TimePeriod>": "int",
    "<DropoutProportion>": "real",
    "<DropoutPerFrame>": "bool",
    "<SpecAugmentMaxProportion>": "real",
    "<SpecAugmentMaxRegions>": "int",
    "<ZeroedProportion>": "real",
    "<TimeMaskMaxFrames>": "int",
    "<Continuous>": "flag or bool",
}
_CLIPPING: Spec = {
    "<Dim>": "int",
    "<Scale>": "real",
    "<ClippingThreshold>": "real",
    "<NormBasedClipping>": "bool",
    "<SelfRepairClippedProportionThreshold>": "real",
    "<SelfRepairTarget>": "real",
    "<ZeroingThreshold>": "real",
    "<ZeroingInterval>": "int",
    "<RecurrenceInterval>": "int",
    **dict.fromkeys(
        ("<NumElementsClipped>", "<NumElementsProcessed>", "<NumElementsZeroed>",
         "<NumZeroingBoundaries>", "<NumSelfRepaired>", "<NumBackpropped>"),
        "real",
    ),
}  # fmt: skip
_TIME_HEIGHT: Spec = {
    **_AFFINE,
    "<Model>": "flag",
    "<ConvolutionModel>": "flag",
    "</ConvolutionModel>": "flag",
    **dict.fromkeys(
        ("<NumFiltersIn>", "<NumFiltersOut>", "<HeightIn>", "<HeightOut>", "<HeightSubsampleOut>"),
        "int",
    ),
    "<Offsets>": "pairs",
    "<RequiredTimeOffsets>": "ints",
}
_VOLUME = ("<InputXDim>", "<InputYDim>", "<InputZDim>")
_SIMPLE: dict[str, Layer | None] = {
    "SigmoidComponent": L.Activation("sigmoid"),
    "TanhComponent": L.Activation("tanh"),
    "RectifiedLinearComponent": L.Activation("relu"),
    "SoftmaxComponent": L.Softmax(),
    "LogSoftmaxComponent": L.Softmax(log=True),
}
_IDENTITIES = ("NoOpComponent", "DropoutComponent", "GeneralDropoutComponent",
               "SpecAugmentTimeMaskComponent", "ClipGradientComponent")  # fmt: skip

_COMPONENTS: dict[str, tuple[Spec, Callable[[Fields], Made]]] = {
    "AffineComponent": (_AFFINE, _affine),
    "NaturalGradientAffineComponent": (_AFFINE, _affine),
    "LinearComponent": ({"<Params>": "matrix"}, _linear),
    "RepeatedAffineComponent": (_REPEATED, _repeated_affine),
    "NaturalGradientRepeatedAffineComponent": (_REPEATED, _repeated_affine),
    "BlockAffineComponent": (_BLOCKS, nnet2.block_affine),
    "TdnnComponent": ({**_AFFINE, "<TimeOffsets>": "ints"}, _tdnn),
    **{name: (_DIM, nnet2.plain(layer)) for name, layer in _SIMPLE.items()},
    **{name: ({**_DROPOUT, **_CLIPPING}, _identity) for name in _IDENTITIES},
    "BackpropTruncationComponent": (_CLIPPING, _truncation),
    "DropoutMaskComponent": ({**_DROPOUT, "<OutputDim>": "int"}, _dropout_mask),
    "BatchNormComponent": (
        {**_DIM, "<Epsilon>": "real", "<TargetRms>": "real",
         "<StatsMean>": "vector", "<StatsVar>": "vector"},
        _batch_norm,
    ),
    "NormalizeComponent": (_NORM, _normalize),
    "FixedAffineComponent": (_AFFINE, _affine),
    "FixedScaleComponent": ({"<Scales>": "vector"}, nnet2.fixed_scale),
    "FixedBiasComponent": ({"<Bias>": "vector"}, nnet2.fixed_bias),
    "PerElementScaleComponent": ({"<Params>": "vector"}, _element_scale),
    "NaturalGradientPerElementScaleComponent": ({"<Params>": "vector"}, _element_scale),
    "PerElementOffsetComponent": (_OFFSETS, _element_offset),
    "ScaleAndOffsetComponent": (_OFFSETS, _scale_and_offset),
    "SumGroupComponent": ({"<Sizes>": "ints"}, nnet2.sum_group),
    "PermuteComponent": ({"<ColumnMap>": "ints", "<Reorder>": "ints"}, _permute),
    "PnormComponent": (_GROUPS, _pnorm),
    "MaxoutComponent": (_GROUPS, _maxout),
    "ElementwiseProductComponent": (_GROUPS, _product),
    "SumBlockComponent": ({**_GROUPS, "<Scale>": "real"}, _sum_block),
    "LstmNonlinearityComponent": (
        {"<Params>": "matrix", "<ValueAvg>": "matrix", "<DerivAvg>": "matrix",
         "<UseDropout>": "bool"},
        _lstm,
    ),
    "GruNonlinearityComponent": (
        {"<CellDim>": "int", "<RecurrentDim>": "int", "<w_h>": "matrix"}, _gru
    ),
    "OutputGruNonlinearityComponent": ({"<CellDim>": "int", "<w_h>": "vector"}, _output_gru),
    "TimeHeightConvolutionComponent": (_TIME_HEIGHT, _time_height),
    "ConvolutionComponent": (
        {
            **dict.fromkeys(
                (*_VOLUME, "<FiltXDim>", "<FiltYDim>", "<FiltXStep>", "<FiltYStep>",
                 "<InputVectorization>"),
                "int",
            ),
            "<FilterParams>": "matrix",
            "<BiasParams>": "vector",
        },
        _convolution,
    ),
    "MaxpoolingComponent": (
        dict.fromkeys(
            (*_VOLUME, "<PoolXSize>", "<PoolYSize>", "<PoolZSize>", "<PoolXStep>", "<PoolYStep>",
             "<PoolZStep>"),
            "int",
        ),
        _max_pooling,
    ),
    "RestrictedAttentionComponent": (
        {
            **dict.fromkeys(
                ("<NumHeads>", "<KeyDim>", "<ValueDim>", "<NumLeftInputs>", "<NumRightInputs>",
                 "<TimeStride>", "<NumLeftInputsRequired>", "<NumRightInputsRequired>"),
                "int",
            ),
            "<OutputContext>": "bool",
            "<KeyScale>": "real",
            "<StatsCount>": "real",
            "<EntropyStats>": "vector",
            "<PosteriorStats>": "matrix",
        },
        _attention,
    ),
    "StatisticsExtractionComponent": (
        {
            **dict.fromkeys(("<InputDim>", "<InputPeriod>", "<OutputPeriod>"), "int"),
            "<IncludeVarinance>": "bool",
            "<IncludeVariance>": "bool",
        },
        _extraction,
    ),
    "StatisticsPoolingComponent": (
        {
            **dict.fromkeys(
                ("<InputDim>", "<InputPeriod>", "<LeftContext>", "<RightContext>",
                 "<NumLogCountFeatures>"),
                "int",
            ),
            "<OutputStddevs>": "bool",
            "<VarianceFloor>": "real",
            "<RequireDirectInput>": "bool",
        },
        _pooling,
    ),
}  # fmt: skip
