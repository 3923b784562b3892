"""The operations of a model's products against numbers worked out by hand, and the floor."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmarks import epoch_floor
from benchmarks.epoch_floor import (
    Rates,
    called_kernels,
    depthwise_flops,
    matrix_flops,
    model_kernels,
    multiplication_rate,
)
from benchmarks.epoch_plain_network import Unplain, plain_network
from open_seq2seq.models import Speech2Text

FEATURES, SYMBOLS = 6, 4


def model(encoder, encoder_params, policy="float32"):
    params = {
        "logdir": "unused",
        "batch_size_per_gpu": 2,
        "encoder": encoder,
        "encoder_params": encoder_params,
        "decoder": "FullyConnectedCTCDecoder",
        "data_layer": "Speech2TextDataLayer",
        "data_layer_params": {
            "num_audio_features": FEATURES,
            "input_type": "logfbank",
            "vocab_file": "v.txt",
            "dataset_files": [],
        },
    }
    return Speech2Text(Speech2Text.PARAMS.parse(params), FEATURES, SYMBOLS, policy)


def layer(kind="conv1d", taps=3, channels=8, stride=1, repeat=1, **more):
    return {
        "type": kind,
        "repeat": repeat,
        "kernel_size": [taps],
        "stride": [stride],
        "num_channels": channels,
        "padding": "SAME",
        **more,
    }


def tdnn(*layers, **more):
    params = {"convnet_layers": list(layers), "dropout_keep_prob": 0.9, "activation_fn": "relu"}
    return "TDNNEncoder", {**params, **more}


DEEP_SPEECH = {
    "dropout_keep_prob": 0.9,
    "conv_layers": [
        {"kernel_size": [3, 2], "stride": [2, 2], "num_channels": 5, "padding": "SAME"}
    ],
    "activation_fn": "relu",
    "num_rnn_layers": 2,
    "row_conv": True,
    "row_conv_width": 4,
    "n_hidden": 10,
    "use_cudnn_rnn": False,
    "rnn_cell_dim": 7,
    "rnn_type": "lstm",
    "rnn_unidirectional": False,
}


def by_name(kernels):
    return {kernel.name.partition("encoder/")[2] or "head": kernel for kernel in kernels}


def test_keras_layers_by_hand():
    network = keras.Sequential(
        [
            keras.Input((20, 6)),
            keras.layers.Conv1D(8, 5, strides=2, padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.SeparableConv1D(9, 3, strides=2, padding="same"),
            keras.layers.Bidirectional(keras.layers.GRU(7, return_sequences=True)),
            keras.layers.Dense(3),
        ]
    )
    kernels = called_kernels(lambda: network(np.zeros((2, 20, 6), np.float32)))
    # Frames: 20, 10 after the first layer, 5 after the second; two utterances.
    matrices = (
        2 * (2 * 10) * (5 * 6 * 8) * 2  # reads the features: two products
        + 2 * (2 * 5) * (8 * 9) * 3
        + 2 * (2 * 5) * (9 * 21 + 7 * 21) * 2 * 3  # both directions
        + 2 * (2 * 5) * (14 * 3) * 3
    )
    assert matrix_flops(kernels) == {"float32": matrices}
    assert depthwise_flops(kernels) == 2 * (2 * 5) * (3 * 8) * 3


def test_convolutions_by_hand():
    """A dense layer with a stride, a separable residual block, and the head in float32."""
    encoder = tdnn(
        layer(taps=5, stride=2, channels=8), layer("sep_conv1d", 3, 12, repeat=2, residual=True)
    )
    kernels = model_kernels(model(*encoder, policy="mixed_bfloat16"), batch=4, frames=30)
    per_frame = 5 * 6 * 8 * 2 + (8 * 12 + 12 * 12) * 3 + 8 * 12 * 3
    positions = 4 * 15
    assert matrix_flops(kernels) == {
        "bfloat16": 2 * positions * per_frame,
        "float32": 2 * positions * 12 * 5 * 3,
    }
    # The residual's depthwise kernel has one tap.
    assert depthwise_flops(kernels) == 2 * positions * (3 * 8 + 3 * 12 + 8) * 3


def test_recurrent_layers_by_hand():
    kernels = by_name(model_kernels(model("DeepSpeech2Encoder", DEEP_SPEECH), 3, 40))
    # 20 frames and 3 of 6 features after the convolution.
    assert kernels["conv1/kernel"][1:4] == (3 * 20 * 3, 3 * 2 * 1, 5)
    assert kernels["conv1/kernel"].products == 2
    assert kernels["rnn_0/backward_kernel"][1:4] == (60, 15, 28)
    assert kernels["rnn_0/forward_recurrent_kernel"][1:4] == (60, 7, 28)
    assert kernels["fully_connected/kernel"][1:4] == (60, 14, 10)
    assert kernels["head"][1:4] == (60, 10, SYMBOLS + 1)
    row = kernels["row_conv/kernel"]
    assert row.depthwise
    assert row.flops == 2 * 60 * 4 * 14 * 3
    assert len(kernels) == 1 + 2 * 4 + 3


def test_the_first_recurrent_layer_reads_the_features():
    encoder = {**DEEP_SPEECH, "conv_layers": [], "row_conv": False}
    kernels = model_kernels(model("DeepSpeech2Encoder", encoder), 1, 8)
    two = {kernel.name.rpartition("encoder/")[2] for kernel in kernels if kernel.products == 2}
    assert two == {"rnn_0/forward_kernel", "rnn_0/backward_kernel"}


def test_floor_is_the_operations_by_the_rate(monkeypatch):
    """With one rate for all shapes both floors are the same; the best turn counts."""
    kernels = model_kernels(model(*tdnn(layer("sep_conv1d"), layer(taps=7))), 4, 3000)
    measured = []

    def rate(dtype, shape):
        measured.append(shape)
        return 1e6 if len(measured) <= 9 else 2e6

    monkeypatch.setattr(epoch_floor, "multiplication_rate", rate)
    rates = Rates(kernels)
    rates.measure()
    # Pointwise, dense and head, three products each; and the square of float32.
    assert len(measured) == 10
    assert max(max(shape) for shape in measured) == epoch_floor.MOST_POSITIONS
    rates.measure()
    (flops,) = matrix_flops(kernels).values()
    assert rates.seconds(kernels) == pytest.approx(flops / 2e6)
    assert rates.square_seconds(kernels) == pytest.approx(flops / 2e6)
    half = [kernel._replace(positions=kernel.positions // 2) for kernel in kernels]
    assert rates.seconds(half) == pytest.approx(flops / 4e6)
    assert rates.spread() == 1  # 2e6 after 1e6


def test_multiplication_rate_is_of_the_shape(monkeypatch):
    """By a clock that goes on by a millisecond whenever it is read."""
    ticks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: 1e-3 * next(ticks))
    monkeypatch.setattr(epoch_floor, "time", clock)
    for shape in ((1, 1, 1), (64, 32, 16)):
        # Ten products fit into a run, which takes one tick.
        rate = multiplication_rate("float32", shape, seconds=0.0105)
        assert rate == pytest.approx(2 * np.prod(shape) * 10 / 1e-3)


SAME_NETWORKS = [
    tdnn(layer(), layer("sep_conv1d", 5, 12, repeat=2, residual=True), layer("tcn", 3, 5)),
    tdnn(*(layer(repeat=2, residual=True, residual_dense=True) for _ in range(3))),
    ("DeepSpeech2Encoder", DEEP_SPEECH),
    ("DeepSpeech2Encoder", {**DEEP_SPEECH, "rnn_type": "cudnn_gru", "use_cudnn_rnn": True}),
    ("DeepSpeech2Encoder", {**DEEP_SPEECH, "conv_layers": [], "rnn_unidirectional": True}),
    ("CRNNEncoder", {"conv_channels": 3, "num_conv_blocks": 2, "num_rnn_layers": 2,
                     "rnn_cell_dim": 5, "n_hidden": 7}),
]  # fmt: skip


@pytest.mark.parametrize(("encoder", "params"), SAME_NETWORKS)
def test_the_plain_network_has_as_many_parameters(encoder, params):
    ours = model(encoder, params)
    plain = plain_network(ours, "float32")

    def sizes(network, part):
        named = [v for v in network.trainable_variables if part in v.name]
        return sorted(int(np.prod(v.shape)) for v in named)

    assert sizes(plain, "kernel") == sizes(ours, "kernel")
    # Keras keeps both biases of a GRU in one variable.
    assert sum(sizes(plain, "")) == sum(sizes(ours, ""))
    shape = keras.KerasTensor((2, 16, FEATURES))
    frames = ours.output_length(16)
    assert plain.compute_output_spec(shape).shape == (2, frames, SYMBOLS + 1)


def test_what_keras_does_not_have_is_named():
    with pytest.raises(Unplain, match="normalization"):
        plain_network(model(*tdnn(layer(), normalization="layer_norm")), "float32")
