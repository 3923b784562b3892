"""The order of drawn numbers: NumPy's stable one, also where numbers are nearly or quite alike."""

import numpy as np
import pytest

from open_seq2seq.data import drawn_order
from open_seq2seq.data.drawn_order import increasing


@pytest.mark.parametrize("count", [0, 1, 2, 5000])
@pytest.mark.parametrize("values", [None, 1, 3, 50])
def test_it_is_numpys(count, values):
    rng = np.random.default_rng(count)
    drawn = rng.random(count)
    if values:
        # Runs of numbers that differ in their last bits only, and equal ones.
        drawn = rng.integers(values, size=count) / values + rng.integers(3, size=count) * 2.0**-53
    np.testing.assert_array_equal(increasing(drawn), np.argsort(drawn, kind="stable"))


def test_more_than_fit(monkeypatch):
    monkeypatch.setattr(drawn_order, "_PLACE_BITS", 4)
    drawn = np.random.default_rng(0).random(100)
    np.testing.assert_array_equal(increasing(drawn), np.argsort(drawn, kind="stable"))
