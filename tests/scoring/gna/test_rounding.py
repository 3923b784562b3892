import numpy as np
import pytest

from open_seq2seq.scoring.gna.rounding import INT8, INT16, INT32, count_outside, quantized


def test_halves_go_away_from_zero():
    values = np.array([-1.5, -0.5, -0.4, 0, 0.4, 0.5, 1.5, 2.5], np.float32)
    assert quantized(values, 1, INT16).tolist() == [-2, -1, 0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize(("limits", "low", "high"), [
    (INT8, -128, 127), (INT16, -32768, 32767), (INT32, -(2**31), 2**31 - 1),
])  # fmt: skip
def test_what_is_too_large_saturates(limits, low, high):
    assert quantized(np.array([-1e30, 1e30], np.float32), 1, limits).tolist() == [low, high]


def test_rows_have_factors_of_their_own():
    values = np.array([[1.0, 2.0], [1.0, 2.0]], np.float32)
    assert quantized(values, np.array([[10], [100]]), INT16).tolist() == [[10, 20], [100, 200]]


def test_what_saturates_is_counted():
    assert count_outside(np.array([-32769, -32768, 32767, 32768, 1e9]), INT16) == 3
