import numpy as np
import pytest

from open_seq2seq.scoring.gna.tangents import HALVES, fitted

# Pieces of both halves and the largest error, of OpenVINO's own algorithm done by hand.
KNOWN = [
    ("sigmoid", 1.0, (5, 5), "0.0062"), ("tanh", 1.0, (5, 5), "0.0124"),
    ("sigmoid", 0.5, (7, 7), "0.0026"), ("tanh", 0.5, (7, 7), "0.0053"),
    ("sigmoid", 0.1, (14, 14), "0.0005"), ("tanh", 0.1, (14, 14), "0.0010"),
    ("sigmoid", 0.05, (20, 19), "0.00026"), ("tanh", 0.05, (20, 19), "0.00052"),
]  # fmt: skip


def largest_error(half, pieces):
    x = np.linspace(half.low, half.high, 20001)
    place = np.maximum(np.searchsorted([one.start for one in pieces], x, "right") - 1, 0)
    slope = np.array([one.slope for one in pieces])[place]
    offset = np.array([one.offset for one in pieces])[place]
    return abs(slope * x + offset - half.function(x)).max()


@pytest.mark.parametrize(("kind", "allowed", "counts", "error"), KNOWN)
def test_pieces_are_as_many_as_the_plugin_had(kind, allowed, counts, error):
    halves = [fitted(half, allowed) for half in HALVES[kind]]
    assert tuple(map(len, halves)) == counts
    found = max(largest_error(half, one) for half, one in zip(HALVES[kind], halves))
    # Of tanh at 1.0 it is 0.012346, which the source rounded up.
    assert found == pytest.approx(float(error), abs=0.6 * 10.0 ** (2 - len(error)))


def test_the_right_half_of_the_sigmoid():
    pieces = fitted(HALVES["sigmoid"][1], 1.0)
    found = [(one.start, one.slope, one.offset) for one in pieces]
    assert np.round(found, 5) == pytest.approx(
        np.array([
            (0, .22614, .50617), (1.12646, .14209, .60086), (2.00436, .06989, .74557),
            (3.00843, .02342, .88537), (4.50355, .00194, .98213),
        ]), abs=1e-5)  # fmt: skip


def test_halves_mirror_each_other():
    for left, right in HALVES.values():
        mirrored = [-one.slope for one in reversed(fitted(left, 0.5))]
        assert mirrored == pytest.approx([-one.slope for one in fitted(right, 0.5)], abs=1e-9)
