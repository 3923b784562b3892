"""Whole utterances by OpenVINO, batches of them, frame by frame, and whole by NumPy: the same."""

import numpy as np
import pytest

from open_seq2seq.interop.kaldi import read_network
from open_seq2seq.interop.kaldi.prepare import with_frame_subsampling
from open_seq2seq.scoring import kaldi_graph
from open_seq2seq.scoring.kaldi_model import KaldiModel
from tests.interop.kaldi.test_nnet1 import recurrent
from tests.interop.kaldi.test_nnet3 import CASES, network_of
from tests.scoring import kaldi_files as kaldi

# Whether copies of the last frame may be behind an utterance.
NETWORKS = {
    "lstm.nnet": True,
    "blstm.nnet": False,
    "tdnnf": True,
    "lstm": False,
    "both-ways": False,
}
FRAMES = (17, 5, 1)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    found = {name: network_of(CASES[name], folder) for name in NETWORKS if name in CASES}
    kaldi.write_lstm(folder / "lstm.nnet", kaldi.lstm_parts())
    found["lstm.nnet"] = read_network(folder / "lstm.nnet")
    found["blstm.nnet"] = read_network(recurrent(True).save(folder / "blstm.nnet"))
    found["tdnnf"] = with_frame_subsampling(found["tdnnf"], 3)
    return found


def utterances(network):
    random = np.random.default_rng(0)
    return [
        {
            one.name: random.normal(size=(one.dim,) if one.per_utterance else (count, one.dim))
            .astype(np.float32)
            for one in network.inputs
        }
        for count in FRAMES
    ]  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_all_ways_agree(networks, name):
    network = networks[name]
    assert kaldi_graph.may_be_padded(network) is NETWORKS[name]
    given = utterances(network)
    outputs = [one.name for one in network.outputs]
    reference = KaldiModel(network)
    model = kaldi_graph.KaldiGraphModel(network, [], "CPU", "f32", 1, False)
    assert model.precision == "f32"
    expected = reference.score(given, outputs)
    for found in (model.score(given, outputs), [model.score([one], outputs)[0] for one in given]):
        for mine, wanted in zip(found, expected):
            for output in outputs:
                np.testing.assert_allclose(mine[output], wanted[output], rtol=1e-5, atol=1e-5)
    for one, wanted in zip(given, expected):
        model.reset_state()
        frames = len(one[network.inputs[0].name])
        parts = []
        for at in range(frames):
            piece = {
                key: value if value.ndim == 1 else value[at : at + 1] for key, value in one.items()
            }
            if at:
                piece = {key: value for key, value in piece.items() if value.ndim == 2}
            parts.append(model.accept(piece, outputs, last=at == frames - 1))
        for output in outputs:
            joined = np.concatenate([part[output] for part in parts])
            np.testing.assert_allclose(joined, wanted[output], rtol=1e-5, atol=1e-5)


def test_state_can_be_got_set_and_reset(networks):
    model = KaldiModel(networks["lstm.nnet"])
    (one, *_) = utterances(networks["lstm.nnet"])
    x = one["input"]
    whole = model.score([one], ["output"])[0]["output"]
    model.accept({"input": x[:9]}, ["output"])
    kept = {state.name: state.state for state in model.query_state()}
    assert any(np.abs(value).max() > 0 for value in kept.values())
    model.accept({"input": x[9:12]}, ["output"])
    for state in model.query_state():  # back to the ninth frame
        state.state = kept[state.name]
    found = model.accept({"input": x[9:]}, ["output"], last=True)["output"]
    assert np.abs(found - whole[9:]).max() < 1e-6
    model.accept({"input": x[:3]}, ["output"])
    for state in model.query_state():
        state.reset()
    (r,) = [one.state for one in model.query_state() if one.name.endswith("/r")]
    assert (r == 0).all()
    model.reset_state()
    again = model.accept({"input": x}, ["output"], last=True)["output"]
    assert np.abs(again - whole).max() < 1e-6
