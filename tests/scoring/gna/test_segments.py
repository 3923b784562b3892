import numpy as np
import pytest

from open_seq2seq.scoring.gna.segments import Segments, activation_pieces

FUNCTIONS = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}


def by_hand(segments, x):
    """One number, in Python's arithmetic: `>>` rounds down."""
    table = list(zip(segments.x_base, segments.shift, segments.y_base, segments.slope))
    chosen = next((one for one in reversed(table) if one[0] <= x), None)
    if chosen is None:
        return int(table[0][2])
    base, shift, y, slope = map(int, chosen)
    return max(-32768, min(32767, ((int(x) - base) * slope >> shift) + y))


@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("scale", [3e3, 2e5, 3.3e7])
def test_values_are_those_of_whole_numbers(kind, scale):
    segments = Segments.of(kind, scale, 1.0)
    random = np.random.default_rng(5)
    x = np.concatenate([random.integers(-(2**31), 2**31, 300), segments.x_base,
                        segments.x_base - 1, [-(2**31), 2**31 - 1, 0]])  # fmt: skip
    x = np.clip(x, -(2**31), 2**31 - 1)
    found, _ = segments(x.astype(np.float64))
    assert found.tolist() == [by_hand(segments, one) for one in x]


@pytest.mark.parametrize(
    ("allowed", "sigmoid", "tanh"), [(1.0, 0.0062, 0.0124), (0.1, 0.0005, 0.001)]
)
def test_activations_are_within_the_error_of_their_pieces(allowed, sigmoid, tanh):
    x = np.linspace(-12, 12, 4001)
    for kind, error in (("sigmoid", sigmoid), ("tanh", tanh)):
        segments = Segments.of(kind, 1e6, allowed)
        values, _ = segments(np.trunc(x * 1e6))
        # Two steps of the result, whose factor is 2048, on top.
        assert abs(values / 2048 - FUNCTIONS[kind](x)).max() < error + 0.0001 + 2 / 2048


def test_segments_begin_at_multiples_of_4_and_shift_by_bytes():
    segments = Segments.of("sigmoid", 1e5, 1.0)
    assert (segments.x_base % 4 == 0).all()
    assert set(segments.shift.tolist()) <= {8, 16, 24, 32}
    assert len(segments.x_base) == 12  # 5 + 5 and the flat ends


def test_beyond_the_pieces_functions_are_flat():
    segments = Segments.of("sigmoid", 1e5, 1.0)
    values, _ = segments(np.array([-(2.0**31), -11e5, 11e5, 2.0**31 - 1]))
    assert values[0] == values[1] and values[2] == values[3]
    assert 0 <= values[0] <= 13 and 2035 <= values[2] <= 2048


def test_relu_is_exact_and_saturates():
    segments = Segments.of("relu", 2048 * 4.0, 1.0)
    values, saturations = segments(np.array([-1e6, 0, 2048 * 4.0, 2048 * 40.0, 2048 * 400.0]))
    assert values.tolist() == [0, 0, 2048, 20480, 32767]
    assert saturations == 1


def test_identity_keeps_zero_and_changes_the_scale():
    segments = Segments.identity(8192.0, 1024.0)
    values, _ = segments(np.array([0.0, 8192, -8192, 3e6, -3e6]))
    assert values.tolist() == [0, 1024, -1024, 32767, -32768]


def test_clip_bounds_an_lstm_cell():
    segments = Segments.clip(3.0, 8192.0, 1024.0)
    values, _ = segments(np.array([2 * 8192.0, 4 * 8192.0, -4 * 8192.0]))
    assert values.tolist() == [2048, 3072, -3072]


def test_the_step_of_the_sigmoid_at_0():
    """Both halves leave the point (0, 0.5) on their own side, by the error."""
    pieces = activation_pieces("sigmoid", 1.0)
    at_zero = next(one for one in pieces if one.start == 0)
    before = pieces[pieces.index(at_zero) - 1]
    assert at_zero.offset - before.offset == pytest.approx(0.0123, abs=1e-4)
