import keras
import numpy as np

from open_seq2seq.config.loading import load_config
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.inference.evaluation import evaluate
from open_seq2seq.inference.recognizer import Recognizer


def test_evaluation_changes_nothing_in_the_model(corpus):
    config = load_config(corpus / "config.py")
    experiment = make_experiment(effective_params(config, [], "eval"), config.base_model, "eval")
    model, recognizer = experiment.model, Recognizer.of(experiment)
    before = [keras.ops.convert_to_numpy(v) for v in model.variables]
    first = evaluate(recognizer, experiment.data)
    second = evaluate(recognizer, experiment.data)
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    assert np.isfinite(first.loss) and first.loss == second.loss
    assert first.errors == second.errors
