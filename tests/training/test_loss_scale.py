"""When a loss scaler is at work, for every kind of model."""

import pytest

from open_seq2seq.models import precision
from open_seq2seq.training.loss_scale import LossScaling
from tests.models import test_language_model, test_speech2text

BACKOFF = {"loss_scaling": "Backoff", "loss_scaling_params": {}}
LSTM = test_language_model.LSTM
MAKERS = {
    "speech": test_speech2text.make,
    "transformer": test_language_model.make,
    "lstm": lambda policy: test_language_model.make(policy, **LSTM),
}


@pytest.mark.parametrize("model", MAKERS)
@pytest.mark.parametrize("policy", sorted(set(precision.POLICIES.values())))
def test_only_float16_is_scaled(policy, model):
    scaling = LossScaling(BACKOFF, MAKERS[model](policy))
    assert scaling.dynamic == scaling.scales == (policy == "mixed_float16")
    assert scaling.scale == (2.0**14 if scaling.dynamic else 1.0)


def test_an_encoder_with_a_dtype_of_its_own_counts():
    params = test_speech2text.encoder_params(dtype="float16")
    assert LossScaling(BACKOFF, test_speech2text.make("mixed_bfloat16", **params)).dynamic
    assert not LossScaling(BACKOFF, test_speech2text.make("mixed_bfloat16")).dynamic
