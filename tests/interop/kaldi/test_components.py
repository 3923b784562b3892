"""Every component: read from binary and text, and computed as its formula says."""

import numpy as np
import pytest

from open_seq2seq.interop.kaldi import Evaluator, read_network
from tests.interop.kaldi.zoo import CASES


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_component_computes_its_formula(case, binary, tmp_path):
    path = case.write(binary).save(tmp_path / "model")
    network = read_network(path)
    assert network.kind == case.kind
    (first,), (output,) = network.inputs, network.outputs
    x = np.random.default_rng(0).normal(size=(7, first.dim)).astype(np.float32)
    found = Evaluator(network)({first.name: x})[output.name]
    expected = np.array([case.formula(row.astype(np.float64)) for row in x])
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (7, output.dim)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
