"""Feature transforms, priors by both rules, softmaxes, outputs and the frame rate."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import Evaluator, read_network
from open_seq2seq.interop.kaldi.prepare import (
    log_priors,
    read_counts,
    with_feature_transform,
    with_frame_subsampling,
    with_outputs,
    with_priors,
    without_output_softmax,
)
from tests.interop.kaldi import nets
from tests.interop.kaldi.test_nnet1 import recurrent
from tests.interop.kaldi.test_nnet3 import CASES, network_of

WEIGHT, BIAS = nets.arrays(0)(4, 6), nets.arrays(1)(4)
X = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
COUNTS = np.array([10.0, 0, 30, 60])


@pytest.fixture
def network(tmp_path):
    layers = [("<AffineTransform>", 4, 6, nets.affine(WEIGHT, BIAS)),
              ("<Softmax>", 4, 4, nets.nothing)]  # fmt: skip
    return read_network(nets.nnet1(True, layers).save(tmp_path / "final.nnet"))


@pytest.fixture
def transform(tmp_path):
    layers = [("<Splice>", 6, 2, lambda writer: writer.ints([-1, 0, 1])),
              ("<Rescale>", 6, 6, lambda writer: writer.vector(np.arange(1, 7)))]  # fmt: skip
    return read_network(nets.nnet1(False, layers).save(tmp_path / "final.feature_transform"))


def logits():
    padded = np.concatenate([X[:1], X, X[-1:]])
    spliced = np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)
    return (spliced * np.arange(1, 7)) @ WEIGHT.T + BIAS


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def test_a_feature_transform_goes_before_the_network(network, transform):
    both = with_feature_transform(network, transform)
    assert [one.dim for one in both.inputs] == [2]
    assert (both.left_context, both.right_context) == (1, 1)
    found = Evaluator(both)({"input": X})["output"]
    np.testing.assert_allclose(found, np.exp(log_softmax(logits())), rtol=1e-5)


def test_a_transform_of_another_network(network, transform):
    with pytest.raises(InputError, match="6 outputs, expected 2, the network's inputs"):
        with_feature_transform(transform, transform)


def test_kaldis_rule_for_priors():
    shares = COUNTS / COUNTS.sum()
    found = log_priors(COUNTS)
    np.testing.assert_allclose(found[[0, 2, 3]], np.log(shares[[0, 2, 3]]), rtol=1e-6)
    np.testing.assert_allclose(found[1], np.sqrt(np.finfo(np.float32).max), rtol=1e-6)


def test_model_optimizers_rule_for_priors():
    found = log_priors(COUNTS, "model_optimizer")
    np.testing.assert_allclose(found[[0, 2, 3]], np.log(COUNTS[[0, 2, 3]] / 100), rtol=1e-6)
    np.testing.assert_allclose(found[1], np.finfo(np.float32).max / 2, rtol=1e-6)


def test_priors_are_taken_off_logits(network, transform):
    both = without_output_softmax(with_feature_transform(network, transform))
    found = Evaluator(with_priors(both, COUNTS, scale=0.5))({"input": X})["output"]
    np.testing.assert_allclose(found, logits() - 0.5 * log_priors(COUNTS), rtol=1e-5, atol=1e-5)


def test_model_optimizer_puts_priors_before_the_softmax(network, transform):
    both = with_feature_transform(network, transform)
    counts = COUNTS + 1
    found = Evaluator(with_priors(both, counts, "model_optimizer"))({"input": X})["output"]
    shifted = logits() - np.log(counts / counts.sum())
    np.testing.assert_allclose(found, np.exp(log_softmax(shifted)), rtol=1e-5)


def test_counts_of_another_model(network):
    with pytest.raises(InputError, match="3 of them, expected 4, as many as classes"):
        with_priors(network, np.ones(3))


@pytest.mark.parametrize("text", ["[ 1 2 3 ]\n", "1 2 3", " [ 1 2 3 ]"])
def test_counts_are_a_line_with_brackets_or_without(text, tmp_path):
    (tmp_path / "counts").write_text(text)
    np.testing.assert_array_equal(read_counts(tmp_path / "counts"), [1, 2, 3])


@pytest.mark.parametrize("text", ["[ 1 2 ]\n[ 3 ]\n", "1 -2", "0 0", "", "1 x"])
def test_what_are_no_counts(text, tmp_path):
    (tmp_path / "counts").write_text(text)
    with pytest.raises(InputError):
        read_counts(tmp_path / "counts")


def test_the_frame_rate(tmp_path):
    network = read_network(recurrent(True).save(tmp_path / "final.nnet"))
    x = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
    whole = Evaluator(network)({"input": x})["output"]
    found = Evaluator(with_frame_subsampling(network, 3))({"input": x})["output"]
    np.testing.assert_array_equal(found, whole[::3])


def test_inner_nodes_are_outputs_too(tmp_path):
    network = network_of(CASES["tdnnf"], tmp_path)
    inner = with_outputs(network, ["tdnn1.relu", "output"])
    assert [one.name for one in inner.outputs] == ["tdnn1.relu", "output"]
    inputs = {"input": np.ones((7, 6), np.float32), "ivector": np.ones(3, np.float32)}
    found = Evaluator(inner)(inputs)
    assert found["tdnn1.relu"].shape == (3, 8)
    assert (found["tdnn1.relu"] >= 0).all()
    np.testing.assert_allclose(
        found["output"], Evaluator(network)(inputs)["output"], rtol=1e-5, atol=1e-6
    )
    with pytest.raises(InputError, match=r"nothing, expected one of output"):
        with_outputs(network, ["nothing"])
