# ruff: noqa: E501
"""nnet3 networks over time, each with its file and, by its definition, its scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.interop.kaldi import nets
from tests.interop.kaldi.reference import of_frame
from tests.interop.kaldi.zoo import sigmoid

DIM = 6


@dataclass
class Graph:
    """A network.

    Args:
      name: of the test.
      config: lines.
      parts: component's name -> (type, fields, function of `at`, output dimension).
      context: frames that it needs before and after.
      inputs: dimensions of inputs besides "input".
      subsampling: scores of every so many frames.
    """

    name: str
    config: str
    parts: dict[str, tuple[Any, ...]]
    context: tuple[int, int]
    inputs: dict[str, int]
    subsampling: int = 1

    def write(self, binary=True):
        """Its file."""
        components = [(name, kind, write) for name, (kind, write, *_) in self.parts.items()]
        return nets.nnet3(binary, self.config, components, transitions=True)

    def functions(self):
        """What components compute."""
        return {name: part[2] for name, part in self.parts.items()}


def affine(weight, bias):
    """An affine component."""
    write = nets.natural_gradient_affine(weight, bias)
    formula = of_frame(lambda x: weight @ x + bias)
    return "NaturalGradientAffineComponent", write, formula, len(weight)


def function(kind, dim, formula):
    """A nonlinearity."""
    return f"{kind}Component", nets.nonlinear(dim), of_frame(formula), dim


def tdnn(offsets, weight, bias):
    """A TdnnComponent; an empty bias is none."""

    def at_frame(at):
        rows = [at(offset) for offset in offsets]
        if any(row is None for row in rows):
            return None
        return weight @ np.concatenate(rows) + (bias if len(bias) else 0)

    return "TdnnComponent", nets.tdnn(offsets, weight, bias), at_frame, len(weight)


def simple(name, inner, context, **options):
    """A network of one descriptor: scores are an affine function of it."""
    dim = options.pop("dim", DIM)
    normal = nets.arrays(4)
    config = f"input-node name=input dim={DIM}\n"
    for extra, size in options.get("inputs", {}).items():
        config += f"input-node name={extra} dim={size}\n"
    config += "component-node name=first component=one input=input\n"
    config += f"component-node name=last component=two input={inner}\n"
    config += "output-node name=output input=last objective=linear\n"
    parts = {
        "one": affine(normal(DIM, DIM), normal(DIM)),
        "two": affine(normal(3, dim), normal(3)),
    }
    options.setdefault("inputs", {})
    return Graph(name, config, parts, context, **options)


def single(name, part, context, dim=DIM, **options):
    """A network of one component that looks at several frames, behind an affine one."""
    normal = nets.arrays(5)
    config = f"""input-node name=input dim={DIM}
