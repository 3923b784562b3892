"""The bounds of `rounding.py` hold in every arithmetic that processors have, and find errors."""

import numpy as np
import pytest

from tests.rounding import (
    UNIT_ROUNDOFF,
    apart,
    assert_within,
    bound,
    random_sums,
    rounded,
    stored,
    worst,
)

ml_dtypes = pytest.importorskip("ml_dtypes")  # NumPy's bfloat16, which TensorFlow brings
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def numbers(dtype, shape, seed=0):
    """Numbers that `dtype` holds exactly; float64."""
    return np.random.default_rng(seed).standard_normal(shape).astype(DTYPES[dtype]).astype(float)


def added_in(dtype, terms, sums="float32"):
    """Sums over the last axis, one term after the other, each kept in `sums`; stored in `dtype`."""
    kind = DTYPES[sums]
    total = np.zeros(terms.shape[:-1], kind)
    for index in range(terms.shape[-1]):
        product = terms[..., index].astype(kind)
        total = (total.astype(float) + product.astype(float)).astype(kind)
    return total.astype(DTYPES[dtype]).astype(float)


@pytest.mark.parametrize("dtype", DTYPES)
def test_unit_roundoff(dtype):
    """1 + u is rounded to 1, what is more is not; no single rounding is worse than `stored`."""
    kind, u = DTYPES[dtype], UNIT_ROUNDOFF[dtype]
    assert kind(1 + u) == 1 and kind(1 + 1.01 * u) > 1
    values = (
        np.random.default_rng(0).standard_normal(10_000)
        * 10.0 ** np.arange(-8, 4).repeat(10_000 // 12 + 1)[:10_000]
    )
    error = np.abs(values.astype(kind).astype(float) - values)
    assert (error <= stored(values, dtype)).all()
    assert (error > 0.4 * stored(values, dtype)).any()


@pytest.mark.parametrize("terms", [5, 33, 400])
@pytest.mark.parametrize(
    ("dtype", "sums"),
    [
        ("float16", "float16"),  # AVX512-FP16: every product and sum is rounded
        ("float16", "float32"),  # any other processor
        ("bfloat16", "float32"),  # AVX512-BF16, AMX
        ("float32", "float32"),
    ],
)
class TestSumsOfProducts:
    """Of 2,000 sums; and the two arithmetics of float16 against each other."""

    def parts(self, dtype, terms):
        one, other = (numbers(dtype, (2000, terms), seed) for seed in (1, 2))
        products = one * other
        return products, np.abs(products).sum(-1)

    def limit(self, dtype, terms):
        # Each term: its product, and its addition.
        return bound(2 * rounded(terms, dtype), dtype) + UNIT_ROUNDOFF[dtype]

    def test_hold(self, dtype, sums, terms):
        products, magnitudes = self.parts(dtype, terms)
        found = added_in(dtype, products, sums)
        assert_within(found, products.sum(-1), self.limit(dtype, terms) * magnitudes)
        other = added_in(dtype, products[:, ::-1], "float32")
        assert_within(found, other, 2 * self.limit(dtype, terms) * magnitudes)

    def test_of_random_sums(self, dtype, sums, terms):
        """Whose bound is smaller, by the square root of half the terms: one in ten is missed."""
        products, _ = self.parts(dtype, terms)
        found, squares = added_in(dtype, products, sums), (products**2).sum(-1)
        exact = products.sum(-1)
        count = rounded(terms, dtype)
        limit = random_sums(2 * count, squares, dtype) + stored(exact, dtype)
        assert_within(found, exact, limit)
        # A term that is left out shows in most of the sums.
        missing = np.abs(products[:, 0]) > limit
        assert missing.mean() > (0.8 if dtype == "float32" else 0.1)

    def test_find_what_is_wrong(self, dtype, sums, terms):
        """A mean that is a sum; a term that is missing, where terms are few."""
        products, magnitudes = self.parts(dtype, terms)
        wrong = [added_in(dtype, 2 * products, sums)]
        if terms < 50:
            wrong.append(added_in(dtype, products[:, 1:], sums))
        for found in wrong:
            with pytest.raises(AssertionError, match="too far off"):
                assert_within(found, products.sum(-1), self.limit(dtype, terms) * magnitudes)


def test_the_smaller_bound_counts():
    assert bound(1, "float16") == worst(1, "float16") == pytest.approx(2**-11, rel=1e-3)
    assert bound(400, "float16") == 4 * 20 * 2.0**-11 < worst(400, "float16")
    assert bound(10_000, "float16") == 4 * 100 * 2.0**-11  # where gamma says nothing
    assert apart(9, "float32") == 2 * bound(9, "float32")
    with pytest.raises(AssertionError, match="may leave nothing"):
        worst(256, "bfloat16")


@pytest.mark.parametrize("found", [np.nan, np.inf, 1.02])
def test_what_is_not_finite_or_too_far_is_found(found):
    with pytest.raises(AssertionError, match=r"1 of 2 values .* at \(1,\)"):
        assert_within(np.array([1.0, found]), np.array([1.0, 1.0]), 0.01, "these")
    assert_within(np.array([1.0, 1.01]), np.array([1.0, 1.005]), 0.01)
    with pytest.raises(AssertionError, match="shapes"):
        assert_within(np.zeros(2), np.zeros(3), 1.0)
