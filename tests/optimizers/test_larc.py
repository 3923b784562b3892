"""LARC against its formulas in NumPy."""

import numpy as np
import pytest
from keras import ops

from open_seq2seq.errors import InputError
from open_seq2seq.models.params import SPEECH2TEXT
from open_seq2seq.optimizers import LARC, apply_larc


def factor(weights, gradient, rate, larc_eta, larc_mode="clip", min_update=1e-7, epsilon=1e-7):
    """One variable's factor, in float64."""
    w, g = np.linalg.norm(np.float64(weights)), np.linalg.norm(np.float64(gradient))
    if larc_mode == "scale":
        return max(larc_eta * w / (g + epsilon), min_update)
    if rate == 0:
        return 1.0 if w else min_update
    return min(1.0, max(larc_eta * w / (rate * (g + epsilon)), min_update))


def larc(gradients, weights, rate, **params):
    shaped, report = apply_larc(
        [None if g is None else ops.convert_to_tensor(g) for g in gradients],
        [ops.convert_to_tensor(w) for w in weights],
        rate,
        LARC.parse(params),
    )
    shaped = [None if g is None else ops.convert_to_numpy(g) for g in shaped]
    return shaped, [ops.convert_to_numpy(values) for values in report]


def numbers(seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(3, 4, 5), (5,), (7, 2), (), (6,)]
    weights = [(10.0 ** rng.uniform(-3, 2) * rng.normal(size=s)).astype(np.float32) for s in shapes]
    gradients = [
        (10.0 ** rng.uniform(-3, 2) * rng.normal(size=s)).astype(np.float32) for s in shapes
    ]
    weights[1][:] = 0.0  # a bias at its start
    gradients[2][:] = 0.0
    return weights, gradients


@pytest.mark.parametrize("mode", ["clip", "scale"])
@pytest.mark.parametrize("rate", [0.0, 1e-4, 0.1, 10.0])
@pytest.mark.parametrize("seed", range(4))
def test_both_modes_by_their_formulas(mode, rate, seed):
    weights, gradients = numbers(seed)
    params = {"larc_eta": 0.01, "larc_mode": mode, "min_update": 1e-6, "epsilon": 1e-5}
    shaped, (clip_on, update, final_rate) = larc(gradients, weights, rate, **params)
    factors = [factor(w, g, rate, **params) for w, g in zip(weights, gradients)]
    for found, gradient, wanted in zip(shaped, gradients, factors, strict=True):
        np.testing.assert_allclose(found, np.float64(gradient) * wanted, rtol=1e-5)
    np.testing.assert_allclose(update, factors, rtol=1e-5)
    np.testing.assert_allclose(final_rate, np.multiply(factors, rate), rtol=1e-5)
    np.testing.assert_array_equal(clip_on, np.less(factors, 1.0))


def test_clip_bounds_the_step_relative_to_the_weights():
    weights, gradients = [np.full(4, 2.0, np.float32)], [np.full(4, 100.0, np.float32)]
    shaped, _ = larc(gradients, weights, 0.5, larc_eta=0.001)
    assert 0.5 * np.linalg.norm(shaped[0]) == pytest.approx(0.001 * np.linalg.norm(weights[0]))
    gradients = [np.full(4, 1e-6, np.float32)]
    np.testing.assert_array_equal(larc(gradients, weights, 0.5, larc_eta=0.001)[0][0], gradients[0])


def test_a_variable_of_zeros_gets_the_smallest_factor():
    shaped, _ = larc([np.ones(3, np.float32)], [np.zeros(3, np.float32)], 0.1, larc_eta=0.1)
    np.testing.assert_allclose(shaped[0], 1e-7, rtol=1e-6)


def test_missing_gradients_stay_missing_and_types_stay():
    gradients = [None, np.full(3, 300.0, np.float16)]
    weights = [np.ones(2, np.float32), np.full(3, 300.0, np.float16)]
    shaped, report = larc(gradients, weights, 1.0, larc_eta=0.5)
    assert shaped[0] is None and shaped[1].dtype == np.float16 and report[0].shape == (1,)
    np.testing.assert_allclose(shaped[1], 150.0, rtol=1e-3)  # the norm is beyond float16's square


def test_parameters():
    assert LARC.parse({"larc_eta": 0.001}) == {
        "larc_eta": 0.001, "larc_mode": "clip", "min_update": 1e-7, "epsilon": 1e-7
    }  # fmt: skip
    with pytest.raises(InputError, match="larc_eta"):
        LARC.parse({})
    with pytest.raises(InputError, match="clip, scale"):
        LARC.parse({"larc_eta": 0.1, "larc_mode": "clipp"})


def test_a_config_may_not_have_it_beside_clipping():
    check = SPEECH2TEXT.check
    assert [str(p) for p in check({"larc_params": {"larc_eta": 0.1}}, "")] == []
    problems = [str(p) for p in check({"larc_params": {"larc_eta": 0.1}, "max_grad_norm": 1.0}, "")]
    assert len(problems) == 1 and "larc_params, max_grad_norm" in problems[0]
