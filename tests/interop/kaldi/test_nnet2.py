"""nnet2: splices over padded features, models with a transition model and priors."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import Evaluator, read_network
from open_seq2seq.interop.kaldi.prepare import with_priors
from tests.interop.kaldi import nets
from tests.interop.kaldi.zoo import softmax

DIM = 5


def fields(*pairs):
    def write(writer):
        for name, kind, value in pairs:
            writer.token(name)
            getattr(writer, kind)(*value if kind in ("integer", "real") else (value,))

    return write


def affine(weight, bias):
    pairs = [("<LearningRate>", "real", [1]), ("<LinearParams>", "matrix", weight),
             ("<BiasParams>", "vector", bias), ("<IsGradient>", "boolean", False)]  # fmt: skip
    return "AffineComponent", fields(*pairs)


def plain(kind, dim):
    empty = np.zeros(0)
    pairs = [("<Dim>", "integer", [dim]), ("<ValueSum>", "vector", empty),
             ("<DerivSum>", "vector", empty), ("<Count>", "real", [0])]  # fmt: skip
    return f"{kind}Component", fields(*pairs)


WEIGHTS = [nets.arrays(0)(*shape) for shape in ((4, 3 * 3 + 2), (4,), (6, 8), (6,))]


def model(binary, priors=None):
    """Splice with 2 constant features, affine, tanh, splice of contexts, affine, softmax."""
    spliced = fields(
        ("<InputDim>", "integer", [DIM]),
        ("<LeftContext>", "integer", [1]),
        ("<RightContext>", "integer", [1]),
        ("<ConstComponentDim>", "integer", [2]),
    )
    again = fields(("<InputDim>", "integer", [4]), ("<Context>", "ints", [-2, 3]),
                   ("<ConstComponentDim>", "integer", [0]))  # fmt: skip
    components = [
        ("SpliceComponent", spliced),
        affine(*WEIGHTS[:2]),
        plain("Tanh", 4),
        ("SpliceComponent", again),
        affine(*WEIGHTS[2:]),
        plain("Softmax", 6),
    ]
    return nets.nnet2(binary, components, priors)


def expected(x):
    """By padding with copies of the ends, and walking through frames."""
    padded = np.concatenate([np.repeat(x[:1], 3, 0), x, np.repeat(x[-1:], 4, 0)]).astype(float)
    first = {}
    for t in range(1, len(padded) - 1):
        around = np.concatenate([padded[t + o][:3] for o in (-1, 0, 1)])
        first[t] = np.tanh(WEIGHTS[0] @ np.concatenate([around, padded[t][3:]]) + WEIGHTS[1])
    return np.array(
        [
            softmax(WEIGHTS[2] @ np.concatenate([first[t - 2], first[t + 3]]) + WEIGHTS[3])
            for t in range(3, len(x) + 3)
        ]
    )


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_models_with_contexts(binary, tmp_path):
    network = read_network(model(binary).save(tmp_path / "final.mdl"))
    assert (network.left_context, network.right_context) == (3, 4)
    assert len(network.priors) == 0
    for frames in (1, 4, 11):
        x = np.random.default_rng(frames).normal(size=(frames, DIM)).astype(np.float32)
        found = Evaluator(network)({"input": x})["output"]
        np.testing.assert_allclose(found, expected(x), rtol=1e-5, atol=1e-6)


def test_the_models_priors_are_taken_off_logarithms(tmp_path):
    priors = np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.1], np.float32)
    network = read_network(model(True, priors).save(tmp_path / "final.mdl"))
    np.testing.assert_array_equal(network.priors, priors)
    x = np.random.default_rng(0).normal(size=(4, DIM)).astype(np.float32)
    found = Evaluator(with_priors(network))({"input": x})["output"]
    np.testing.assert_allclose(found, np.log(expected(x)) - np.log(priors), rtol=1e-5, atol=1e-5)


def test_the_maximum_of_spliced_frames(tmp_path):
    spliced = fields(("<Dim>", "integer", [DIM]), ("<Context>", "ints", [-1, 0, 2]))
    path = nets.nnet2(True, [("SpliceMaxComponent", spliced)], transitions=False)
    x = np.random.default_rng(0).normal(size=(6, DIM)).astype(np.float32)
    found = Evaluator(read_network(path.save(tmp_path / "raw")))({"input": x})["output"]
    rows = np.concatenate([x[:1], x, np.repeat(x[-1:], 2, 0)])
    np.testing.assert_array_equal(found, np.max([rows[:6], rows[1:7], rows[3:9]], axis=0))


def test_as_many_components_as_it_says(tmp_path):
    writer = nets.nnet2(False, [plain("Tanh", 4)], transitions=False)
    content = writer.content.replace(b"<NumComponents> 1", b"<NumComponents> 2")
    path = tmp_path / "raw"
    path.write_bytes(content)
    with pytest.raises(InputError, match="found 1 components, expected 2"):
        read_network(path)
