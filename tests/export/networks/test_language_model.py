"""Graphs of neural language models, by every builder."""

import numpy as np
import pytest
from scipy.special import log_softmax

from open_seq2seq.encoders import LSTMLMEncoder
from open_seq2seq.errors import InputError
from open_seq2seq.export.networks.language_model import LANGUAGE_NETWORKS, build_language_model
from tests.graphs.backends import BACKENDS
from tests.graphs.keras_network_builder import KerasNetworkBuilder
from tests.models.test_language_model import LENGTHS, LSTM, TOKENS, VOCABULARY, make

MODELS = {
    "transformer": {},
    "lstm": LSTM,
    "lstm without projection": {**LSTM, "encoder_params": {"hidden_size": 6, "num_layers": 1}},
}
# Recurrent layers are no part of the plain KerasBuilder.
PAIRS = [
    (name, backend)
    for name in MODELS
    for backend in ("keras", "tensorflow", "onnx")
    if backend != "keras" or name == "transformer"
]


@pytest.mark.parametrize(("name", "backend"), PAIRS)
def test_log_probabilities_are_those_of_the_models_logits(name, backend):
    """Whatever follows a line's end."""
    model = make(**MODELS[name])
    logits, _ = model(TOKENS, LENGTHS)
    expected = log_softmax(np.asarray(logits, np.float64), axis=-1)
    others = np.where(np.arange(5) < LENGTHS[:, None], TOKENS, VOCABULARY - 1).astype(np.int32)
    for tokens in (TOKENS, others, TOKENS[:1, :1]):
        (found,) = BACKENDS[backend](lambda g, x: [build_language_model(g, model, x)], [tokens])
        assert found.shape == (*tokens.shape, VOCABULARY)
        for row, length in enumerate(np.minimum(LENGTHS[: len(tokens)], tokens.shape[1])):
            np.testing.assert_allclose(
                found[row, :length], expected[row, :length], rtol=0, atol=5e-6
            )


def test_a_long_line_by_a_transformer():
    """Longer than a line of training, where positions are large numbers."""
    model = make()
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (1, 700)).astype(np.int32)
    logits, _ = model(tokens, np.array([700], np.int32))
    (found,) = BACKENDS["onnx"](lambda g, x: [build_language_model(g, model, x)], [tokens])
    expected = log_softmax(np.asarray(logits, np.float64), axis=-1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


def test_other_encoders_are_refused(monkeypatch):
    monkeypatch.delitem(LANGUAGE_NETWORKS, LSTMLMEncoder)
    with pytest.raises(InputError, match="LSTMLMEncoder") as raised:
        build_language_model(KerasNetworkBuilder(), make(**LSTM), TOKENS)
    (problem,) = raised.value.problems
    assert "language_model.LANGUAGE_NETWORKS" in problem.remedy
