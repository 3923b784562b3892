import numpy as np
import pytest

from open_seq2seq import Recognizer
from open_seq2seq.scoring.opening import open_model
from tests.training.conftest import learned  # noqa: F401


@pytest.mark.slow
def test_a_log_directory_scores_its_front_end_s_features(learned):  # noqa: F811
    model = open_model(learned)
    recognizer = Recognizer.load(learned.parent / "config.py", [f"--logdir={learned}"])
    samples = np.random.default_rng(0).normal(size=4000).astype(np.float32) / 10
    features = recognizer.front_end(samples)
    (found,) = model.score([{"features": features}], ["log_probs", "logits"])
    assert np.abs(found["log_probs"] - recognizer.log_probs(samples)).max() < 1e-4
    assert found["logits"].shape == found["log_probs"].shape
