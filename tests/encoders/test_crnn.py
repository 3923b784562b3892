"""The CRNN encoder: the checks of every encoder, and what only it has."""

import keras
import numpy as np
import pytest
from scipy.special import erf

from open_seq2seq.encoders import CRNNEncoder
from open_seq2seq.errors import InputError
from tests.encoders.encoder_checks import STREAM_CHECKS, EncoderCase, encode, pairs, scramble

SMALL = {
    "conv_channels": 3,
    "num_conv_blocks": 2,
    "num_rnn_layers": 2,
    "rnn_cell_dim": 5,
    "n_hidden": 7,
}


def case(name, num_features=6, **params):
    return EncoderCase(name, CRNNEncoder, {**SMALL, **params}, num_features)


CASES = [
    case("small"),
    case("odd_width", num_features=7, dropout_keep_prob=1.0),
    case("no_residual_blocks", num_conv_blocks=0),
    case("no_hidden_layer", n_hidden=0, num_rnn_layers=1),
    case("stride_three", conv_stride=[3, 1], conv_kernel_size=[5, 3], activation_fn="relu"),
    case("streaming_two_blocks", rnn_unidirectional=True, look_ahead=7, conv_kernel_size=[5, 3]),
]
FAST = ("small", "odd_width", "no_hidden_layer", "streaming_two_blocks")
STREAM_CASES = [
    case("streaming", rnn_unidirectional=True),
    case("padded", rnn_unidirectional=True, conv_padding=[1, 1]),
]


@pytest.mark.parametrize(("case", "check"), pairs(CASES, FAST))
def test_encoder(case, check):
    check(case)


@pytest.mark.parametrize("check", STREAM_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_stream(case, check):
    check(case)


def gelu(x):
    return x * 0.5 * (1 + erf(x / np.sqrt(2)))


def layer_norm(x, axis, gamma, beta):
    centred = x - x.mean(axis, keepdims=True)
    shape = [1] * x.ndim
    shape[axis] = -1
    normal = centred / np.sqrt(centred.var(axis, keepdims=True) + 1e-5)
    return normal * gamma.reshape(shape) + beta.reshape(shape)


def convolve(image, kernel, bias, stride=1):
    """[time, feature, channel], zeros around it; sums over the taps."""
    taps = kernel.shape[0]
    frames, width = (-(-size // stride) for size in image.shape[:2])
    before = (taps - stride) // 2
    padded = np.pad(image, ((before, taps), (before, taps), (0, 0)))
    outputs = np.zeros((frames, width, kernel.shape[3])) + bias
    for t in range(frames):
        for f in range(width):
            patch = padded[t * stride : t * stride + taps, f * stride : f * stride + taps]
            outputs[t, f] += np.einsum("xyc,xyco->o", patch, kernel)
    return outputs


def gru(inputs, kernel, recurrent_kernel, bias, recurrent_bias):
    """Gates z, r, h; the reset gate multiplies the recurrent product (cuDNN's GRU)."""
    units = len(recurrent_kernel)
    hidden, outputs = np.zeros(units), []
    for frame in inputs:
        x, r = frame @ kernel + bias, hidden @ recurrent_kernel + recurrent_bias
        update = 1 / (1 + np.exp(-(x[:units] + r[:units])))
        reset = 1 / (1 + np.exp(-(x[units : 2 * units] + r[units : 2 * units])))
        candidate = np.tanh(x[2 * units :] + reset * r[2 * units :])
        hidden = update * hidden + (1 - update) * candidate
        outputs.append(hidden)
    return np.array(outputs)


def test_against_numpy():
    """All of a small network, of an even length and width, from its formulas."""
    params = {**SMALL, "num_conv_blocks": 1, "num_rnn_layers": 2}
    encoder = CRNNEncoder(params, name="encoder")
    features = np.random.default_rng(0).standard_normal((1, 12, 6)).astype(np.float32)
    encode(encoder, features, [12])
    scramble(encoder)
    w = {v.path.partition("/")[2]: np.asarray(v, np.float64) for v in encoder.weights}
    image = convolve(features[0, :, :, None], w["conv1/kernel"], w["conv1/bias"], stride=2)
    branch = image
    for number in (1, 2):
        norm, conv = f"block1/ln{number}", f"block1/conv{number}"
        branch = gelu(layer_norm(branch, 1, w[f"{norm}/gamma"], w[f"{norm}/beta"]))
        branch = convolve(branch, w[f"{conv}/kernel"], w[f"{conv}/bias"])
    image = image + branch
    outputs = image.reshape(6, -1) @ w["dense/kernel"] + w["dense/bias"]
    for layer in range(2):
        block = f"rnn_{layer}"
        outputs = gelu(layer_norm(outputs, 1, w[f"{block}/ln/gamma"], w[f"{block}/ln/beta"]))
        names = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
        both = {
            direction: [w[f"{block}/gru/{direction}_{name}"] for name in names]
            for direction in ("forward", "backward")
        }
        backward = gru(outputs[::-1], *both["backward"])[::-1]
        outputs = np.concatenate([gru(outputs, *both["forward"]), backward], axis=1)
    expected = gelu(outputs @ w["fully_connected/kernel"] + w["fully_connected/bias"])
    np.testing.assert_allclose(encode(encoder, features, [12])[0][0], expected, atol=1e-4)


def parameter_count(features, channels=32, blocks=7, layers=5, units=512, hidden=512):
    """Trainable parameters by formula."""
    width = -(-features // 2)
    stem = 9 * channels + channels
    block = 2 * (2 * width) + 2 * (9 * channels * channels + channels)
    dense = (width * channels + 1) * units
    recurrent = 0
    for layer in range(layers):
        inputs = units if layer == 0 else 2 * units
        recurrent += 2 * inputs + 2 * (3 * units * (inputs + units) + 6 * units)
    return stem + blocks * block + dense + recurrent + (2 * units + 1) * hidden


def test_the_defaults_are_the_small_crnn():
    with keras.StatelessScope(initialize_variables=False):
        encoder = CRNNEncoder({})
        encoder.build((None, None, 64), (None,))
        found = sum(int(np.prod(v.shape)) for v in encoder.trainable_variables)
    keras.utils.clear_session(free_memory=False)  # Forget the variables without values.
    assert found == parameter_count(64) == 23_240_320
    assert encoder.time_stride == 2


def test_what_must_hold_between_parameters():
    with pytest.raises(InputError) as raised:
        CRNNEncoder({"conv_stride": [2], "conv_kernel_size": [3, 3, 3]})
    assert {problem.where for problem in raised.value.problems} == {
        "conv_stride",
        "conv_kernel_size",
    }
