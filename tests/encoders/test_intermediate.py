"""What encoders give of the layers inside them: what an encoder that ends there would give."""

import keras
import numpy as np
import pytest

from open_seq2seq.encoders import CRNNEncoder, DeepSpeech2Encoder, TDNNEncoder

FEATURES, FRAMES = 6, 21
LENGTHS = np.array([21, 14, 9], np.int32)


def block(channels, stride=1, kind="conv1d", **more):
    axes = 2 if kind == "conv2d" else 1
    return {
        "type": kind, "repeat": 1, "kernel_size": [3] * axes, "stride": [stride] + [1] * (axes - 1),
        "num_channels": channels, "padding": "SAME", **more,
    }  # fmt: skip


TDNN = {"dropout_keep_prob": 0.5, "activation_fn": "relu"}
RECURRENT = {
    "dropout_keep_prob": 0.5, "activation_fn": "linear", "rnn_type": "gru", "rnn_cell_dim": 3,
    "row_conv": False, "rnn_unidirectional": False, "use_cudnn_rnn": True,
    "conv_layers": [
        {"kernel_size": [3, 3], "stride": [2, 2], "num_channels": 2, "padding": "SAME"}],
}  # fmt: skip


def tdnn(layers):
    """An encoder of the first `count` blocks, or of all."""
    return lambda count=None: TDNNEncoder({**TDNN, "convnet_layers": layers[:count]}, name="e")


def deep_speech(**changes):
    """The dense layer above the recurrent ones, where the encoder is cut, passes all on."""

    def make(count=None):
        params = {**RECURRENT, "num_rnn_layers": count or 2, "n_hidden": 6, **changes}
        return DeepSpeech2Encoder(params, name="e")

    return make


def crnn(count=None):
    sizes = {"conv_channels": 2, "num_conv_blocks": 1, "rnn_cell_dim": 3}
    return CRNNEncoder({**sizes, "num_rnn_layers": count or 2, "n_hidden": 0}, name="e")


MAKERS = {
    "tdnn": tdnn([block(4, 2), block(5, repeat=2, residual=True), block(4, 2), block(7)]),
    "images": tdnn([block(4, 2, "conv2d"), block(3, kind="conv2d"), block(2, kind="conv2d")]),
    "interleaved": deep_speech(),
    "summed": deep_speech(rnn_merge="sum", n_hidden=3),
    "stacks": deep_speech(use_cudnn_rnn=False),
    "crnn": crnn,
}
# A TDNN's and this CRNN's last layer is the encoder's output.
COUNTS = {"tdnn": 3, "images": 2, "interleaved": 2, "summed": 2, "stacks": 2, "crnn": 1}


def scrambled(encoder, weights=None):
    """The encoder with variables from `weights`, by name, or with random ones."""
    encoder(keras.KerasTensor((None, None, FEATURES)), keras.KerasTensor((None,), "int32"))
    rng = np.random.default_rng(3)
    for variable in encoder.variables:
        if "seed" in variable.path:
            continue
        if weights is not None and "fully_connected/kernel" in variable.path:
            variable.assign(np.eye(variable.shape[0]))
        elif weights is not None and "fully_connected/bias" in variable.path:
            variable.assign(np.zeros(variable.shape))
        else:
            random = np.abs(0.5 * rng.standard_normal(variable.shape)) + 0.1
            variable.assign(random if weights is None else weights[variable.path])
    return encoder


def arrays(outputs, lengths):
    return keras.ops.convert_to_numpy(outputs), keras.ops.convert_to_numpy(lengths)


@pytest.mark.parametrize("name", MAKERS)
def test_a_layers_output_is_that_of_an_encoder_that_ends_there(name):
    make = MAKERS[name]
    encoder = scrambled(make())
    weights = {v.path: keras.ops.convert_to_numpy(v) for v in encoder.variables}
    features = np.random.default_rng(1).standard_normal((3, FRAMES, FEATURES)).astype(np.float32)
    plain = arrays(*encoder(features, LENGTHS))
    numbers = list(range(1, type(encoder).num_intermediate(encoder.params) + 1))
    assert len(numbers) == COUNTS[name]
    *found, inner = encoder(features, LENGTHS, intermediate=True)
    for one, same in zip(arrays(*found), plain):
        np.testing.assert_array_equal(one, same)
    assert sorted(inner) == numbers
    for number in numbers:
        outputs, lengths = arrays(*scrambled(make(number), weights)(features, LENGTHS))
        own, own_lengths = arrays(*inner[number])
        np.testing.assert_array_equal(own_lengths, lengths)
        np.testing.assert_allclose(own, outputs, rtol=1e-5, atol=1e-6)
        assert np.abs(own).max() > 0.01, "nothing to compare"
        past = np.arange(own.shape[1]) >= own_lengths[:, None]
        assert not own[past].any()