component-node name=first component=one input=input
component-node name=last component=two input=first
output-node name=output input={options.pop("output", "last")}
"""
    parts = {"one": affine(normal(dim, DIM), normal(dim)), "two": part}
    return Graph(name, config, parts, context, {}, **options)


def time_height():
    """A TimeHeightConvolutionComponent of 2 filters on 3 heights to 3 filters on 2."""
    normal = nets.arrays(6)
    offsets = [(-1, -1), (-1, 0), (0, -1), (0, 0), (0, 1), (2, 1)]
    weight, bias = normal(3, len(offsets) * 2), normal(3)

    def write(writer):
        writer.token("<LearningRate>").real(0.1).token("<Model>", "<ConvolutionModel>")
        for name, number in (("<NumFiltersIn>", 2), ("<NumFiltersOut>", 3), ("<HeightIn>", 3),
                             ("<HeightOut>", 2), ("<HeightSubsampleOut>", 2)):  # fmt: skip
            writer.token(name).integer(number)
        writer.token("<Offsets>").pairs(offsets).token("<RequiredTimeOffsets>").ints([-1, 0])
        writer.token("</ConvolutionModel>").token("<LinearParams>").matrix(weight)
        writer.token("<BiasParams>").vector(bias).token("<MaxMemoryMb>").real(200)
        writer.token("<UseNaturalGradient>").boolean(True)
        writer.token("<NumMinibatchesHistory>").real(4).token("<AlphaInOut>").real(4, 4)
        writer.token("<RankInOut>").integer(20, 80)

    def at_frame(at):
        if at(-1) is None or at(0) is None:
            return None
        found = []
        for height in (0, 1):
            patch = []
            for time, by in offsets:
                place = 2 * height + by
                there = at(time) is not None and 0 <= place < 3
                patch += list(at(time)[2 * place : 2 * place + 2]) if there else [0, 0]
            found += list(weight @ np.array(patch) + bias)
        return np.array(found)

    return "TimeHeightConvolutionComponent", write, at_frame, 6


def attention(output_context):
    """Two heads with keys of 2, values of 1, 2 frames back and 1 ahead by strides of 2."""
    heads, key, value, left, right, stride = 2, 2, 1, 2, 1, 2
    places = range(-left, right + 1)
    dim = 2 * key + value + len(places)

    def write(writer):
        for name, number in (("<NumHeads>", heads), ("<KeyDim>", key), ("<ValueDim>", value),
                             ("<NumLeftInputs>", left), ("<NumRightInputs>", right),
                             ("<TimeStride>", stride), ("<NumLeftInputsRequired>", 1),
                             ("<NumRightInputsRequired>", 0)):  # fmt: skip
            writer.token(name).integer(number)
        writer.token("<OutputContext>").boolean(output_context).token("<KeyScale>").real(0.7)
        writer.token("<StatsCount>").real(0, double=True)
        writer.token("<EntropyStats>").vector([], double=True)
        writer.token("<PosteriorStats>").matrix(np.zeros((0, 0)), double=True)

    def at_frame(at):
        if at(-stride) is None or at(0) is None:
            return None
        found = []
        for head in range(heads):
            rows = [at(place * stride) for place in places]
            rows = [np.zeros(heads * dim) if row is None else row for row in rows]
            rows = [row[head * dim : (head + 1) * dim] for row in rows]
            own = rows[left]
            query, bias = own[key + value : 2 * key + value], own[2 * key + value :]
            scores = np.array([0.7 * row[:key] @ query for row in rows]) + bias
            shares = np.exp(scores) / np.exp(scores).sum()
            found.append(sum(s * row[key : key + value] for s, row in zip(shares, rows)))
            found += [shares] if output_context else []
        return np.concatenate(found)

    size = heads * (value + (len(places) if output_context else 0))
    return ("RestrictedAttentionComponent", write, at_frame, size), heads * dim


def lstm_network():
    """Two LSTM layers with a projection as Kaldi's fast-lstmp has them, and a TDNN behind."""
    normal = nets.arrays(7)
    cell, out = 4, 3
    peepholes = normal(3, cell)

    def cell_fields(writer):
        writer.token("<LearningRate>").real(0.1).token("<Params>").matrix(peepholes)
        writer.token("<ValueAvg>").matrix(np.zeros((5, cell)))
        writer.token("<DerivAvg>").matrix(np.zeros((5, cell)))
        writer.token("<SelfRepairConfig>").vector(np.ones(10))
        writer.token("<SelfRepairProb>").vector(np.ones(5)).token("<Count>").real(0)

    def cell_formula(x):
        i, f, part, o, before = np.split(x, 5)
        i, f = sigmoid(i + peepholes[0] * before), sigmoid(f + peepholes[1] * before)
        c = f * before + i * np.tanh(part)
        return np.concatenate([c, sigmoid(o + peepholes[2] * c) * np.tanh(c)])

    config = f"input-node name=input dim={DIM}\n"
    source, dim, parts = "input", DIM, {}
    for name, delay in (("lstm1", -1), ("lstm2", -3)):
        config += (
            f"component-node name={name}.W_all component={name}.W_all "
            f"input=Append({source}, IfDefined(Offset({name}.r_trunc, {delay})))\n"
            f"component-node name={name}.nonlin component={name}.nonlin "
            f"input=Append({name}.W_all, IfDefined(Offset({name}.c_trunc, {delay})))\n"
            f"dim-range-node name={name}.c input-node={name}.nonlin dim-offset=0 dim={cell}\n"
            f"dim-range-node name={name}.m input-node={name}.nonlin dim-offset={cell} dim={cell}\n"
            f"component-node name={name}.rp component={name}.rp input={name}.m\n"
            f"dim-range-node name={name}.r input-node={name}.rp dim-offset=0 dim={out}\n"
            f"component-node name={name}.r_trunc component={name}.r_trunc input={name}.r\n"
            f"component-node name={name}.c_trunc component={name}.c_trunc input={name}.c\n"
        )
        parts |= {
            f"{name}.W_all": affine(normal(4 * cell, dim + out), normal(4 * cell)),
            f"{name}.nonlin": ("LstmNonlinearityComponent", cell_fields, of_frame(cell_formula), 8),
            f"{name}.rp": affine(normal(out + 1, cell), normal(out + 1)),
            f"{name}.r_trunc": ("BackpropTruncationComponent", dim_field(out), of_frame(same), out),
            f"{name}.c_trunc": (
                "BackpropTruncationComponent",
                dim_field(cell),
                of_frame(same),
                cell,
            ),
        }
        source, dim = f"{name}.rp", out + 1
    config += """component-node name=tdnn component=tdnn input=lstm2.rp
output-node name=output input=tdnn objective=linear
output-node name=output-xent input=lstm2.rp objective=linear
"""
    parts["tdnn"] = tdnn([-2, 0, 1], normal(5, 12), normal(5))
    return Graph("lstm", config, parts, (2, 1), {}, subsampling=3)


