"""The model: its parts get what the config says, and its logits are float32."""

import keras
import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import l2_regularizer, xavier_initializer
from tests.machines import need_bfloat16

LAYER = {"type": "conv1d", "repeat": 1, "kernel_size": [3], "stride": [2], "num_channels": 6}
PARAMS = {
    "logdir": "unused",
    "batch_size_per_gpu": 2,
    "encoder": "TDNNEncoder",
    "encoder_params": {
        "convnet_layers": [{**LAYER, "padding": "SAME"}],
        "dropout_keep_prob": 0.9,
        "activation_fn": "relu",
    },
    "decoder": "FullyConnectedCTCDecoder",
    "data_layer": "Speech2TextDataLayer",
    "data_layer_params": {
        "num_audio_features": 5,
        "input_type": "logfbank",
        "vocab_file": "v.txt",
        "dataset_files": [],
    },
}


def make(policy="float32", **changes):
    return Speech2Text(Speech2Text.PARAMS.parse({**PARAMS, **changes}), 5, 4, policy)


def encoder_params(**changes):
    return {"encoder_params": {**PARAMS["encoder_params"], **changes}}


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_logits_are_float32_with_the_blank_and_lengths_travel_along(policy):
    if policy == "mixed_bfloat16":
        need_bfloat16()
    model = make(policy)
    logits, lengths = model(np.zeros((2, 8, 5), np.float32), np.array([8, 5], np.int32))
    assert logits.shape == (2, 4, 5) and keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert list(keras.ops.convert_to_numpy(lengths)) == [4, 3]
    assert list(model.output_length(np.array([8, 5, 1]))) == [4, 3, 1]
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


def regularization(model):
    model(np.zeros((1, 8, 5), np.float32), np.array([8], np.int32))
    return float(sum(model.losses))


def squares(layer):
    """Half the sum of squares of what a regularizer sees: kernels and gammas."""
    names = ("kernel", "gamma")
    weights = [v for v in layer.trainable_variables if v.path.endswith(names)]
    return sum(float(np.sum(np.square(v.value))) for v in weights) / 2


def test_the_models_regularizer_covers_encoder_and_decoder():
    model = make(regularizer=l2_regularizer, regularizer_params={"scale": 0.1})
    expected = 0.1 * (squares(model.encoder) + squares(model.decoder))
    assert regularization(model) == pytest.approx(expected, rel=1e-5)


def test_a_component_can_have_its_own_regularizer_initializer_and_dtype():
    own = encoder_params(regularizer="l2_regularizer", regularizer_params={"scale": 0.5})
    model = make(**own)
    assert regularization(model) == pytest.approx(0.5 * squares(model.encoder), rel=1e-5)

    own = encoder_params(initializer=xavier_initializer, initializer_params={"uniform": True})
    kernel = make(**own).encoder.trainable_variables[0]
    limit = np.sqrt(6 / (3 * 5 + 3 * 6))
    assert np.abs(np.array(kernel.value)).max() <= limit

    model = make("mixed_bfloat16", **encoder_params(dtype="float32"))
    assert model.encoder.compute_dtype == "float32"


def test_parameters_that_exclude_each_other_are_named():
    with pytest.raises(InputError) as raised:
        make(
            print_samples_steps=15,
            print_loss_steps=10,
            larc_params={"larc_eta": 0.001},
            max_grad_norm=5.0,
            loss_scaling="Logmax",
            hooks=[object],
        )
    places = [problem.where for problem in raised.value.problems]
    assert places == ["print_samples_steps", "larc_params, max_grad_norm", "loss_scaling", "hooks"]
