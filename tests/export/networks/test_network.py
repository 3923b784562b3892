"""A model's graph: from features to log-probabilities."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from open_seq2seq.decoders.fully_connected import FullyConnectedCTCDecoder
from open_seq2seq.errors import InputError
from open_seq2seq.export.networks.network import HEADS, build_network
from tests.encoders.encoder_checks import scramble
from tests.graphs.keras_network_builder import KerasNetworkBuilder
from tests.models import test_language_model, test_speech2text


def test_log_probabilities_are_those_of_the_models_logits():
    model = test_speech2text.make()
    scramble(model)
    features = np.random.default_rng(0).standard_normal((2, 11, 5)).astype(np.float32)
    features[1, 7:] = 0
    lengths = np.array([11, 7], np.int32)
    logits, expected_lengths = model(features, lengths)
    found, counts = build_network(KerasNetworkBuilder(), model, features, lengths)
    assert list(keras.ops.convert_to_numpy(counts)) == list(expected_lengths) == [6, 4]
    found = keras.ops.convert_to_numpy(found)
    expected = log_softmax(keras.ops.convert_to_numpy(logits).astype(np.float64), axis=-1)
    for row, length in enumerate([6, 4]):
        np.testing.assert_allclose(found[row, :length], expected[row, :length], atol=2e-6)
    alone, count = build_network(KerasNetworkBuilder(), model, features[1:, :7], None)
    assert count == 4
    np.testing.assert_allclose(keras.ops.convert_to_numpy(alone)[0], expected[1, :4], atol=2e-6)


def test_language_models_are_refused():
    model = test_language_model.make()
    tokens = np.zeros((1, 4), np.int32)
    with pytest.raises(InputError, match="NeuralLanguageModel"):
        build_network(KerasNetworkBuilder(), model, tokens, None)


def test_other_heads_are_refused(monkeypatch):
    model = test_speech2text.make()
    monkeypatch.delitem(HEADS, FullyConnectedCTCDecoder)
    with pytest.raises(InputError, match="decoder: found FullyConnectedCTCDecoder"):
        build_network(KerasNetworkBuilder(), model, np.zeros((1, 4, 5), np.float32), None)
