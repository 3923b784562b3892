import numpy as np
import pytest

from open_seq2seq.interop.kaldi import Evaluator
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output
from open_seq2seq.scoring.gna.model import IntegerModel, integer_model
from open_seq2seq.scoring.gna.quantizing import Rules
from open_seq2seq.scoring.gna.rounding import INT16, quantized
from open_seq2seq.scoring.gna.scale_factors import input_scale_factor
from open_seq2seq.scoring.gna.segments import Segments
from tests.scoring.gna import networks


def scores_of(network, x, rules=Rules()):  # noqa: B008
    model = integer_model(network, {"input": x}, {"input": input_scale_factor(x)}, rules)
    return model, model.score([{"input": x}], ["output"])[0]["output"]


def test_one_layer_is_what_the_rules_say():
    """Input, weights, sums, pieces: each step by hand, with whole numbers of Python."""
    random = np.random.default_rng(4)
    affine = networks.random_affine(random, 6, 3)
    network = networks.chain(6, (affine, 3), (L.Activation("sigmoid"), 3))
    x = networks.features()
    scale = input_scale_factor(x)
    _, found = scores_of(network, x)
    s_in = np.float32(scale)
    s_w = np.float32(16384) / np.abs(affine.weight).max()
    s_b = np.float32(2**30) / np.abs(affine.bias).max()
    s_out = min(s_w * s_in, s_b)
    s_w = s_out / s_in
    weight, bias = (
        quantized(affine.weight, s_w, INT16),
        quantized(affine.bias, s_out, (-(2**31), 2**31 - 1)),
    )
    whole = quantized(x, s_in, INT16)
    sums = np.array(
        [
            [int(b) + sum(int(v) * int(w) for v, w in zip(row, ws)) for ws, b in zip(weight, bias)]
            for row in whole
        ]
    )
    values, _ = Segments.of("sigmoid", float(s_out), 1.0)(sums.astype(np.float64))
    assert np.array_equal(found, (values / 2048).astype(np.float32))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "relu"])
def test_a_dnn_is_as_near_as_openvino_asked_of_its_own(kind, bits):
    """Its smoke test of WSJ's DNN: a mean error of at most 0.06."""
    network, x = networks.dnn(kind=kind, width=64, depth=4), networks.features(frames=60)
    _, found = scores_of(network, x, Rules(bits=bits))
    expected = Evaluator(network)({"input": x})["output"]
    assert 0 < np.abs(found - expected).mean() < 0.06
    assert np.abs(found - expected).max() < 0.3


def test_finer_pieces_are_nearer():
    network, x = networks.dnn(), networks.features()
    expected = Evaluator(network)({"input": x})["output"]
    errors = [
        np.abs(scores_of(network, x, Rules(max_error=allowed))[1] - expected).mean()
        for allowed in (1.0, 0.1)
    ]
    assert errors[1] < errors[0] / 2


