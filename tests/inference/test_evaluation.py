import keras
import numpy as np
import pytest

from open_seq2seq.config.loading import load_config
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.inference.evaluation import evaluate
from open_seq2seq.inference.recognizer import Recognizer


@pytest.fixture
def experiment(corpus):
    config = load_config(corpus / "config.py")
    return make_experiment(effective_params(config, [], "eval"), config.base_model, "eval")


def test_evaluation_changes_nothing_in_the_model(experiment):
    model, recognizer = experiment.model, Recognizer.of(experiment)
    before = [keras.ops.convert_to_numpy(v) for v in model.variables]
    first = evaluate(recognizer, experiment.data)
    second = evaluate(recognizer, experiment.data)
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    assert np.isfinite(first.loss) and first.loss == second.loss
    assert first.errors == second.errors


def test_lengths_are_asked_for_once_and_the_shortest_come_first(experiment, monkeypatch):
    """Each time all of them are computed."""
    asked, loaded = [], []
    kind = type(experiment.data)
    seconds, loader = kind.seconds.fget, kind.utterance_loader

    def counted(self):
        asked.append(seconds(self))
        return asked[-1]

    def noted(self):
        load = loader(self)
        return lambda row: loaded.append(row) or load(row)

    monkeypatch.setattr(kind, "seconds", property(counted))
    monkeypatch.setattr(kind, "utterance_loader", noted)
    recognizer = Recognizer.of(experiment)
    recognizer.transcriber.threads = 1
    asked.clear()
    evaluate(recognizer, experiment.data)
    (lengths,) = asked
    assert sorted(loaded) == list(range(len(lengths)))
    assert [lengths[row] for row in loaded] == sorted(lengths)
