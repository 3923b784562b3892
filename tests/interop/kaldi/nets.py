"""Small networks with random weights, and the files that Kaldi would store them in."""

import numpy as np

from tests.interop.kaldi.model_writer import ModelWriter

END = "<!EndOfComponent>"


def arrays(seed):
    """`normal(*shape)` of a seed."""
    generator = np.random.default_rng(seed)

    def normal(*shape, scale=0.5):
        return (generator.normal(size=shape) * scale).astype(np.float32)

    return normal


def nnet1(binary, layers, end=True):
    """A network of (marker, outputs, inputs, function that writes the rest)."""
    writer = ModelWriter(binary).token("<Nnet>")
    for marker, dim_out, dim_in, write in layers:
        writer.token(marker).integer(dim_out, dim_in)
        write(writer)
        if end:
            writer.token(END)
    return writer.token("</Nnet>")


def nothing(writer):
    """A component without data."""


def affine(weight, bias):
    """The data of <AffineTransform>."""

    def write(writer):
        writer.token("<LearnRateCoef>").real(1).token("<BiasLearnRateCoef>").real(1)
        writer.token("<MaxNorm>").real(0).matrix(weight).vector(bias)

    return write


def lstm(cell, weights, clip=50.0):
    """The data of <LstmProjected>: the seven arrays of each direction."""

    def write(writer):
        writer.token("<CellDim>").integer(cell).token("<CellClip>").real(clip)
        for name in ("<DiffClip>", "<CellDiffClip>", "<GradClip>"):
            writer.token(name).real(1)
        writer.token("<LearnRateCoef>").real(1).token("<BiasLearnRateCoef>").real(1)
        for array in weights:
            writer.matrix(array) if array.ndim == 2 else writer.vector(array)

    return write


def lstm_weights(normal, dim, cell, out):
    """Weights of one direction in the order of the file."""
    return [
        normal(4 * cell, dim),
        normal(4 * cell, out),
        normal(4 * cell),
        normal(cell),
        normal(cell),
        normal(cell),
        normal(out, cell),
    ]


def nnet2(binary, components, priors=None, transitions=True):
    """A `.mdl` of (type, function that writes the fields)."""
    writer = ModelWriter(binary)
    if transitions:
        transition_model(writer)
    writer.token("<Nnet>", "<NumComponents>").integer(len(components)).token("<Components>")
    for kind, write in components:
        writer.token(f"<{kind}>")
        write(writer)
        writer.token(f"</{kind}>")
    writer.token("</Components>", "</Nnet>")
    if transitions:
        writer.vector([] if priors is None else priors)
    return writer


def transition_model(writer, self_loops=False):
    """One phone of one state, binary or text."""
    writer.token("<TransitionModel>", "<Topology>")
    if writer.binary:
        writer.ints([1]).ints([-1, 0])
        if self_loops:
            writer.integer(-1)
        writer.integer(1, 2, 0)
        if self_loops:
            writer.integer(0)
        writer.integer(2, 0).real(0.5).integer(1).real(0.5)
        writer.integer(-1)
        if self_loops:
            writer.integer(-1)
        writer.integer(0)
    else:
        writer.token("<TopologyEntry>", "<ForPhones>", "1", "</ForPhones>", "<State>", "0")
        writer.token("<PdfClass>", "0", "<Transition>", "0", "0.5", "</State>", "</TopologyEntry>")
    name = "Tuples" if self_loops else "Triples"
    writer.token("</Topology>", f"<{name}>").integer(1, 1, 0, 0)
    if self_loops:
        writer.integer(0)
    writer.token(f"</{name}>", "<LogProbs>").vector([0, -0.7, -0.7])
    writer.token("</LogProbs>", "</TransitionModel>")


def nnet3(binary, config, components, priors=None, transitions=False):
    """A raw network, or with `transitions` a `.mdl`, of config lines and (name, type, fields)."""
    writer = ModelWriter(binary)
    if transitions:
        transition_model(writer, self_loops=True)
    writer.token("<Nnet3>").raw("\n" + config.strip() + "\n\n")
    writer.token("<NumComponents>").integer(len(components))
    for name, kind, write in components:
        writer.token("<ComponentName>", name, f"<{kind}>")
        write(writer)
        writer.token(f"</{kind}>")
    writer.token("</Nnet3>")
    if transitions:
        writer.token("<LeftContext>").integer(0).token("<RightContext>").integer(0)
        writer.token("<Priors>").vector([] if priors is None else priors)
    return writer


def natural_gradient_affine(weight, bias):
    """The fields of nnet3's NaturalGradientAffineComponent."""

    def write(writer):
        writer.token("<MaxChange>").real(0.75).token("<L2Regularize>").real(0.01)
        writer.token("<LearningRate>").real(0.001)
        writer.token("<LinearParams>").matrix(weight).token("<BiasParams>").vector(bias)
        writer.token("<RankIn>").integer(20).token("<RankOut>").integer(80)
        writer.token("<UpdatePeriod>").integer(4).token("<NumSamplesHistory>").real(2000)
        writer.token("<Alpha>").real(4)

    return write


def nonlinear(dim):
    """The fields of nnet3's nonlinearities."""

    def write(writer):
        writer.token("<Dim>").integer(dim).token("<ValueAvg>").vector(np.ones(dim))
        writer.token("<DerivAvg>").vector(np.ones(dim)).token("<Count>").real(7, double=True)
        writer.token("<OderivRms>").vector([]).token("<OderivCount>").real(0, double=True)
        writer.token("<NumDimsSelfRepaired>").real(0).token("<NumDimsProcessed>").real(0)
        writer.token("<SelfRepairScale>").real(1e-5)

    return write


def tdnn(offsets, weight, bias):
    """The fields of TdnnComponent."""

    def write(writer):
        writer.token("<MaxChange>").real(0.75).token("<LearningRate>").real(0.001)
        writer.token("<TimeOffsets>").ints(offsets)
        writer.token("<LinearParams>").matrix(weight).token("<BiasParams>").vector(bias)
        writer.token("<OrthonormalConstraint>").real(-1)
        writer.token("<UseNaturalGradient>").boolean(True)
        writer.token("<NumSamplesHistory>").real(2000).token("<AlphaInOut>").real(4, 4)
        writer.token("<RankInOut>").integer(20, 80)

    return write


def batch_norm(dim, mean, variance, block=None):
    """The fields of BatchNormComponent."""

    def write(writer):
        writer.token("<Dim>").integer(dim).token("<BlockDim>").integer(block or dim)
        writer.token("<Epsilon>").real(0.001).token("<TargetRms>").real(1)
        writer.token("<TestMode>").boolean(True).token("<Count>").real(100)
        writer.token("<StatsMean>").vector(mean).token("<StatsVar>").vector(variance)

    return write
