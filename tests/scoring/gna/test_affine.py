import math

import numpy as np
import pytest

from open_seq2seq.errors import RunError
from open_seq2seq.scoring.gna.affine import IntegerAffine, IntegerDiagonal, block_size

LOW, HIGH = -(2**31), 2**31 - 1


def clamp(value):
    return max(LOW, min(HIGH, value))


def away(value):
    """Half away from zero, in float32 as the plugin."""
    value = np.float32(value)
    return math.trunc(float(value + np.float32(0.5 if value > 0 else -0.5)))


def reference(affine, x, block):
    """The sums with Python's whole numbers, one after the other."""
    rows = []
    for frame in x:
        row = []
        for weights, bias, multiplier in zip(affine.weight, affine.bias, affine.multiplier):
            total = int(bias)
            for start in range(0, len(weights), block):
                products = zip(weights[start : start + block], frame[start : start + block])
                total = clamp(total + int(multiplier) * sum(int(w) * int(v) for w, v in products))
            row.append(total)
        rows.append(row)
    return np.array(rows)


@pytest.fixture(scope="module")
def numbers():
    random = np.random.default_rng(3)
    weight = random.normal(size=(7, 20)).astype(np.float32)
    weight[2] *= 0.01  # a row of small weights
    bias = random.normal(size=7).astype(np.float32)
    x = random.integers(-32768, 32768, (5, 20)).astype(np.float64)
    return weight, bias, x


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("block", [20, 6])
def test_sums_are_those_of_whole_numbers(numbers, bits, block):
    weight, bias, x = numbers
    affine = IntegerAffine.quantize(weight, bias, 2048.0, bits)
    found, saturations = affine(x, block)
    assert np.array_equal(found, reference(affine, x, block))
    assert saturations == 0 or bits == 8


def test_weights_of_16_bits(numbers):
    weight, bias, _ = numbers
    affine = IntegerAffine.quantize(weight, bias, 2048.0, 16)
    assert affine.multiplier.tolist() == [1] * 7
    expected = [
        [away(np.float32(w) * np.float32(affine.weight_scale)) for w in row] for row in weight
    ]
    assert affine.weight.tolist() == expected
    assert abs(affine.weight).max() == 16384


def test_weights_of_8_bits_have_a_multiplier_for_each_row(numbers):
    weight, bias, _ = numbers
    affine = IntegerAffine.quantize(weight, bias, 300.0, 8)
    scale = affine.weight_scale
    for row, whole, multiplier in zip(weight, affine.weight, affine.multiplier):
        largest = float(abs(row).max())
        assert multiplier == max(1, math.floor(largest * scale / 127 + 0.5))
        assert whole.tolist() == [
            max(-128, min(127, away(np.float32(w) * (np.float32(scale) / np.float32(multiplier)))))
            for w in row
        ]
    assert affine.multiplier.max() == 230
    assert affine.multiplier[2] < 10


def test_sums_are_near_those_of_floats(numbers):
    weight, bias, x = numbers
    real = (x / 2048) @ weight.T.astype(np.float64) + bias
    for bits, allowed in ((16, 0.01), (8, 1.5)):
        affine = IntegerAffine.quantize(weight, bias, 2048.0, bits)
        # Away from saturation.
        total, _ = affine(np.trunc(x / 16), 20)
        near = total / affine.output_scale
        assert abs(near - ((real - bias) / 16 + bias)).max() < allowed


def test_a_sum_saturates_after_each_block():
    weight = np.array([[32767.0] * 3 + [-32768.0] * 3])
    affine = IntegerAffine(weight, np.zeros(1), np.ones(1), 1, 1, 1, 16)
    x = np.full((1, 6), 32767.0)
    together, saturations = affine(x, 6)
    assert (together.tolist(), saturations) == ([[3 * 32767 * (32767 - 32768)]], 0)
    cut, saturations = affine(x, 3)
    assert (cut.tolist(), saturations) == ([[2**31 - 1 - 3 * 32768 * 32767]], 1)


@pytest.mark.parametrize(("frames", "generation", "size"), [
    (1, 2, 12288), (3, 2, 4032), (8, 2, 1536), (1, 3, 16384), (8, 3, 2048),
])  # fmt: skip
def test_blocks_are_those_of_the_buffers(frames, generation, size):
    assert block_size(frames, generation) == size


def test_a_row_beyond_the_largest_multiplier_is_refused(monkeypatch):
    import open_seq2seq.scoring.gna.affine as module

    monkeypatch.setattr(module, "LARGEST_MULTIPLIER", 100)
    with pytest.raises(RunError, match=r"multiplier 230, more than 100.*-qb 16"):
        IntegerAffine.quantize(np.ones((2, 2), np.float32), None, 1.0, 8)


def test_diagonal_layers_are_element_by_element():
    scale, offset = np.array([2.0, -1.0], np.float32), np.array([0.5, 0.25], np.float32)
    layer = IntegerDiagonal.quantize(scale, offset, 1000.0)
    x = np.array([[1000.0, 2000.0]])
    total, saturations = layer(x)
    assert saturations == 0
    assert total / layer.output_scale == pytest.approx(np.array([[2.5, -1.75]]), abs=1e-4)
    assert np.array_equal(total, x * layer.weight + layer.bias)
