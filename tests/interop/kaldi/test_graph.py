"""One description of a network gives the NumPy evaluation's scores in every runtime."""

import numpy as np
import pytest

from open_seq2seq.interop.kaldi import Evaluator, read_network
from tests.interop.kaldi import zoo
from tests.interop.kaldi.runners import RUNNERS
from tests.interop.kaldi.test_nnet1 import recurrent
from tests.interop.kaldi.test_nnet3 import CASES, network_of

COMPONENTS = {case.name: case for case in zoo.CASES}


def check(network, runner, frames=(1, 2, 19), tolerance=1e-5):
    """Two utterances in a batch, of several lengths."""
    generator = np.random.default_rng(0)
    evaluator = Evaluator(network)
    for count in frames:
        batch = []
        for _ in range(2):
            rows = {}
            for one in network.inputs:
                shape = (one.dim,) if one.per_utterance else (count, one.dim)
                rows[one.name] = generator.normal(size=shape).astype(np.float32)
            batch.append(rows)
        expected = [evaluator(one) for one in batch]
        inputs = {one.name: np.stack([rows[one.name] for rows in batch]) for one in network.inputs}
        found = RUNNERS[runner](network, inputs)
        for one in network.outputs:
            stacked = np.stack([rows[one.name] for rows in expected])
            np.testing.assert_allclose(
                np.asarray(found[one.name]), stacked, rtol=tolerance, atol=tolerance
            )


def replace_index(name):
    """Its frame 1 is not there in an utterance of one frame."""
    return (2, 19) if name == "replace-index" else (1, 2, 19)


@pytest.mark.parametrize("name", ["lstm", "both-ways", "tdnnf"])
@pytest.mark.parametrize("runner", ["keras", "onnx"])
def test_recurrences_and_factored_networks(name, runner, tmp_path):
    check(network_of(CASES[name], tmp_path), runner, frames=(1, 13))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("runner", RUNNERS)
def test_networks_over_time(name, runner, tmp_path):
    check(network_of(CASES[name], tmp_path), runner, frames=replace_index(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPONENTS)
@pytest.mark.parametrize("runner", RUNNERS)
def test_components(name, runner, tmp_path):
    case = COMPONENTS[name]
    network = read_network(case.write(True).save(tmp_path / "model"))
    check(network, runner, frames=(7,))


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
def test_recurrent_nnet1(runner, tmp_path):
    network = read_network(recurrent(True).save(tmp_path / "final.nnet"))
    check(network, runner)
