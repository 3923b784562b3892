"""How far a quantised model is from the trained one."""

import numpy as np
from scipy.special import log_softmax, rel_entr

from open_seq2seq.export.quantization import calibration
from open_seq2seq.export.quantization.calibration import Calibration


class Trained:
    """Log-probabilities that are drawn from the samples."""

    def log_probs(self, samples, noise=0.0):
        rng = np.random.default_rng(len(samples))
        logits = rng.standard_normal((len(samples) // 10, 5))
        return log_softmax(logits + noise * rng.standard_normal(logits.shape), axis=-1)


def test_the_divergence_is_the_mean_over_all_frames(monkeypatch):
    trained = Trained()

    class Loaded:
        def __init__(self, path, runtime):
            assert (path, runtime) == ("a file", "a runtime")

        def log_probs(self, samples):
            return trained.log_probs(samples, noise=0.3)

    monkeypatch.setattr(calibration, "LoadedModel", Loaded)
    recordings = tuple(np.zeros(count, np.float32) for count in (50, 210, 90))
    found = Calibration(trained, recordings).divergence("a file", "a runtime")
    frames = [
        rel_entr(np.exp(trained.log_probs(one)), np.exp(trained.log_probs(one, 0.3))).sum(axis=1)
        for one in recordings
    ]
    assert found > 0.01
    np.testing.assert_allclose(found, np.concatenate(frames).mean(), rtol=1e-9)


def test_a_model_is_not_far_from_itself(monkeypatch):
    trained = Trained()
    monkeypatch.setattr(calibration, "LoadedModel", lambda path, runtime: trained)
    assert Calibration(trained, (np.zeros(100),)).divergence("a file", "a runtime") == 0
