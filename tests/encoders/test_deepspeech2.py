"""The Deep Speech 2 encoder: the checks of every encoder, and what only it has."""

import keras
import numpy as np
import pytest

from open_seq2seq.encoders import DeepSpeech2Encoder, deepspeech2
from open_seq2seq.errors import InputError
from tests.encoders.architectures import deep_speech, frequency_convolution
from tests.encoders.encoder_checks import STREAM_CHECKS, EncoderCase, encode, pairs, scramble
from tests.ops import recurrent_reference

CONVOLUTIONS = [
    frequency_convolution((5, 3), (2, 2), 4),
    frequency_convolution((3, 3), (1, 2), 6),
]


def case(name, convolutions=(), rnn="gru", units=16, layers=2, **params):
    """Of 16 units the C++ kernels compute the layers, where they are built; not of others."""
    params = deep_speech(list(convolutions), rnn, layers, units, n_hidden=7, **params)
    return EncoderCase(name, DeepSpeech2Encoder, params)


def clipped(x):
    return keras.ops.minimum(keras.ops.relu(x), 20.0)


CASES = [
    case("cudnn_gru", CONVOLUTIONS, dropout_keep_prob=0.9),
    case("cudnn_gru_of_5", units=5, layers=1),
    case("cudnn_lstm", CONVOLUTIONS, "cudnn_lstm"),
    case("unidirectional_gru", CONVOLUTIONS, rnn_unidirectional=True),
    case("unidirectional_lstm", (), "lstm", units=32, rnn_unidirectional=True),
    case("unidirectional_lstm_of_5", (), "lstm", units=5, layers=1, rnn_unidirectional=True),
    case("gru_stacks", use_cudnn_rnn=False, dropout_keep_prob=0.9),
    case("gru_stacks_of_5", use_cudnn_rnn=False, units=5, layers=1, rnn_unidirectional=True),
    case("lstm_stacks", CONVOLUTIONS, "lstm", use_cudnn_rnn=False),
    case("layernorm_lstm_stacks", (), "layernorm_lstm", use_cudnn_rnn=False, layers=2, units=5),
    case(
        "layernorm_lstm_interleaved",
        rnn="layernorm_lstm",
        layers=1,
        use_cudnn_rnn=False,
        rnn_arrangement="interleaved",
    ),
    case("cudnn_stacks", rnn_arrangement="stacks"),
    case("cudnn_cells_without_cudnn", rnn="cudnn_gru", use_cudnn_rnn=False, layers=1),
    case("row_conv", CONVOLUTIONS, row_conv=True, row_conv_width=4, activation_fn=clipped),
    case("no_rnn", CONVOLUTIONS, layers=0),
    case("no_rnn_row_conv", CONVOLUTIONS, layers=0, row_conv=True, row_conv_width=5),
    case(
        "valid",
        [
            frequency_convolution((4, 3), (2, 1), 4, "VALID"),
            frequency_convolution((3, 2), (2, 1), 4, "VALID"),
        ],
        layers=1,
    ),
    case(
        "neon",
        [frequency_convolution((5, 6), (3, 6), 8)],
        "relu_rnn",
        use_cudnn_rnn=False,
        rnn_arrangement="interleaved",
        rnn_merge="sum",
        rnn_batch_norm=True,
        activation_fn=clipped,
    ),
    case("relu_of_5", rnn="relu_rnn", units=5, layers=1, use_cudnn_rnn=False),
    case(
        "streaming",
        [
            frequency_convolution((5, 3), (2, 2), 4),
            frequency_convolution((4, 3), (1, 2), 4, [1, 2]),
        ],
        "cudnn_lstm",
        rnn_unidirectional=True,
        row_conv=True,
        row_conv_width=6,
        look_ahead=9,
    ),
]
# Of each kind of cell, of arrangement and of convolution one; the others combine them.
FAST = ("cudnn_gru", "cudnn_lstm", "gru_stacks", "layernorm_lstm_stacks",
        "layernorm_lstm_interleaved", "cudnn_cells_without_cudnn", "row_conv", "no_rnn", "valid",
        "neon", "relu_of_5", "streaming")  # fmt: skip
