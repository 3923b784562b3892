"""Clipping by the global norm."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from open_seq2seq.optimizers import clip_by_global_norm, global_norm


def arrays(seed, count, scale, dtype="float32"):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(rng.integers(1, 5), 3)) * scale).astype(dtype) for _ in range(count)]


def clip(gradients, max_norm):
    clipped, norm = clip_by_global_norm(
        [None if g is None else ops.convert_to_tensor(g) for g in gradients], max_norm
    )
    return [None if g is None else ops.convert_to_numpy(g) for g in clipped], float(norm)


def norm_of(gradients):
    return float(np.sqrt(sum(np.sum(np.float64(g) ** 2) for g in gradients)))


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 6),
    scale=st.sampled_from([1e-4, 1.0, 1e6]),
    share=st.floats(0.01, 10.0),
)
def test_one_factor_for_all(seed, count, scale, share):
    gradients = arrays(seed, count, scale)
    expected_norm = norm_of(gradients)
    max_norm = share * expected_norm
    clipped, norm = clip(gradients, max_norm)
    assert norm == pytest.approx(expected_norm, rel=1e-5)
    for before, after in zip(gradients, clipped, strict=True):
        np.testing.assert_allclose(after, before * min(share, 1.0), rtol=1e-5)


def test_small_gradients_are_untouched_to_the_bit():
    gradients = arrays(0, 3, 1.0)
    clipped, _ = clip(gradients, 1e3)
    for before, after in zip(gradients, clipped, strict=True):
        np.testing.assert_array_equal(before, after)


def test_without_a_bound_only_the_norm():
    gradients = arrays(0, 3, 1e4)
    clipped, norm = clip(gradients, None)
    assert norm == pytest.approx(norm_of(gradients), rel=1e-5)
    for before, after in zip(gradients, clipped, strict=True):
        np.testing.assert_array_equal(before, after)


def test_missing_gradients_stay_missing():
    clipped, norm = clip([None, np.array([3.0, 4.0], np.float32), None], 1.0)
    assert clipped[0] is None
    assert clipped[2] is None
    np.testing.assert_allclose(clipped[1], [0.6, 0.8], rtol=1e-6)
    assert norm == pytest.approx(5.0)
    assert float(global_norm([None])) == 0.0


def test_zero_gradients():
    clipped, norm = clip([np.zeros(3, np.float32)], 1.0)
    assert norm == 0.0
    np.testing.assert_array_equal(clipped[0], 0.0)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_norm_that_is_not_finite_spoils_everything(bad):
    clipped, norm = clip([np.array([bad, 1.0], np.float32), np.ones(2, np.float32)], 1.0)
    assert not np.isfinite(norm)
    assert np.isnan(clipped[0]).all()
    assert np.isnan(clipped[1]).all()


def test_half_precision_is_summed_in_float32():
    """The sum of squares, 4e8, is beyond float16's 65504."""
    gradients = [np.full(4, 1e4, np.float16)]
    clipped, norm = clip(gradients, 1e4)
    assert norm == pytest.approx(2e4, rel=1e-3)
    assert clipped[0].dtype == np.float16
    np.testing.assert_allclose(clipped[0], 5e3, rtol=1e-3)