def same(x):
    """What identities compute."""
    return x


def dim_field(dim):
    """A component that has its dimension only."""
    return lambda writer: writer.token("<Dim>").integer(dim)


def blstm_like():
    """A recurrence ahead beside one back, and one that begins at another frame."""
    normal = nets.arrays(8)
    config = f"""input-node name=input dim={DIM}
component-node name=f component=f input=Append(Offset(input, -1), IfDefined(Offset(ft, -2)))
component-node name=ft component=ft input=f
component-node name=b component=b input=Sum(Scale(0.5, input), IfDefined(Offset(b, 1)))
component-node name=out component=out input=Append(ft, Offset(b, -1), IfDefined(Offset(b, 40)))
output-node name=output input=out
"""
    parts = {
        "f": affine(normal(3, DIM + 3), normal(3)),
        "ft": function("Tanh", 3, np.tanh),
        "b": affine(normal(DIM, DIM, scale=0.2), normal(DIM)),
        "out": affine(normal(4, 3 + 2 * DIM), normal(4)),
    }
    return Graph("both-ways", config, parts, (1, 0), {})


def tdnnf():
    """A factored TDNN with i-vectors, as chain models are."""
    normal = nets.arrays(9)
    config = f"""input-node name=ivector dim=3
input-node name=input dim={DIM}
component-node name=lda component=lda input=Append(Offset(input, -1), input, Offset(input, 1), ReplaceIndex(ivector, t, 0))
component-node name=tdnn1.linear component=tdnn1.linear input=lda
component-node name=tdnn1.affine component=tdnn1.affine input=tdnn1.linear
component-node name=tdnn1.relu component=tdnn1.relu input=tdnn1.affine
component-node name=tdnn1.batchnorm component=tdnn1.batchnorm input=tdnn1.relu
component-node name=tdnn1.dropout component=tdnn1.dropout input=tdnn1.batchnorm
component-node name=tdnn1.noop component=tdnn1.noop input=Sum(Scale(0.66, lda), tdnn1.dropout)
component-node name=prefinal component=prefinal input=tdnn1.noop
component-node name=output.affine component=output.affine input=prefinal
output-node name=output input=output.affine objective=linear
component-node name=output.log-softmax component=output.log-softmax input=output.affine
output-node name=output-xent input=output.log-softmax objective=linear
"""
    mean, variance = normal(8), normal(8) ** 2 + 0.5
    lda = normal(8, 3 * DIM + 3), normal(8)

    def lda_fields(writer):
        writer.token("<LinearParams>").matrix(lda[0]).token("<BiasParams>").vector(lda[1])

    parts = {
        "lda": ("FixedAffineComponent",
                lda_fields,
                of_frame(lambda x: lda[0] @ x + lda[1]), 8),
        "tdnn1.linear": tdnn([-3, 0], normal(4, 16), []),
        "tdnn1.affine": tdnn([0, 3], normal(8, 8), normal(8)),
        "tdnn1.relu": function("RectifiedLinear", 8, lambda x: np.maximum(x, 0)),
        "tdnn1.batchnorm": ("BatchNormComponent", nets.batch_norm(8, mean, variance),
                            of_frame(lambda x: (x - mean) / np.sqrt(variance + 1e-3)), 8),
        "tdnn1.dropout": ("GeneralDropoutComponent", dim_field(8), of_frame(same), 8),
        "tdnn1.noop": ("NoOpComponent", dim_field(8), of_frame(same), 8),
        "output.affine": affine(normal(5, 4), normal(5)),
        "output.log-softmax": function(
            "LogSoftmax", 5, lambda x: x - np.log(np.exp(x - x.max()).sum()) - x.max()),
    }  # fmt: skip
    matrix = nets.arrays(10)(4, 8)
    parts["prefinal"] = (
        "LinearComponent", lambda w: w.token("<Params>").matrix(matrix),
        of_frame(lambda x: matrix @ x), 4,
    )  # fmt: skip
    return Graph("tdnnf", config, parts, (4, 4), {"ivector": 3}, subsampling=3)