STREAM_CASES = [
    case(
        "streaming_relu",
        [frequency_convolution((5, 6), (3, 6), 8, "CAUSAL")],
        "relu_rnn",
        use_cudnn_rnn=False,
        rnn_unidirectional=True,
        rnn_batch_norm=True,
        activation_fn=clipped,
    ),
    case(
        "layernorm_lstm_forward",
        (),
        "layernorm_lstm",
        5,
        1,
        use_cudnn_rnn=False,
        rnn_unidirectional=True,
    ),
]


@pytest.mark.parametrize(("case", "check"), pairs(CASES, FAST))
def test_encoder(case, check):
    check(case)


@pytest.mark.parametrize("check", STREAM_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_stream(case, check):
    check(case)


def values_of(encoder):
    """Variables as float64, by name without the encoder's."""
    return {
        variable.path.partition("/")[2]: np.float64(keras.ops.convert_to_numpy(variable))
        for variable in encoder.variables
        if "seed" not in variable.path
    }


def convolved(image, kernel, stride):
    """[time, frequency, channel] as sums; SAME, of sizes that are multiples of the stride."""
    before = [max(taps - step, 0) // 2 for taps, step in zip(kernel.shape, stride)]
    sizes = [size // step for size, step in zip(image.shape, stride)]
    outputs = np.zeros((*sizes, kernel.shape[3]))
    for t, f in np.ndindex(*sizes):
        for i, j in np.ndindex(*kernel.shape[:2]):
            time, frequency = t * stride[0] + i - before[0], f * stride[1] + j - before[1]
            if 0 <= time < image.shape[0] and 0 <= frequency < image.shape[1]:
                outputs[t, f] += image[time, frequency] @ kernel[i, j]
    return outputs


def normalized(x, v, name):
    scale = v[f"{name}/gamma"] / np.sqrt(v[f"{name}/moving_variance"] + 1e-3)
    return (x - v[f"{name}/moving_mean"]) * scale + v[f"{name}/beta"]


def directions_in_numpy(v, layer, sources, cell):
    """The outputs of both directions of a layer, each with its own source [time, input]."""
    outputs = []
    for number, direction in enumerate(("forward", "backward")):
        prefix = f"rnn_{layer}/{direction}_"
        names = ("recurrent_kernel", "bias", "recurrent_bias")
        weights = {name: v[prefix + name] for name in names if prefix + name in v}
        if cell == "lstm" and "recurrent_bias" in weights:
            weights["bias"] = weights["bias"] + weights.pop("recurrent_bias")
        inputs = (sources[number] @ v[f"{prefix}kernel"])[None]
        lengths = [len(sources[number])]
        outputs.append(recurrent_reference.run(cell, inputs, weights, lengths, number == 1)[0])
    return outputs


@pytest.mark.parametrize(
    ("rnn", "use_cudnn", "arrangement", "cell"),
    [
        ("cudnn_gru", True, None, "gru_reset_after"),
        ("lstm", True, "stacks", "lstm"),
        ("gru", False, None, "gru"),
        ("lstm", False, "interleaved", "lstm"),
    ],
)
def test_against_numpy(rnn, use_cudnn, arrangement, cell):
    """The whole encoder on one utterance, from the variables alone."""
    params = deep_speech(
        CONVOLUTIONS,
        rnn,
        2,
        16,
        7,
        use_cudnn_rnn=use_cudnn,
        rnn_arrangement=arrangement,
        row_conv=True,
        row_conv_width=4,
    )
    encoder = DeepSpeech2Encoder(params, name="encoder")
    features = np.random.default_rng(0).standard_normal((2, 20, 8)).astype(np.float32)
    encode(encoder, features, [20, 14])
    scramble(encoder)
    v = values_of(encoder)
    outputs, lengths = encode(encoder, features, [20, 14])
    for utterance, frames in enumerate((20, 14)):
        x = np.float64(features[utterance, :frames, :, None])
        for number, layer in enumerate(CONVOLUTIONS, start=1):
            x = convolved(x, v[f"conv{number}/kernel"], layer["stride"])
            x = np.maximum(normalized(x, v, f"conv{number}/bn"), 0)
        sources = [x.reshape(len(x), -1)] * 2
        stacks = arrangement == "stacks" or (arrangement is None and not use_cudnn)
        for layer in range(2):
            sources = directions_in_numpy(v, layer, sources, cell)
            if not stacks or layer == 1:
                sources = [np.concatenate(sources, axis=-1)] * 2
        padded = np.pad(sources[0], [(1, 2), (0, 0)])
        taps = v["row_conv/kernel"][:, 0, :, 0]
        x = sum(padded[tap : tap + len(x)] * taps[tap] for tap in range(4))
        x = np.maximum(normalized(x, v, "row_conv/bn"), 0)
        x = np.maximum(x @ v["fully_connected/kernel"] + v["fully_connected/bias"], 0)
        assert lengths[utterance] == len(x) == frames // 2
        np.testing.assert_allclose(outputs[utterance, : len(x)], x, rtol=1e-4, atol=1e-4)
        assert not np.any(outputs[utterance, len(x) :])


def build(convolutions=(), rnn="gru", layers=2, units=16, **options):
    keywords = {"regularizer": options.pop("regularizer", None)}
    params = deep_speech(list(convolutions), rnn, layers, units, 7, **options)
    encoder = DeepSpeech2Encoder(params, name="encoder", **keywords)
    encoder.build((None, None, 6), (None,))
    return encoder


def test_variables():
    """The names and shapes that imported checkpoints are mapped to."""
    encoder = build(CONVOLUTIONS, layers=2, row_conv=True, row_conv_width=3)
    shapes = {name: value.shape for name, value in values_of(encoder).items()}
    statistics = ("gamma", "beta", "moving_mean", "moving_variance")
    expected = {"conv1/kernel": (5, 3, 1, 4), "conv2/kernel": (3, 3, 4, 6)}
    expected |= {f"conv1/bn/{name}": (4,) for name in statistics}
    expected |= {f"conv2/bn/{name}": (6,) for name in statistics}
    for layer, width in ((0, 12), (1, 32)):
        for direction in ("forward", "backward"):
            prefix = f"rnn_{layer}/{direction}_"
            expected[f"{prefix}kernel"] = (width, 48)
            expected[f"{prefix}recurrent_kernel"] = (16, 48)
            expected[f"{prefix}bias"] = expected[f"{prefix}recurrent_bias"] = (48,)
    expected["row_conv/kernel"] = (3, 1, 32, 1)
    expected |= {f"row_conv/bn/{name}": (32,) for name in statistics}
    expected |= {"fully_connected/kernel": (32, 7), "fully_connected/bias": (7,)}
    assert shapes == expected


def test_layer_norm_variables():
    encoder = build(rnn="layernorm_lstm", layers=1, use_cudnn_rnn=False)
    shapes = {name: value.shape for name, value in values_of(encoder).items() if "backw" in name}
    assert shapes == {
        "rnn_0/backward_kernel": (6, 64),
        "rnn_0/backward_recurrent_kernel": (16, 64),
        "rnn_0/backward_gate_gamma": (4, 16),
        "rnn_0/backward_gate_beta": (4, 16),
        "rnn_0/backward_state_gamma": (16,),
        "rnn_0/backward_state_beta": (16,),
    }


@pytest.mark.parametrize(
    ("rnn", "use_cudnn", "name", "expected"),
    [
        ("lstm", False, "bias", [0, 1, 0, 0]),
        ("lstm", True, "bias", [0, 0, 0, 0]),
        ("gru", False, "bias", [1, 1, 0]),
        ("cudnn_gru", False, "bias", [0, 0, 0]),
        ("layernorm_lstm", False, "gate_beta", [0, 1, 0, 0]),
    ],
)
def test_biases_start_as_in_tensorflow_1(rnn, use_cudnn, name, expected):
    values = values_of(build(rnn=rnn, use_cudnn_rnn=use_cudnn, layers=1))
    for direction in ("forward", "backward"):
        bias = values[f"rnn_0/{direction}_{name}"].reshape(len(expected), 16)
        np.testing.assert_array_equal(bias, np.repeat(expected, 16).reshape(-1, 16))


def test_gates_start_alike():
    """Each gate's kernels have the scale of a matrix of their own."""
    values = values_of(build(layers=1, units=32))
    kernel = values["rnn_0/forward_kernel"].reshape(6, 3, 32)
    limit = np.sqrt(6 / (6 + 32))
    assert (np.abs(kernel) <= limit).all() and (np.abs(kernel).max(axis=(0, 2)) > limit / 2).all()
    assert not np.array_equal(kernel[:, 0], kernel[:, 1])
    recurrent = values["rnn_0/forward_recurrent_kernel"]
    for gate in np.split(recurrent, 3, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(32), atol=1e-5)


def test_recurrent_weights_are_not_regularized():
    encoder = build(
        CONVOLUTIONS,
        row_conv=True,
        row_conv_width=3,
        rnn_batch_norm=True,
        regularizer=keras.regularizers.L2(0.1),
    )
    regularized = {
        variable.path.partition("/")[2] for variable in encoder.variables if variable.regularizer
    }
    assert regularized == {
        "conv1/kernel",
        "conv1/bn/gamma",
        "conv2/kernel",
        "conv2/bn/gamma",
        "row_conv/kernel",
        "row_conv/bn/gamma",
        "fully_connected/kernel",
    }


@pytest.mark.parametrize(
    ("arrangement", "expected"),
    [("interleaved", [32, 32, 7]), ("stacks", [16, 16, 16, 16, 16, 16, 7])],
)
def test_where_dropout_is(monkeypatch, arrangement, expected):
    """Between layers; or on each layer's outputs, of each direction. And after the dense one."""
    channels = []

    def record(outputs, rate, seed):
        assert rate == pytest.approx(0.3)
        channels.append(outputs.shape[-1])
        return outputs

    monkeypatch.setattr(deepspeech2, "dropout", record)
    encoder = build(layers=3, rnn_arrangement=arrangement, dropout_keep_prob=0.7)
    features = np.zeros((1, 5, 6), np.float32)
    encoder(features, np.array([5]), training=False)
    assert channels == []
    encoder(features, np.array([5]), training=True)
    assert channels == expected


def test_valid_lengths():
    """OpenSeq2Seq's (T - k + s) // s for each layer, and 0 where nothing fits."""
    encoder = build([frequency_convolution((4, 2), (3, 1), 4, "VALID")], layers=0)
    frames = np.arange(1, 30)
    expected = np.maximum((frames - 4 + 3) // 3, 0)
    np.testing.assert_array_equal(encoder.output_length(frames), expected)
    assert encoder.time_stride == 3


@pytest.mark.parametrize("options", [{"data_format": "BCTF"}, {"row_conv": True}])
def test_parameters_without_effect(options):
    plain, other = build(CONVOLUTIONS), build(CONVOLUTIONS, row_conv_width=1, **options)
    other.set_weights(plain.get_weights())
    features = np.random.default_rng(0).standard_normal((2, 12, 6)).astype(np.float32)
    expected, _ = encode(plain, features, [12, 9])
    np.testing.assert_array_equal(encode(other, features, [12, 9])[0], expected)


def test_one_tap_over_all_features():
    """A stride of as many features as there are makes a convolution over time alone."""
    encoder = build([frequency_convolution((5, 6), (3, 6), 8)], layers=0)
    assert values_of(encoder)["fully_connected/kernel"].shape == (8, 7)


def problems(**options):
    params = deep_speech([], "gru", 1, 4, 7) | options
    with pytest.raises(InputError) as error:
        DeepSpeech2Encoder(params)
    return {problem.where: problem for problem in error.value.problems}


def test_problems_between_parameters():
    found = problems(rnn_type="layernorm_lstm", use_cudnn_rnn=True, row_conv=True)
    assert set(found) == {"rnn_type", "row_conv_width"}
    assert "use_cudnn_rnn" in found["rnn_type"].remedy
    found = problems(use_cudnn_rnn=False, rnn_merge="sum")
    assert "interleaved" in found["rnn_merge"].remedy


def test_problems_of_values():
    layer = {**frequency_convolution((5, 3), (2, 2), 4), "dilation": [1, 1]}
    found = problems(conv_layers=[layer], rnn_type="grru", n_hidden=0)
    assert set(found) == {"conv_layers[0]/dilation", "rnn_type", "n_hidden"}
    assert "gru" in found["rnn_type"].remedy
    found = problems(conv_layers=[{**frequency_convolution((5, 3), (2, 2), 4), "stride": [2]}])
    assert set(found) == {"conv_layers[0]/stride"}
