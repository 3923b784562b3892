"""Weight drop of recurrent layers: the same masked kernel at every frame, in training only."""

import keras
import numpy as np

from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.ops.dropout import Dropout
from tests.encoders.test_intermediate import RECURRENT

INPUTS = np.random.default_rng(0).standard_normal((2, 7, 3)).astype(np.float32)
LENGTHS = np.array([7, 5], np.int32)
MASK = np.random.default_rng(1).integers(0, 2, (4, 16)) * 2.0


def masked(values, training):
    return values * MASK.astype(np.float32) if training else values


def outputs_of(layer, training):
    (found,) = layer(INPUTS, LENGTHS, training=training)
    return keras.ops.convert_to_numpy(found)


def test_a_masked_kernel_is_that_of_all_frames():
    keras.utils.set_random_seed(0)
    dropped, plain = RecurrentLayer("lstm", 4, weight_drop=masked), RecurrentLayer("lstm", 4)
    dropped.build((None, None, 3))
    plain.build((None, None, 3))
    for one, other in zip(plain.variables, dropped.variables, strict=True):
        one.assign(other)
    np.testing.assert_allclose(outputs_of(dropped, False), outputs_of(plain, False), atol=1e-6)
    (kernel,) = [one for one in plain.variables if one.name == "forward_recurrent_kernel"]
    kernel.assign(keras.ops.convert_to_numpy(kernel) * MASK)
    np.testing.assert_allclose(outputs_of(dropped, True), outputs_of(plain, True), atol=1e-5)
    assert np.abs(outputs_of(dropped, True) - outputs_of(dropped, False)).max() > 1e-3


def test_the_encoder_draws_a_new_mask_for_each_batch():
    params = {**RECURRENT, "num_rnn_layers": 1, "n_hidden": 4, "dropout_keep_prob": 1.0}
    encoder = DeepSpeech2Encoder({**params, "rnn_weight_drop_prob": 0.5}, name="e")
    features = np.random.default_rng(2).standard_normal((1, 9, 6)).astype(np.float32)
    first, second = (
        keras.ops.convert_to_numpy(encoder(features, np.array([9]), training=True)[0])
        for _ in range(2)
    )
    assert np.abs(first - second).max() > 1e-4
    drop = encoder.rnn_layers[0].weight_drop
    assert isinstance(drop, Dropout) and drop.rate == 0.5
    assert DeepSpeech2Encoder(params, name="f").rnn_layers[0].weight_drop is None
