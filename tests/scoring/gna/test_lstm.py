import numpy as np
import pytest

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.scoring.gna.model import integer_model
from open_seq2seq.scoring.gna.quantizing import Rules
from open_seq2seq.scoring.gna.scale_factors import input_scale_factor
from tests.scoring import kaldi_files as kaldi
from tests.scoring.gna import networks

PARTS = kaldi.lstm_parts(cells=24, out=10, width=12)
X = networks.features(frames=80, dim=12)


def network(**changed):
    parts = {name: value for name, value in (PARTS | changed).items() if name != "affine"}
    weight, bias = PARTS["affine"]
    return networks.chain(12, (L.Lstm(**parts), 10), (L.Affine(weight, bias), 7))


def opened(rules=Rules(), **changed):  # noqa: B008
    return integer_model(network(**changed), {"input": X}, {"input": input_scale_factor(X)}, rules)


@pytest.mark.parametrize("bits", [8, 16])
def test_it_is_near_float_over_many_frames(bits):
    found = opened(Rules(bits=bits, max_error=0.1)).score([{"input": X}], ["output"])[0]["output"]
    expected = kaldi.lstm_by_hand(X, PARTS)
    error = np.abs(found - expected)
    assert error.mean() < 0.03 * np.abs(expected).max()
    assert error[-20:].mean() < 2 * error[:20].mean() + 0.01  # it does not grow


def test_the_cell_is_clipped():
    model = opened(Rules(max_error=0.1), cell_clip=0.25)
    found = model.score([{"input": X}], ["output"])[0]["output"]
    expected = kaldi.lstm_by_hand(X, PARTS | {"cell_clip": 0.25})
    assert np.abs(found - expected).mean() < 0.03
    assert np.abs(kaldi.lstm_by_hand(X, PARTS) - expected).mean() > 0.2


def test_pieces_give_the_same_numbers_and_reset_forgets():
    model = opened()
    whole = model.score([{"input": X}], ["output"])[0]["output"]
    for _ in range(2):
        model.reset_state()
        parts = [model.accept({"input": X[at : at + 9]}, ["output"], at + 9 >= len(X))["output"]
                 for at in range(0, len(X), 9)]  # fmt: skip
        assert np.array_equal(np.concatenate(parts), whole)


def test_sums_in_blocks_are_those_of_one_where_nothing_saturates():
    from dataclasses import replace

    model = opened()
    node = next(one for one in model.network.nodes if isinstance(one.layer, L.Lstm))
    zero = np.zeros(10, np.float32), np.zeros(24, np.float32)
    x = np.round(X * 1000).astype(np.float32)
    whole, state = node.layer.recur(x, zero)
    cut, other = replace(node.layer, block=5).recur(x, zero)
    assert np.array_equal(whole, cut)
    assert all(np.array_equal(one, two) for one, two in zip(state, other))