def statistics(exact=True):
    """Statistics of 4 frames, pooled over 8 back and 4 ahead, as in x-vectors."""
    normal = nets.arrays(11)
    config = f"""input-node name=input dim={DIM}
component-node name=extraction component=extraction input=input
component-node name=pooling component=pooling input=extraction
component-node name=out component=out input=Append(input, Round(pooling, 4))
output-node name=output input=out
"""

    def extraction(writer):
        for name, number in (("<InputDim>", DIM), ("<InputPeriod>", 1), ("<OutputPeriod>", 4)):
            writer.token(name).integer(number)
        writer.token("<IncludeVarinance>").boolean(True)

    def pooling(writer):
        for name, number in (("<InputDim>", 1 + 2 * DIM), ("<InputPeriod>", 4),
                             ("<LeftContext>", 8), ("<RightContext>", 4),
                             ("<NumLogCountFeatures>", 1)):  # fmt: skip
            writer.token(name).integer(number)
        writer.token("<OutputStddevs>").boolean(True).token("<VarianceFloor>").real(1e-10)

    def extracted(at):
        rows = [at(k) for k in range(4) if at(k) is not None]
        if not rows:
            return None
        return np.concatenate([[len(rows)], sum(rows), sum(row**2 for row in rows)])

    def pooled(at):
        rows = [at(k) for k in range(-8, 5, 4) if at(k) is not None]
        if not rows:
            return None
        total = sum(rows)
        mean = total[1 : 1 + DIM] / total[0]
        variance = total[1 + DIM :] / total[0] - mean**2
        deviation = np.sqrt(np.maximum(variance, 1e-10))
        return np.concatenate([[np.log(total[0])], mean, deviation])

    parts = {
        "extraction": ("StatisticsExtractionComponent", extraction, extracted, 1 + 2 * DIM),
        "pooling": ("StatisticsPoolingComponent", pooling, pooled, 1 + 2 * DIM),
        "out": affine(normal(4, 1 + 3 * DIM), normal(4)),
    }
    # Round needs up to 3 frames before its own.
    return Graph("statistics", config, parts, (3, 0), {})


def cases():
    """All of them."""
    normal = nets.arrays(12)
    heads, dim = attention(True)
    plain_heads, _ = attention(False)
    return [
        simple("splice", "Append(Offset(first, -2), first, Offset(first, 3))", (2, 3), dim=18),
        simple("append", "Append(first, Offset(input, 1), Const(0.5, 2))", (0, 1), dim=14),
        simple("sum", "Sum(first, Scale(-0.5, Offset(first, -1)), input)", (1, 0)),
        simple("if-defined", "Sum(first, IfDefined(Offset(first, -4)), IfDefined(Offset(input, 2)))",
               (0, 0)),
        simple("failover", "Failover(Offset(first, -3), Offset(input, 1))", (-1 + 1, 1)),
        simple("switch", "Switch(first, Offset(input, -1), Scale(2, input))", (1, 0)),
        simple("round", "Append(input, Round(first, 3))", (2, 0), dim=12),
        simple("replace-index", "Append(ReplaceIndex(first, t, 1), Offset(input, 2))", (0, 2),
               dim=12),
        simple("ivector", "Append(first, ReplaceIndex(ivector, t, 0))", (0, 0), dim=9,
               inputs={"ivector": 3}),
        simple("ivector-plain", "Append(ivector, first)", (0, 0), dim=9, inputs={"ivector": 3}),
        simple("always-ahead", "Offset(first, 4)", (0, 4)),
        single("tdnn", tdnn([-3, 0, 1], normal(4, 3 * DIM), normal(4)), (3, 1)),
        single("tdnn-no-bias", tdnn([0, 2], normal(4, 2 * DIM), []), (0, 2)),
        single("time-height", time_height(), (1, 0)),
        single("attention", heads, (2, 0), dim=dim),
        single("attention-without-context", plain_heads, (2, 0), dim=dim),
        single("dim-range", tdnn([0], normal(4, DIM), normal(4)), (1, 0),
               output="Offset(last, -1)"),
        statistics(),
        lstm_network(),
        blstm_like(),
        tdnnf(),
    ]  # fmt: skip
