"""Filling in a policy's parameters from the length of the training, and checking them."""

import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.optimizers import fill_policy_params, make_lr_schedule
from open_seq2seq.optimizers.lr_policies import (
    cosine_decay,
    exp_decay,
    fixed_lr,
    piecewise_constant,
    poly_decay,
)


class TestFillPolicyParams:
    def test_decay_to_the_end_after_the_warmup(self):
        filled = fill_policy_params(
            cosine_decay, {"learning_rate": 0.1, "warmup_steps": 100}, last_step=1000
        )
        assert filled["begin_decay_at"] == 100
        assert filled["decay_steps"] == 900
        assert cosine_decay(1000, **filled) == pytest.approx(0.0)

    def test_a_later_begin_stays(self):
        params = {"learning_rate": 0.1, "warmup_steps": 100, "begin_decay_at": 300}
        filled = fill_policy_params(poly_decay, params, last_step=1000)
        assert (filled["begin_decay_at"], filled["decay_steps"]) == (300, 700)

    def test_without_warmup_argument(self):
        params = {"learning_rate": 0.1, "decay_rate": 0.5, "use_staircase_decay": False}
        filled = fill_policy_params(exp_decay, {**params, "begin_decay_at": 50}, last_step=1000)
        assert (filled["begin_decay_at"], filled["decay_steps"]) == (50, 950)

    def test_given_decay_steps_leave_everything_alone(self):
        params = {"learning_rate": 0.1, "decay_steps": 500, "warmup_steps": 100}
        assert fill_policy_params(poly_decay, params, last_step=1000) == params

    def test_training_shorter_than_the_warmup_only_warms_up(self):
        params = {"learning_rate": 0.1, "warmup_steps": 1000}
        filled = fill_policy_params(cosine_decay, params, last_step=20)
        assert cosine_decay(20, **filled) == pytest.approx(0.1 * 20 / 1000)

    def test_steps_per_epoch(self):
        params = {"learning_rate": 0.1, "boundaries": [1], "decay_rates": [0.5]}
        filled = fill_policy_params(piecewise_constant, params, 1000, steps_per_epoch=40)
        assert filled["steps_per_epoch"] == 40
        assert piecewise_constant(41, **filled) == 0.05
        filled = fill_policy_params(piecewise_constant, params, 1000, steps_per_epoch=None)
        assert piecewise_constant(2, **filled) == 0.05

    def test_policies_without_these_arguments_are_untouched(self):
        assert fill_policy_params(fixed_lr, {"learning_rate": 1.0}, 1000, 40) == {
            "learning_rate": 1.0
        }

    def test_functions_of_the_user(self):
        def linear(global_step, learning_rate, decay_steps, steps_per_epoch):
            return learning_rate * (1 - global_step / decay_steps)

        filled = fill_policy_params(linear, {"learning_rate": 1.0}, 200, 20)
        assert filled == {"learning_rate": 1.0, "decay_steps": 200, "steps_per_epoch": 20}


class TestMakeLrSchedule:
    def test_binds_a_named_policy(self):
        params = {"learning_rate": 1, "warmup_steps": 10, "power": 2}
        schedule = make_lr_schedule("poly_decay", params, last_step=110)
        assert schedule(5) == 0.5
        assert schedule(60) == pytest.approx(0.25)
        assert isinstance(schedule(10), float)

    def test_binds_a_function_of_the_user(self):
        def linear(global_step, learning_rate, decay_steps):
            return learning_rate * (1 - global_step / decay_steps)

        assert make_lr_schedule(linear, {"learning_rate": 1.0}, last_step=100)(25) == 0.75

    def test_all_problems_at_once(self):
        params = {"warmup_stepz": 10, "power": "two", "decay_steps": 0}
        with pytest.raises(InputError) as error:
            make_lr_schedule("poly_decay", params, last_step=110)
        text = str(error.value)
        assert "Did you mean warmup_steps?" in text
        assert "lr_policy_params/learning_rate" in text
        assert "lr_policy_params/power" in text
        assert "lr_policy_params/decay_steps: found 0" in text

    def test_unknown_policy(self):
        with pytest.raises(InputError, match="Did you mean cosine_decay"):
            make_lr_schedule("cosine", {}, last_step=110)

    def test_wrong_arguments_of_a_users_function(self):
        def linear(global_step, learning_rate):
            return learning_rate

        with pytest.raises(InputError, match=r"'rate'.*arguments of linear"):
            make_lr_schedule(linear, {"rate": 1.0}, last_step=110)

    @pytest.mark.parametrize(
        ("boundaries", "factors", "message"),
        [([1, 2], [0.1], "one for each of 2"), ([2, 1], [0.1, 0.2], "increasing")],
    )
    def test_pieces_must_fit(self, boundaries, factors, message):
        params = {"learning_rate": 0.1, "boundaries": boundaries, "decay_rates": factors}
        with pytest.raises(InputError, match=message):
            make_lr_schedule("piecewise_constant", params, last_step=110)
