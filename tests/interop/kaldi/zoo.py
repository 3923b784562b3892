# ruff: noqa: E501
"""One network for each component: its file, and its formula written out for one frame.

Formulas are those of docs/kaldi.md, in float64, with loops where the package has matrices.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.interop.kaldi import nets

DIM = 12


@dataclass
class Case:
    """A component.

    Args:
      name: of the test.
      kind: "nnet1", "nnet2" or "nnet3".
      write: of (binary): the whole file.
      formula: of one frame `[DIM]`, float64.
    """

    name: str
    kind: str
    write: Any
    formula: Any


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    x = np.exp(x - x.max())
    return x / x.sum()


def blocks(x, size):
    return [x[start : start + size] for start in range(0, len(x), size)]


def in_nnet1(name, marker, dim_out, write, formula, **options):
    def whole(binary):
        return nets.nnet1(binary, [(marker, dim_out, DIM, write)])

    return Case(f"nnet1-{name}", "nnet1", whole, formula, **options)


def in_nnet2(name, kind, write, formula, before=(), **options):
    def whole(binary):
        return nets.nnet2(binary, [*before, (kind, write)], transitions=False)

    return Case(f"nnet2-{name}", "nnet2", whole, formula, **options)


def in_nnet3(name, kind, write, formula, dim=DIM, **options):
    config = (
        f"input-node name=input dim={dim}\ncomponent-node name=a component=c input=input\n"
        "output-node name=output input=a"
    )

    def whole(binary):
        return nets.nnet3(binary, config, [("c", kind, write)])

    return Case(f"nnet3-{name}", "nnet3", whole, formula, **options)


def nnet1_cases():
    normal = nets.arrays(1)
    weight, bias, vector = normal(5, DIM), normal(5), normal(DIM)
    filters, filter_bias = normal(3, 6), normal(3)  # patches of 2, splices of 3, every 1 of 4

    def patches(x, stride, dim, step, appended=False):
        splices = len(x) // stride
        found = []
        for start in range(0, stride - dim + 1, step):
            patch = [
                x[(start + d) * splices + s] if appended else x[s * stride + start + d]
                for s in range(splices)
                for d in range(dim)
            ]
            found += list(filters @ np.array(patch) + filter_bias)
        return np.array(found)

    def pools(x, size, step, stride, function):
        rows = blocks(x, stride)
        return np.concatenate(
            [
                function(rows[start : start + size], axis=0)
                for start in range(0, len(rows) - size + 1, step)
            ]
        )

    def convolution(writer):
        for name, number in (("<PatchDim>", 2), ("<PatchStep>", 1), ("<PatchStride>", 4)):
            writer.token(name).integer(number)
        writer.token("<LearnRateCoef>").real(1).token("<BiasLearnRateCoef>").real(1)
        writer.token("<MaxNorm>").real(30)
        writer.token("<Filters>").matrix(filters).token("<Bias>").vector(filter_bias)

    def pooling(writer):
        for name, number in (("<PoolSize>", 2), ("<PoolStep>", 1), ("<PoolStride>", 3)):
            writer.token(name).integer(number)

    parallel = [normal(2, 5), normal(2), normal(3, 7), normal(3)]

    def side_by_side(writer):
        writer.token("<NestedNnetCount>").integer(2)
        for number, (matrix, offset) in enumerate((parallel[:2], parallel[2:]), start=1):
            writer.token("<NestedNnet>").integer(number).token("<Nnet>", "<AffineTransform>")
            writer.integer(*matrix.shape).matrix(matrix).vector(offset)
            writer.token("<!EndOfComponent>", "<Sigmoid>").integer(len(matrix), len(matrix))
            writer.token("<!EndOfComponent>", "</Nnet>")
        writer.token("</ParallelComponent>")

    def two(x):
        parts = parallel[0] @ x[:5] + parallel[1], parallel[2] @ x[5:] + parallel[3]
        return sigmoid(np.concatenate(parts))

    def numbers(values):
        return lambda writer: writer.ints(values)

    copied = [12, 1, 1, 5]
    return [
        in_nnet1("affine", "<AffineTransform>", 5, nets.affine(weight, bias),
                 lambda x: weight @ x + bias),
        in_nnet1("affine-old", "<biasedlinearity>", 5,
                 lambda writer: writer.matrix(weight).vector(bias), lambda x: weight @ x + bias),
        in_nnet1("affine-double", "<AffineTransform>", 5,
                 lambda w: w.token("<LearnRateCoef>").real(1, double=True)
                 .matrix(weight, double=True).vector(bias, double=True),
                 lambda x: weight @ x + bias),
        in_nnet1("linear", "<LinearTransform>", 5,
                 lambda w: w.token("<LearnRateCoef>").real(1).matrix(weight), lambda x: weight @ x),
        in_nnet1("sigmoid", "<Sigmoid>", DIM, nets.nothing, sigmoid),
        in_nnet1("tanh", "<Tanh>", DIM, nets.nothing, np.tanh),
        in_nnet1("softmax", "<SOFTMAX>", DIM, nets.nothing, softmax),
        in_nnet1("hidden-softmax", "<HiddenSoftmax>", DIM, nets.nothing, softmax),
        in_nnet1("block-softmax", "<BlockSoftmax>", DIM, numbers([5, 7]),
                 lambda x: np.concatenate([softmax(x[:5]), softmax(x[5:])])),
        in_nnet1("copy", "<Copy>", 4, numbers(copied), lambda x: x[np.array(copied) - 1]),
        in_nnet1("add-shift", "<AddShift>", DIM, lambda w: w.vector(vector), lambda x: x + vector),
        in_nnet1("rescale", "<Rescale>", DIM,
                 lambda w: w.token("<LearnRateCoef>").real(0).vector(vector),
                 lambda x: x * vector),
        in_nnet1("length-norm", "<LengthNormComponent>", DIM, nets.nothing,
                 lambda x: x / np.sqrt((x**2).sum())),
        in_nnet1("dropout", "<Dropout>", DIM, lambda w: w.token("<DropoutRate>").real(0.5),
                 lambda x: x),
        in_nnet1("dropout-old", "<Dropout>", DIM, lambda w: w.token("<DropoutRetention>").real(0.5),
                 lambda x: x),
        in_nnet1("convolution", "<ConvolutionalComponent>", 9, convolution,
                 lambda x: patches(x, 4, 2, 1)),
        in_nnet1("max-pooling", "<MaxPoolingComponent>", 9, pooling,
                 lambda x: pools(x, 2, 1, 3, np.max)),
        in_nnet1("average-pooling", "<AveragePoolingComponent>", 9, pooling,
                 lambda x: pools(x, 2, 1, 3, np.mean)),
        in_nnet1("parallel", "<ParallelComponent>", 5, side_by_side, two),
    ], patches, filters, filter_bias  # fmt: skip


def nnet2_cases():
    _, patches, filters, filter_bias = nnet1_cases()
    normal = nets.arrays(2)
    weight, bias, vector = normal(5, DIM), normal(5), normal(DIM)
    narrow, narrow_bias = normal(6, 4), normal(6)
    order = np.random.default_rng(0).permutation(DIM)

    def fields(*pairs):
        def write(writer):
            for name, kind, value in pairs:
                writer.token(name)
                getattr(writer, kind)(*value if kind in ("integer", "real") else (value,))

        return write

    rate = ("<LearningRate>", "real", [0.01])
    params = [("<LinearParams>", "matrix", weight), ("<BiasParams>", "vector", bias)]
    narrow_params = [("<LinearParams>", "matrix", narrow), ("<BiasParams>", "vector", narrow_bias)]

    def plain(writer):
        writer.token("<Dim>").integer(DIM).token("<ValueSum>").vector([], double=True)
        writer.token("<DerivSum>").vector([], double=True).token("<Count>").real(0, double=True)

    def sizes(dim_in, dim_out, *more):
        return fields(("<InputDim>", "integer", [dim_in]), ("<OutputDim>", "integer", [dim_out]),
                      *more)  # fmt: skip

    def dct(x, keep, reorder):
        rows = np.array(blocks(x, 4))
        if reorder:
            rows = x.reshape(4, 3).T
        found = []
        for row in rows:
            found.append(
                [
                    np.sqrt((1 if k == 0 else 2) / 4)
                    * sum(v * np.cos(np.pi / 4 * (n + 0.5) * k) for n, v in enumerate(row))
                    for k in range(keep)
                ]
            )
        return (np.array(found).T if reorder else np.array(found)).ravel()

    def dct_fields(reorder, keep):
        def write(writer):
            writer.token("<Dim>").integer(DIM).token("<DctDim>").integer(4)
            writer.token("<Reorder>").boolean(reorder).token("<DctKeepDim>").integer(keep)

        return write

    def convolution(appended):
        def write(writer):
            writer.token("<LearningRate>").real(0.1)
            for name, number in (("<PatchDim>", 2), ("<PatchStep>", 1), ("<PatchStride>", 4)):
                writer.token(name).integer(number)
            if appended is not None:
                writer.token("<AppendedConv>").boolean(appended)
            writer.token("<FilterParams>").matrix(filters)
            writer.token("<BiasParams>").vector(filter_bias)
            writer.token("<IsGradient>").boolean(False)

        return write

    def norm(p):
        return lambda x: np.array([(np.abs(g) ** p).sum() ** (1 / p) for g in blocks(x, 3)])

    def blockwise(x):
        parts = zip(np.split(narrow, 3), blocks(x, 4))
        return np.concatenate([w @ part for w, part in parts]) + narrow_bias

    affine = lambda x: weight @ x + bias  # noqa: E731
    online = [("<Alpha>", "real", [4]), ("<MaxChangePerSample>", "real", [0.1])]
    return [
        in_nnet2("affine", "AffineComponent",
                 fields(rate, *params, ("<IsGradient>", "boolean", False)), affine),
        in_nnet2("affine-old", "AffineComponent",
                 fields(rate, *params, ("<AvgInput>", "vector", vector),
                        ("<AvgInputCount>", "real", [2]), ("<IsGradient>", "boolean", False)),
                 affine),
        in_nnet2("preconditioned", "AffineComponentPreconditioned",
                 fields(rate, *params, ("<Alpha>", "real", [0.1]), ("<MaxChange>", "real", [10])),
                 affine),
        in_nnet2("online", "AffineComponentPreconditionedOnline",
                 fields(rate, *params, ("<RankIn>", "integer", [20]), ("<RankOut>", "integer", [80]),
                        ("<UpdatePeriod>", "integer", [4]), ("<NumSamplesHistory>", "real", [2000]),
                        *online), affine),
        in_nnet2("online-old", "AffineComponentPreconditionedOnline",
                 fields(rate, *params, ("<Rank>", "integer", [20]),
                        ("<NumSamplesHistory>", "real", [2000]), *online), affine),
        in_nnet2("blocks", "BlockAffineComponent",
                 fields(rate, ("<NumBlocks>", "integer", [3]), *narrow_params,
                        ("<IsGradient>", "boolean", False)), blockwise),
        in_nnet2("blocks-preconditioned", "BlockAffineComponentPreconditioned",
                 fields(rate, ("<NumBlocks>", "integer", [3]), *narrow_params,
                        ("<Alpha>", "real", [4]), ("<IsGradient>", "boolean", False)), blockwise),
        in_nnet2("sigmoid", "SigmoidComponent", plain, sigmoid),
        in_nnet2("tanh", "TanhComponent", plain, np.tanh),
        in_nnet2("relu", "RectifiedLinearComponent", plain, lambda x: np.maximum(x, 0)),
        in_nnet2("softmax", "SoftmaxComponent", plain, softmax),
        in_nnet2("log-softmax", "LogSoftmaxComponent", plain, lambda x: np.log(softmax(x))),
        in_nnet2("soft-hinge", "SoftHingeComponent", plain, lambda x: np.log(1 + np.exp(x))),
        in_nnet2("normalize", "NormalizeComponent", plain,
                 lambda x: x / np.sqrt(max(2.0**-66, (x**2).mean()))),
        *[in_nnet2(f"pnorm-{p}", "PnormComponent", sizes(DIM, 4, ("<P>", "real", [p])), norm(p))
          for p in (1, 2, 3)],
        in_nnet2("maxout", "MaxoutComponent", sizes(DIM, 4),
                 lambda x: np.array([g.max() for g in blocks(x, 3)])),
        in_nnet2("max-pooling", "MaxpoolingComponent",
                 sizes(DIM, 6, ("<PoolSize>", "integer", [2]), ("<PoolStride>", "integer", [3])),
                 lambda x: np.concatenate([np.maximum(x[:3], x[3:6]), np.maximum(x[6:9], x[9:])])),
        in_nnet2("fixed-affine", "FixedAffineComponent", fields(*params), affine),
        in_nnet2("fixed-linear", "FixedLinearComponent", fields(("<CuMatrix>", "matrix", weight)),
                 lambda x: weight @ x),
        in_nnet2("fixed-scale", "FixedScaleComponent", fields(("<Scales>", "vector", vector)),
                 lambda x: vector * x),
        in_nnet2("fixed-bias", "FixedBiasComponent", fields(("<Bias>", "vector", vector)),
                 lambda x: vector + x),
        in_nnet2("sum-group", "SumGroupComponent", fields(("<Sizes>", "ints", [3, 4, 5])),
                 lambda x: np.array([x[:3].sum(), x[3:7].sum(), x[7:].sum()])),
        in_nnet2("permute", "PermuteComponent", fields(("<Reorder>", "ints", order)),
                 lambda x: x[np.argsort(order)]),
        in_nnet2("scale", "ScaleComponent",
                 fields(("<Dim>", "integer", [DIM]), ("<Scale>", "real", [0.3])), lambda x: 0.3 * x),
        *[in_nnet2(f"power-{power}", "PowerComponent",
                   sizes(DIM, DIM, ("<Power>", "real", [power])), lambda x, p=power: np.abs(x)**p,
                   ) for power in (2, 0.5, 1.7)],
        in_nnet2("dct", "DctComponent", dct_fields(False, 3), lambda x: dct(x, 3, False)),
        in_nnet2("dct-reordered", "DctComponent", dct_fields(True, 4), lambda x: dct(x, 4, True)),
        in_nnet2("dropout", "DropoutComponent",
                 fields(("<Dim>", "integer", [DIM]), ("<DropoutScale>", "real", [0]),
                        ("<DropoutProportion>", "real", [0.5])), lambda x: x),
        in_nnet2("noise", "AdditiveNoiseComponent",
                 fields(("<Dim>", "integer", [DIM]), ("<Stddev>", "real", [1])), lambda x: x),
        in_nnet2("convolution", "Convolutional1dComponent", convolution(False),
                 lambda x: patches(x, 4, 2, 1)),
        in_nnet2("convolution-old", "Convolutional1dComponent", convolution(None),
                 lambda x: patches(x, 4, 2, 1)),
        in_nnet2("convolution-appended", "Convolutional1dComponent", convolution(True),
                 lambda x: patches(x, 4, 2, 1, appended=True)),
    ]  # fmt: skip


def nnet3_cases():
    normal = nets.arrays(3)
    weight, bias, vector, four = normal(5, DIM), normal(5), normal(DIM), normal(4)
    narrow, narrow_bias = normal(6, 4), normal(6)
    order = np.random.default_rng(0).permutation(DIM)
    variance = normal(4) ** 2 + 0.5

    def fields(*pairs):
        def write(writer):
            for name, kind, value in pairs:
                writer.token(name)
                if kind != "flag":
                    getattr(writer, kind)(*value if kind in ("integer", "real") else (value,))

        return write

    rate = ("<LearningRate>", "real", [0.01])
    params = [("<LinearParams>", "matrix", weight), ("<BiasParams>", "vector", bias)]
    narrow_params = [("<LinearParams>", "matrix", narrow), ("<BiasParams>", "vector", narrow_bias)]
    dim = ("<Dim>", "integer", [DIM])
    affine = lambda x: weight @ x + bias  # noqa: E731
    identity = lambda x: x  # noqa: E731
    groups = [("<InputDim>", "integer", [DIM]), ("<OutputDim>", "integer", [4])]

    def norm(block, rms, add):
        def formula(x):
            found = []
            for part in blocks(x, block):
                mean = (part**2).mean()
                found += list(part * rms / np.sqrt(max(mean, rms**2 * 2.0**-66)))
                found += [np.log(np.sqrt(mean))] if add else []
            return np.array(found)

        return formula

    peepholes = normal(3, 2)

    def lstm(masks):
        def formula(x):
            i, f, part, o, before = blocks(x[:10], 2)
            mask = x[10:] if masks else np.ones(3)
            i = sigmoid(i + peepholes[0] * before) * mask[0]
            f = sigmoid(f + peepholes[1] * before) * mask[1]
            c = f * before + i * np.tanh(part)
            o = sigmoid(o + peepholes[2] * c) * mask[2]
            return np.concatenate([c, o * np.tanh(c)])

        return formula

    def lstm_fields(masks):
        more = [("<UseDropout>", "boolean", masks)] if masks is not None else []
        return fields(rate, ("<Params>", "matrix", peepholes),
                      ("<ValueAvg>", "matrix", np.zeros((5, 2))),
                      ("<DerivAvg>", "matrix", np.zeros((5, 2))),
                      ("<SelfRepairConfig>", "vector", np.ones(10)),
                      ("<SelfRepairProb>", "vector", np.ones(5)), *more,
                      ("<Count>", "real", [3]))  # fmt: skip

    gru_weight, gru_diagonal = normal(3, 2), normal(4)

    def gru(x):
        z, r, part, before, state = np.split(x, [3, 5, 8, 11])
        h = np.tanh(part + gru_weight @ (r * state))
        return np.concatenate([h, (1 - z) * h + z * before])

    def output_gru(x):
        z, part, before = blocks(x, 4)
        h = np.tanh(part + gru_diagonal * before)
        return np.concatenate([h, (1 - z) * h + z * before])

    def gru_fields(name, matrix, *more):
        average = np.zeros(len(matrix))
        kind = "matrix" if matrix.ndim == 2 else "vector"
        return fields(rate, ("<CellDim>", "integer", [len(matrix)]), *more, (name, kind, matrix),
                      ("<ValueAvg>", "vector", average), ("<DerivAvg>", "vector", average),
                      ("<SelfRepairTotal>", "real", [0]), ("<Count>", "real", [0]),
                      ("<SelfRepairThreshold>", "real", [0.2]), ("<SelfRepairScale>", "real", [1]),
                      ("<Alpha>", "real", [4]))  # fmt: skip

    filters, filter_bias = normal(2, 2 * 2 * 2), normal(2)  # 2 x 2 taps of (2, 3, 2)

    def volume(order):
        def formula(x):
            v = x.reshape(2, 3, 2) if order == 1 else x.reshape(2, 2, 3).transpose(0, 2, 1)
            return np.concatenate(
                [filters @ v[:, y : y + 2].ravel() + filter_bias for y in range(2)]
            )

        return formula

    def volume_fields(order):
        names = ("<InputXDim>", "<InputYDim>", "<InputZDim>", "<FiltXDim>", "<FiltYDim>",
                 "<FiltXStep>", "<FiltYStep>", "<InputVectorization>")  # fmt: skip
        numbers = (2, 3, 2, 2, 2, 1, 1, order)
        pairs = [(name, "integer", [number]) for name, number in zip(names, numbers)]
        return fields(
            rate,
            *pairs,
            ("<FilterParams>", "matrix", filters),
            ("<BiasParams>", "vector", filter_bias),
            ("<IsGradient>", "boolean", False),
        )

    def pooled(x):
        v = x.reshape(2, 3, 2)
        return np.array([v[:, y : y + 2, z].max() for y in range(2) for z in range(2)])

    pool_names = ("<InputXDim>", "<InputYDim>", "<InputZDim>", "<PoolXSize>", "<PoolYSize>",
                  "<PoolZSize>", "<PoolXStep>", "<PoolYStep>", "<PoolZStep>")  # fmt: skip
    pool_pairs = [(n, "integer", [v]) for n, v in zip(pool_names, (2, 3, 2, 2, 2, 1, 1, 1, 1))]

    def composite(writer):
        writer.token("<LearningRate>").real(0.1)
        writer.token("<MaxRowsProcess>").integer(2048).token("<NumComponents>").integer(2)
        writer.token("<NaturalGradientAffineComponent>")
        nets.natural_gradient_affine(weight, bias)(writer)
        writer.token("</NaturalGradientAffineComponent>", "<SigmoidComponent>")
        nets.nonlinear(5)(writer)
        writer.token("</SigmoidComponent>")

    clipping = [dim, ("<ClippingThreshold>", "real", [30]),
                ("<NormBasedClipping>", "boolean", True),
                ("<SelfRepairClippedProportionThreshold>", "real", [1]),
                ("<SelfRepairTarget>", "real", [0]), ("<SelfRepairScale>", "real", [1]),
                ("<NumElementsClipped>", "integer", [0])]  # fmt: skip
    truncation = [dim, ("<Scale>", "real", [0.5]), ("<ClippingThreshold>", "real", [30]),
                  ("<ZeroingThreshold>", "real", [15]), ("<ZeroingInterval>", "integer", [20]),
                  ("<RecurrenceInterval>", "integer", [1])]  # fmt: skip
    tile3 = lambda v: np.tile(v, 3)  # noqa: E731
    return [
        in_nnet3("affine", "AffineComponent",
                 fields(("<LearningRateFactor>", "real", [1]), ("<IsGradient>", "boolean", False),
                        ("<MaxChange>", "real", [1]), ("<L2Regularize>", "real", [0]), rate, *params,
                        ("<OrthonormalConstraint>", "real", [-1])), affine),
        in_nnet3("natural-gradient", "NaturalGradientAffineComponent",
                 nets.natural_gradient_affine(weight, bias), affine),
        in_nnet3("natural-gradient-old", "NaturalGradientAffineComponent",
                 fields(rate, *params, ("<RankIn>", "integer", [20]), ("<RankOut>", "integer", [80]),
                        ("<UpdatePeriod>", "integer", [4]), ("<NumSamplesHistory>", "real", [2000]),
                        ("<Alpha>", "real", [4]), ("<MaxChangePerSample>", "real", [0.07]),
                        ("<IsGradient>", "boolean", False), ("<UpdateCount>", "real", [0]),
                        ("<ActiveScalingCount>", "real", [0]),
                        ("<MaxChangeScaleStats>", "real", [0])), affine),
        in_nnet3("linear", "LinearComponent",
                 fields(rate, ("<Params>", "matrix", weight), ("<OrthonormalConstraint>", "real", [0]),
                        ("<UseNaturalGradient>", "boolean", True), ("<RankInOut>", "integer", [2, 8]),
                        ("<Alpha>", "real", [4]), ("<NumSamplesHistory>", "real", [2000]),
                        ("<UpdatePeriod>", "integer", [4])), lambda x: weight @ x),
        *[in_nnet3(f"repeated-{kind or 'plain'}", f"{kind}RepeatedAffineComponent",
                   fields(rate, ("<NumRepeats>", "integer", [3]), *narrow_params),
                   lambda x: np.concatenate([narrow @ p + narrow_bias for p in blocks(x, 4)]))
          for kind in ("", "NaturalGradient")],
        in_nnet3("blocks", "BlockAffineComponent",
                 fields(rate, ("<NumBlocks>", "integer", [3]), *narrow_params),
                 lambda x: np.concatenate(
                     [w @ p for w, p in zip(np.split(narrow, 3), blocks(x, 4))]) + narrow_bias),
        *[in_nnet3(name.lower(), f"{name}Component", nets.nonlinear(DIM), formula)
          for name, formula in (
              ("Sigmoid", sigmoid), ("Tanh", np.tanh), ("Softmax", softmax),
              ("RectifiedLinear", lambda x: np.maximum(x, 0)),
              ("LogSoftmax", lambda x: np.log(softmax(x))))],
        in_nnet3("batch-norm", "BatchNormComponent",
                 nets.batch_norm(DIM, vector, vector**2 + 0.5),
                 lambda x: (x - vector) / np.sqrt(vector**2 + 0.5 + 1e-3)),
        in_nnet3("batch-norm-blocks", "BatchNormComponent",
                 nets.batch_norm(DIM, four, variance, block=4),
                 lambda x: (x - tile3(four)) / np.sqrt(tile3(variance) + 1e-3)),
        in_nnet3("normalize", "NormalizeComponent",
                 fields(("<InputDim>", "integer", [DIM]), ("<TargetRms>", "real", [1]),
                        ("<AddLogStddev>", "boolean", False)), norm(DIM, 1, False)),
        in_nnet3("normalize-blocks", "NormalizeComponent",
                 fields(dim, ("<BlockDim>", "integer", [4]), ("<TargetRms>", "real", [0.5]),
                        ("<AddLogStddev>", "boolean", True)), norm(4, 0.5, True)),
        in_nnet3("normalize-old", "NormalizeComponent", nets.nonlinear(DIM), norm(DIM, 1, False)),
        in_nnet3("no-op", "NoOpComponent", fields(dim, ("<BackpropScale>", "real", [1])), identity),
        in_nnet3("no-op-old", "NoOpComponent", nets.nonlinear(DIM), identity),
        in_nnet3("dropout", "DropoutComponent",
                 fields(dim, ("<DropoutProportion>", "real", [0.5]),
                        ("<DropoutPerFrame>", "boolean", False), ("<TestMode>", "boolean", True)),
                 identity),
        in_nnet3("general-dropout", "GeneralDropoutComponent",
                 fields(dim, ("<BlockDim>", "integer", [DIM]), ("<TimePeriod>", "integer", [0]),
                        ("<DropoutProportion>", "real", [0.5]), ("<TestMode>", "flag", None),
                        ("<Continuous>", "flag", None)), identity),
        in_nnet3("spec-augment", "SpecAugmentTimeMaskComponent",
                 fields(dim, ("<ZeroedProportion>", "real", [0.2]),
                        ("<TimeMaskMaxFrames>", "integer", [10]), ("<TestMode>", "boolean", True)),
                 identity),
        in_nnet3("clip-gradient", "ClipGradientComponent", fields(*clipping), identity),
        in_nnet3("truncation", "BackpropTruncationComponent", fields(*truncation),
                 lambda x: 0.5 * x),
        in_nnet3("fixed-affine", "FixedAffineComponent", fields(*params), affine),
        in_nnet3("fixed-scale", "FixedScaleComponent", fields(("<Scales>", "vector", vector)),
                 lambda x: x * vector),
        in_nnet3("fixed-bias", "FixedBiasComponent", fields(("<Bias>", "vector", vector)),
                 lambda x: x + vector),
        *[in_nnet3(f"element-scale-{kind or 'plain'}", f"{kind}PerElementScaleComponent",
                   fields(rate, ("<Params>", "vector", vector)), lambda x: x * vector)
          for kind in ("", "NaturalGradient")],
        in_nnet3("element-offset", "PerElementOffsetComponent",
                 fields(rate, ("<Offsets>", "vector", four), dim,
                        ("<UseNaturalGradient>", "boolean", True)), lambda x: x + tile3(four)),
        in_nnet3("scale-and-offset", "ScaleAndOffsetComponent",
                 fields(rate, dim, ("<Scales>", "vector", four), ("<Offsets>", "vector", variance),
                        ("<UseNaturalGradient>", "boolean", True), ("<Rank>", "integer", [20])),
                 lambda x: x * tile3(four) + tile3(variance)),
        in_nnet3("sum-group", "SumGroupComponent", fields(("<Sizes>", "ints", [3, 4, 5])),
                 lambda x: np.array([x[:3].sum(), x[3:7].sum(), x[7:].sum()])),
        in_nnet3("permute", "PermuteComponent", fields(("<ColumnMap>", "ints", order)),
                 lambda x: x[order]),
        in_nnet3("pnorm", "PnormComponent", fields(*groups),
                 lambda x: np.array([np.sqrt((g**2).sum()) for g in blocks(x, 3)])),
        in_nnet3("maxout", "MaxoutComponent", fields(*groups),
                 lambda x: np.array([g.max() for g in blocks(x, 3)])),
        in_nnet3("product", "ElementwiseProductComponent", fields(*groups),
                 lambda x: x[:4] * x[4:8] * x[8:]),
        in_nnet3("sum-block", "SumBlockComponent", fields(*groups, ("<Scale>", "real", [0.5])),
                 lambda x: 0.5 * (x[:4] + x[4:8] + x[8:])),
        in_nnet3("lstm", "LstmNonlinearityComponent", lstm_fields(None), lstm(False), dim=10),
        in_nnet3("lstm-masks", "LstmNonlinearityComponent", lstm_fields(True), lstm(True), dim=13),
        in_nnet3("gru", "GruNonlinearityComponent",
                 gru_fields("<w_h>", gru_weight, ("<RecurrentDim>", "integer", [2])), gru, dim=13),
        in_nnet3("output-gru", "OutputGruNonlinearityComponent", gru_fields("<w_h>", gru_diagonal),
                 output_gru),
        *[in_nnet3(f"convolution-{order}", "ConvolutionComponent", volume_fields(order),
                   volume(order)) for order in (0, 1)],
        in_nnet3("max-pooling", "MaxpoolingComponent", fields(*pool_pairs), pooled),
        in_nnet3("composite", "CompositeComponent", composite,
                 lambda x: sigmoid(weight @ x + bias)),
    ]  # fmt: skip


CASES = [*nnet1_cases()[0], *nnet2_cases(), *nnet3_cases()]
