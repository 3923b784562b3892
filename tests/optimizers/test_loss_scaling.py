"""The loss scalers: golden sequences, and formulas evaluated another way in NumPy."""

import json

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.models.params import SPEECH2TEXT
from open_seq2seq.optimizers import LOSS_SCALERS, BackoffScaler, LogMaxScaler


def scales(scaler, steps):
    """The scale of each step; `steps` holds each one's largest gradient, not finite or a number."""
    used = []
    for largest in steps:
        used.append(scaler.scale)
        scaler.update(bool(np.isfinite(largest)), largest)
    return used


class TestBackoff:
    def test_the_sequence_of_the_original(self):
        scaler = BackoffScaler({"scale_max": 1024, "step_window": 3})
        steps = [1.0, 1.0, np.nan, 1.0, 1.0, 1.0, 1.0]
        assert scales(scaler, steps) == [1024, 1024, 1024, 512, 512, 512, 1024]

    def test_by_hand(self):
        """Up after every window without an overflow, down at each one, within the bounds."""
        params = {"scale_min": 2, "scale_max": 8, "step_factor": 2, "step_window": 2}
        inf = np.inf
        steps = [1, 1, inf, inf, inf, 1, 1, 1, 1, 1, inf, 1, 1]
        expected = [8, 8, 8, 4, 2, 2, 2, 4, 4, 8, 8, 4, 4]
        assert scales(BackoffScaler(params), steps) == expected

    def test_defaults(self):
        scaler = BackoffScaler()
        assert scaler.scale == 2**14
        assert scaler.params == {
            "scale_min": 1, "scale_max": 2**14, "step_factor": 2, "step_window": 2000
        }  # fmt: skip
        scales(scaler, [np.inf] * 14)
        assert scaler.scale == 1 and scaler.at_minimum
        used = scales(scaler, [1.0] * 4001)
        assert used[1999] == 1 and used[2000] == 2 and used[4000] == 4


def log_max_scale(history, log_max=16.0, beta1=0.99, beta2=0.999, deviations=3.09):
    """The scale after `history` of exponents, from weighted means over all of it."""
    x = np.array(history, np.float64)
    age = np.arange(len(x))[::-1]

    def mean(values, beta):
        return np.sum(beta**age * values) / np.sum(beta**age)

    variance = mean(x**2, beta2) - mean(x, beta2) ** 2
    limit = mean(x, beta1) + deviations * np.sqrt(max(variance, 0.0))
    return float(np.clip(2.0 ** (log_max - limit), 1.0, 2.0**14))


class TestLogMax:
    @pytest.mark.parametrize("params", [{}, {"log_max": 12.0, "beta1": 0.9, "beta2": 0.95}])
    def test_against_weighted_means_of_the_whole_history(self, params):
        rng = np.random.default_rng(0)
        exponents = 4 + 2 * rng.standard_normal(300)
        limit = params.get("log_max", 16.0)
        exponents[[0, 100, 101, 250]] = limit  # overflows
        scaler = LogMaxScaler(params)
        assert scaler.scale == 1.0
        for count, x in enumerate(exponents, 1):
            scaler.update(x != limit, 2.0**x if x != limit else np.inf)
            if count == 1:
                continue  # one value has no deviation but what rounding leaves of it
            expected = log_max_scale(
                exponents[:count], limit, params.get("beta1", 0.99), params.get("beta2", 0.999)
            )
            assert scaler.scale == pytest.approx(expected, rel=1e-5), count

    def test_one_overflow_is_soon_forgotten(self):
        """As the original counted it, x = 2^16, the scale is 1 for thousands of steps."""
        scaler = LogMaxScaler()
        scales(scaler, [1.0] * 100)
        assert scaler.scale == 2**14
        scaler.update(False, np.inf)
        assert scaler.scale > 2**9
        scales(scaler, [1.0] * 100)
        assert scaler.scale > 2**10
        original = [0.0] * 100 + [2.0**16] + [0.0] * 3000
        assert log_max_scale(original) == 1.0

    def test_an_overflow_at_the_start_too(self):
        scaler = LogMaxScaler()
        used = scales(scaler, [np.inf] + [1.0] * 60)
        assert used[1] == 1.0 and used[20] > 2 and used[60] > 2**8

    def test_gradients_of_zero_say_nothing(self):
        scaler = LogMaxScaler()
        scales(scaler, [1.0, 2.0, 1.0])
        before = scaler.state()
        scaler.update(True, 0.0)
        assert scaler.state() == before

    def test_the_scale_follows_small_gradients_up_to_its_bound(self):
        scaler = LogMaxScaler({"scale_max": 2.0**40})
        scales(scaler, [2.0**-12] * 50)
        assert scaler.scale == pytest.approx(2.0**28)
        scales(scaler, [1e-38] * 2000)
        assert scaler.scale == 2.0**40


@pytest.mark.parametrize("name", LOSS_SCALERS)
def test_resuming_is_exact(name):
    rng = np.random.default_rng(1)
    steps = [np.inf if rng.random() < 0.05 else 2.0 ** rng.normal(3, 2) for _ in range(400)]
    params = {"step_window": 7} if name == "Backoff" else {}
    whole = LOSS_SCALERS[name](params)
    expected = scales(whole, steps)
    first = LOSS_SCALERS[name](params)
    used = scales(first, steps[:173])
    second = LOSS_SCALERS[name](params)
    second.restore(json.loads(json.dumps(first.state())))
    assert used + scales(second, steps[173:]) == expected and len(set(expected)) >= 3


@pytest.mark.parametrize("name", LOSS_SCALERS)
def test_schemas(name):
    assert LOSS_SCALERS[name].PARAMS.name == name
    schema = SPEECH2TEXT.by_name["loss_scaling_params"].schema_for({"loss_scaling": name})
    assert schema is LOSS_SCALERS[name].PARAMS
    with pytest.raises(InputError, match="scale_min"):
        LOSS_SCALERS[name]({"scale_mni": 1})


def test_an_unknown_scaler_is_refused():
    problems = [str(p) for p in SPEECH2TEXT.check({"loss_scaling": "Backof"}, "")]
    assert len(problems) == 1 and "Did you mean Backoff?" in problems[0]
