"""nnet1 over time: splices, LSTMs in both directions, old files without markers."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import Evaluator, read_network
from tests.interop.kaldi import nets
from tests.interop.kaldi.zoo import sigmoid, softmax

DIM = 6
OFFSETS = [-4, 0, 2]


def weights_of(seed=0):
    normal = nets.arrays(seed)
    return {
        "first": (normal(8, 3 * DIM), normal(8)),
        "lstm": nets.lstm_weights(normal, 8, 5, 3),
        "ahead": nets.lstm_weights(normal, 9, 4, 2),
        "back": nets.lstm_weights(normal, 9, 4, 2),
        "last": (normal(7, 4), normal(7)),
    }


def recurrent(binary, clip=0.3, end=True):
    """Splice, affine, sigmoid, LSTM, splice, BLSTM, affine, softmax."""
    w = weights_of()
    return nets.nnet1(
        binary,
        [
            ("<Splice>", 3 * DIM, DIM, lambda writer: writer.ints([-1, 0, 2])),
            ("<AffineTransform>", 8, 3 * DIM, nets.affine(*w["first"])),
            ("<Sigmoid>", 8, 8, nets.nothing),
            ("<LstmProjectedStreams>", 3, 8, nets.lstm(5, w["lstm"], clip)),
            ("<Splice>", 9, 3, lambda writer: writer.ints(OFFSETS)),
            ("<BlstmProjected>", 4, 9, nets.lstm(4, w["ahead"] + w["back"], 50)),
            ("<AffineTransform>", 7, 4, nets.affine(*w["last"])),
            ("<Softmax>", 7, 7, nets.nothing),
        ],
        end=end,
    )


def spliced(x, offsets):
    last = len(x) - 1
    return np.array(
        [np.concatenate([x[min(max(t + o, 0), last)] for o in offsets]) for t in range(len(x))]
    )


def lstm(x, weights, clip, backward=False):
    w_x, w_r, bias, p_i, p_f, p_o, w_rm = (one.astype(np.float64) for one in weights)
    cell = len(p_i)
    r, c = np.zeros(len(w_rm)), np.zeros(cell)
    found = np.zeros((len(x), len(w_rm)))
    for t in range(len(x))[:: -1 if backward else 1]:
        a = w_x @ x[t] + w_r @ r + bias
        g, i, f, o = (a[n * cell : (n + 1) * cell] for n in range(4))
        i, f = sigmoid(i + p_i * c), sigmoid(f + p_f * c)
        c = np.clip(np.tanh(g) * i + c * f, -clip, clip)
        r = w_rm @ (sigmoid(o + p_o * c) * np.tanh(c))
        found[t] = r
    return found


def expected(x, clip=0.3):
    w = weights_of()
    y = spliced(x, [-1, 0, 2]) @ w["first"][0].T + w["first"][1]
    y = spliced(lstm(sigmoid(y), w["lstm"], clip), OFFSETS)
    y = np.concatenate([lstm(y, w["ahead"], 50), lstm(y, w["back"], 50, True)], axis=1)
    return np.array([softmax(row) for row in y @ w["last"][0].T + w["last"][1]])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_recurrent_networks(binary, tmp_path):
    network = read_network(recurrent(binary).save(tmp_path / "final.nnet"))
    assert (network.left_context, network.right_context) == (5, 4)
    for frames in (1, 3, 17):
        x = np.random.default_rng(frames).normal(size=(frames, DIM)).astype(np.float32)
        found = Evaluator(network)({"input": x})["output"]
        np.testing.assert_allclose(found, expected(x), rtol=1e-5, atol=1e-6)


def test_the_cell_is_clipped_as_the_file_says(tmp_path):
    x = np.random.default_rng(0).normal(size=(17, DIM)).astype(np.float32)
    network = read_network(recurrent(True, clip=0.1).save(tmp_path / "final.nnet"))
    found = Evaluator(network)({"input": x})["output"]
    np.testing.assert_allclose(found, expected(x, clip=0.1), rtol=1e-5, atol=1e-6)
    assert np.abs(found - expected(x)).max() > 1e-4


@pytest.mark.parametrize("sizes", [[1] * 9, [4, 0, 5], [8, 1]], ids=str)
def test_pieces_give_what_the_whole_gives(sizes, tmp_path):
    evaluator = Evaluator(read_network(recurrent(True).save(tmp_path / "final.nnet")))
    x = np.random.default_rng(0).normal(size=(9, DIM)).astype(np.float32)
    stream, found = evaluator.stream(), []
    for number, end in enumerate(np.cumsum(sizes)):
        piece = x[end - sizes[number] : end]
        found.append(stream.accept({"input": piece}, last=number == len(sizes) - 1)["output"])
    np.testing.assert_allclose(
        np.concatenate(found), evaluator({"input": x})["output"], rtol=1e-6, atol=1e-6
    )


def test_an_lstm_streams_frame_by_frame(tmp_path):
    weights = nets.lstm_weights(nets.arrays(1), DIM, 5, 3)
    layers = [("<LstmProjected>", 3, DIM, nets.lstm(5, weights))]
    evaluator = Evaluator(read_network(nets.nnet1(True, layers).save(tmp_path / "final.nnet")))
    x = np.random.default_rng(0).normal(size=(9, DIM)).astype(np.float32)
    stream = evaluator.stream()
    for t, row in enumerate(lstm(x, weights, 50)):
        found = stream.accept({"input": x[t : t + 1]})["output"]
        np.testing.assert_allclose(found, row[None], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(stream.state["lstmprojected/r"], row, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_old_files_have_no_end_markers(binary, tmp_path):
    network = read_network(recurrent(binary, end=False).save(tmp_path / "final.nnet"))
    x = np.random.default_rng(3).normal(size=(5, DIM)).astype(np.float32)
    found = Evaluator(network)({"input": x})["output"]
    np.testing.assert_allclose(found, expected(x), rtol=1e-5, atol=1e-6)


def test_a_transform_without_nnet_markers(tmp_path):
    path = tmp_path / "transform"
    path.write_text("<splice> 6 2 [ -1 0 1 ]\n<addshift> 6 6 [ 1 2 3 4 5 6 ]\n")
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = Evaluator(read_network(path))({"input": x})["output"]
    np.testing.assert_array_equal(found, spliced(x, [-1, 0, 1]) + np.arange(1, 7))


def test_components_that_do_not_fit_each_other(tmp_path):
    normal = nets.arrays(0)
    layers = [
        ("<AffineTransform>", 8, DIM, nets.affine(normal(8, DIM), normal(8))),
        ("<Sigmoid>", 9, 9, nets.nothing),
    ]
    path = nets.nnet1(True, layers).save(tmp_path / "final.nnet")
    with pytest.raises(InputError, match=r"Sigmoid of 9 inputs, expected 8, as many as"):
        read_network(path)
