"""Exported neural language models: the file against Keras, and what is wrong leaves nothing."""

import json
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.export import language_model
from open_seq2seq.export.language_model import export_language_model
from tests.models.test_language_model import LENGTHS, LSTM, TOKENS, VOCABULARY, make

MODELS = {"lstm": LSTM, "transformer": {}}


def experiment(**changes):
    """A model of seven tokens, with the vocabulary that its data layer would have."""
    symbols = [f"word{number}" for number in range(VOCABULARY)]
    vocabulary = SimpleNamespace(symbols=symbols, begin=0, end=0)
    return SimpleNamespace(model=make(**changes), data=SimpleNamespace(vocabulary=vocabulary))


@pytest.mark.parametrize("name", MODELS)
def test_the_folder(name, tmp_path):
    trained = experiment(**MODELS[name])
    folder = tmp_path / "lm"
    difference = export_language_model(trained, folder, {"checkpoint": "ckpt-1"})
    assert 0 <= difference <= 1e-4
    assert sorted(one.name for one in folder.iterdir()) == ["language_model.json", "model.onnx"]
    description = json.loads((folder / "language_model.json").read_text())
    assert description["symbols"] == trained.data.vocabulary.symbols
    assert (description["begin"], description["end"]) == (0, 0)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    (found,) = session.run(["log_probs"], {"tokens": TOKENS})
    logits, _ = trained.model(TOKENS, LENGTHS)
    probabilities = np.exp(np.asarray(logits, np.float64))
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(np.exp(found[row, :length]), probabilities[row, :length], 1e-4)


def test_a_graph_that_is_wrong_leaves_nothing(tmp_path, monkeypatch):
    trained = experiment()
    graph = language_model.language_model_graph

    def wrong(model, size):
        written = graph(model, size)
        model.bias.assign(np.arange(size, dtype=np.float32))
        return written

    monkeypatch.setattr(language_model, "language_model_graph", wrong)
    with pytest.raises(InputError, match="off"):
        export_language_model(trained, tmp_path / "lm", {})
    assert not list(tmp_path.iterdir())