@pytest.mark.parametrize("pieces", [1, 7])
def test_pieces_of_a_stream_give_the_same_numbers(pieces):
    model, whole = scores_of(networks.dnn(), x := networks.features())
    model.reset_state()
    parts = [
        model.accept({"input": x[at : at + pieces]}, ["output"], last=at + pieces >= len(x))[
            "output"
        ]
        for at in range(0, len(x), pieces)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


def test_layers_without_integers_stay_in_float_and_are_named():
    network = networks.dnn(softmax=True)
    x = networks.features()
    model, found = scores_of(network, x)
    assert model.notes == ["In float, as the arithmetic has nothing for them: 1 Softmax."]
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-5
    # The softmax takes sums of 32 bits: nothing is cut to 16 before it.
    last = next(one for one in model.network.nodes if one.name == "affine9")
    assert last.layer.segments is None


def test_float_layers_in_the_middle_get_factors_of_the_first_utterance():
    random = np.random.default_rng(8)
    network = networks.chain(
        6, (networks.random_affine(random, 6, 8), 8), (L.Pnorm(4), 4), (L.Normalize(4), 4),
        (networks.random_affine(random, 4, 3), 3),
    )  # fmt: skip
    x = networks.features()
    model, found = scores_of(network, x)
    assert model.quantized.in_float == {"Pnorm": 1, "Normalize": 1}
    assert np.abs(found - Evaluator(network)({"input": x})["output"]).max() < 0.01


def test_joins_have_one_factor():
    """A sum of two branches, and both beside each other."""
    random = np.random.default_rng(9)
    nodes = (
        Node("a", networks.random_affine(random, 6, 4), ("input",), 4),
        Node("relu", L.Activation("relu"), ("a",), 4),
        Node("b", networks.random_affine(random, 6, 4), ("input",), 4),
        Node("sum", L.Sum(), ("relu", "b"), 4),
        Node("beside", L.Concatenate(), ("sum", "input"), 10),
        Node("out", networks.random_affine(random, 10, 3), ("beside",), 3),
    )
    network = Network("nnet1", (Input("input", 6),), nodes, (Output("output", "out", 3),))
    x = networks.features()
    _, found = scores_of(network, x)
    assert np.abs(found - Evaluator(network)({"input": x})["output"]).max() < 0.02


def test_convolutions_keep_16_bits():
    random = np.random.default_rng(10)
    filters = (random.normal(size=(5, 6)) / 2).astype(np.float32)
    convolution = L.Convolution(filters, random.normal(size=5).astype(np.float32), 3, 1, 6)
    network = networks.chain(
        12, (convolution, 20), (L.Activation("sigmoid"), 20), (L.Pool(2, 2, 5), 10)
    )
    x = networks.features(dim=12)
    model, found = scores_of(network, x, Rules(bits=8))
    assert np.abs(found - Evaluator(network)({"input": x})["output"]).max() < 0.01
    layer = next(one.layer for one in model.network.nodes if hasattr(one.layer, "gather"))
    assert layer.sums.bits == 16


def test_blocks_of_inputs_depend_on_frames_together():
    for frames, block in ((1, 12288), (8, 1536)):
        model, _ = scores_of(networks.dnn(), networks.features(), Rules(frames=frames))
        assert {one.layer.block for one in model.network.nodes if hasattr(one.layer, "block")} == {
            block
        }


def test_a_loud_utterance_saturates_and_is_counted():
    network, x = networks.dnn(), networks.features()
    model, _ = scores_of(network, x)
    assert sum(model.quantized.saturations.values()) == 0
    model.score([{"input": x * 2.5}], ["output"])
    outside = np.abs(x * 2.5 * input_scale_factor(x)) >= 32767.5
    assert model.quantized.saturations["input.whole"] == outside.sum() > 0


def test_saved_networks_give_the_same(tmp_path):
    from open_seq2seq.scoring.gna.saved import load, save

    model, found = scores_of(networks.dnn(softmax=True), x := networks.features(), Rules(bits=8))
    save(tmp_path / "m.bin", model.quantized)
    loaded = load(tmp_path / "m.bin")
    assert np.array_equal(
        IntegerModel(loaded).score([{"input": x}], ["output"])[0]["output"], found
    )
    assert loaded.rules == Rules(bits=8)
    assert len(loaded.fingerprint) == 64 and loaded.fingerprint == model.quantized.fingerprint
    assert scores_of(networks.dnn(seed=1), x)[0].quantized.fingerprint != loaded.fingerprint
    from safetensors.numpy import load_file

    kinds = {name: one.dtype for name, one in load_file(tmp_path / "m.bin").items()}
    assert {str(one) for name, one in kinds.items() if name.endswith("sums.weight")} == {
        "int8",
        "int16",
    }


def test_damaged_networks_are_refused(tmp_path):
    from open_seq2seq.errors import InputError
    from open_seq2seq.scoring.gna.saved import load, save

    model, _ = scores_of(networks.dnn(), networks.features())
    save(tmp_path / "m.bin", model.quantized)
    content = bytearray((tmp_path / "m.bin").read_bytes())
    for size in (0, 7, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.bin").write_bytes(content[:size])
        with pytest.raises(InputError, match=r"cut\.bin"):
            load(tmp_path / "cut.bin")
    content[-5] ^= 1
    (tmp_path / "flipped.bin").write_bytes(content)
    with pytest.raises(InputError, match="not those that were written"):
        load(tmp_path / "flipped.bin")
