"""How far two right computations of one thing may be apart: from the arithmetic, not from a run.

Every operation of floating point is off by at most u times its result, where the unit roundoff
u is half the distance from 1 to the next number (Higham 2002, "Accuracy and Stability of
Numerical Algorithms", section 2.2): 2^-24 in float32, 2^-11 in float16, 2^-8 in bfloat16.

* A result that passes n roundings, in any order, is off by at most gamma(n) = n u / (1 - n u)
  times the sum of the absolute values that were added (lemma 3.1 and section 3.1). So every
  bound here is relative to *magnitudes*: |a1 b1| + |a2 b2| + ... for a sum of products.
* Roundings go up as often as down. With probability 1 - 2 exp(-SURE^2 / 2) at least the bound is
  SURE sqrt(n) u (Higham and Mary 2019, "A New Approach to Probabilistic Rounding Error Analysis",
  theorem 2.4). For long sums it is the smaller one, and still several times what happens.

Which roundings there are depends on the processor; a bound must hold for the worst of them:

* float16: with AVX512-FP16 (or Arm's FP16) every product and every addition is rounded to
  float16; without it a sum is made in float32 and rounded once. `rounded` counts each term.
* bfloat16: the instructions of AVX512-BF16 and AMX, oneDNN and our kernels multiply
  bfloat16 numbers and add in float32: one rounding for each result. TensorFlow's own
  kernels, where oneDNN is off, may round each addition.
* float32: each term of a sum; oneDNN adds in another order for each instruction set.

Where two computations are compared each may be off by the bound, to opposite sides: `apart`.
"""

from __future__ import annotations

import numpy as np

UNIT_ROUNDOFF = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
}
# Below its normal numbers float16 has a fixed distance of 2^-24; the others reach 1e-38.
SMALLEST_ROUNDING = {"float64": 0.0, "float32": 0.0, "bfloat16": 0.0, "float16": 2.0**-25}
# Failures of one value in 1,500 by the theorem, whose bound roundings in fact keep far below.
SURE = 4.0


def worst(count: float, dtype: str) -> float:
    """gamma(count): the largest relative error of `count` roundings."""
    of_all = count * UNIT_ROUNDOFF[dtype]
    assert of_all < 1, f"{count} roundings to {dtype} may leave nothing"
    return of_all / (1 - of_all)


def bound(count: float, dtype: str) -> float:
    """The relative error that `count` roundings stay below, by the smaller of the two bounds."""
    likely = SURE * np.sqrt(count) * UNIT_ROUNDOFF[dtype]
    return min(worst(count, dtype), likely) if count * UNIT_ROUNDOFF[dtype] < 1 else likely


def apart(count: float, dtype: str) -> float:
    """How far two results of `count` roundings each may be apart, relative to the magnitudes."""
    return 2 * bound(count, dtype)


def random_sums(terms: int, squares: np.ndarray, dtype: str) -> np.ndarray:
    """The bound for sums of independent terms of either sign, added one after the other.

    Rounding number k is of a partial sum, whose square is k / terms of the sum of the squares, so
    that all of them together have the deviation u sqrt(terms / 2) sqrt(squares).

    Args:
      squares: of each sum, the sum of its terms' squares.
    """
    return SURE * UNIT_ROUNDOFF[dtype] * np.sqrt(max(terms, 2) / 2 * squares)


def rounded(terms: int, dtype: str, widened: bool = True) -> int:
    """How many roundings a sum of so many products may pass, whatever the processor.

    Args:
      widened: bfloat16 is added in float32.
    """
    return 1 if dtype == "bfloat16" and widened else terms


def stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """The largest error of each of these values for being written once in `dtype`."""
    return UNIT_ROUNDOFF[dtype] * np.abs(values) + SMALLEST_ROUNDING[dtype]


def assert_within(found: np.ndarray, expected: np.ndarray, limit, what: str = "") -> None:
    """Each value is finite and no further from the expected one than its limit.

    Args:
      found, expected: arrays of one shape.
      limit: one number or an array that broadcasts to that shape.
      what: begins the message.
    """
    found, expected = np.float64(found), np.float64(expected)
    assert found.shape == expected.shape, f"{what}: shapes {found.shape} and {expected.shape}"
    far = ~(np.abs(found - expected) <= limit)
    if far.any():
        excess = np.where(far, np.nan_to_num(np.abs(found - expected), nan=np.inf), -1)
        at = tuple(int(i) for i in np.unravel_index(np.argmax(excess), far.shape))
        allowed = np.broadcast_to(limit, far.shape)[at]
        raise AssertionError(
            f"{what}: {far.sum()} of {far.size} values are too far off; at {at} "
            f"found {found[at]:.9g}, expected {expected[at]:.9g} within {allowed:.3g}"
        )
