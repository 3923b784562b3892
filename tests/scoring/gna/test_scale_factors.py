import numpy as np
import pytest

from open_seq2seq.scoring.gna.scale_factors import (
    activation_scale_factor,
    affine_scale_factors,
    encoded_slope,
    input_scale_factor,
    signed_scale_factor,
    slope_code,
)


def test_the_largest_feature_becomes_half_of_int16():
    # The sample's own features of WSJ: their largest is 7.5314 and the factor 2175.43.
    features = np.array([[7.5314, -7.2], [1, 2]], np.float32)
    assert input_scale_factor(features) == pytest.approx(2175.43, abs=0.01)


def test_the_python_sample_looked_at_the_sign():
    features = np.array([[-4.0, -2.0]], np.float32)
    assert input_scale_factor(features) == 4096
    assert signed_scale_factor(features) == -8192


def test_silence_has_the_factor_1():
    assert input_scale_factor(np.zeros((3, 2), np.float32)) == 1
    assert signed_scale_factor(np.zeros((3, 2), np.float32)) == 1


def test_16_bit_weights_fill_half_of_their_range():
    weight = np.array([[0.5, -2.0]], np.float32)
    assert affine_scale_factors(weight, None, 100, 16) == (8192, 819200)


def test_a_large_bias_bounds_the_factor_of_the_sums():
    weight, bias = np.array([[1.0]], np.float32), np.array([2.0**14], np.float32)
    scale, of_sums = affine_scale_factors(weight, bias, 2048, 16)
    assert of_sums == 2**30 / 2**14  # instead of 16384 * 2048
    assert scale == of_sums / 2048


def test_8_bit_weights_have_multipliers_up_to_230():
    weight = np.array([[1.0, -0.5]], np.float32)
    assert affine_scale_factors(weight, None, 10, 8) == (127 * 230, 127 * 2300)


def test_8_bit_factors_are_halved_where_sums_would_pass_int32_30_times():
    weight = np.array([[1.0]], np.float32)
    # 29210 * s * s against 30 * 2**31 = 6.44e10: between factors of 1484 and 1485.
    assert affine_scale_factors(weight, None, 1484, 8)[0] == 29210
    assert affine_scale_factors(weight, None, 1486, 8)[0] == 29210 / 2


@pytest.mark.parametrize(("kind", "sums", "scale"), [
    ("sigmoid", 1e6, 2048), ("tanh", 1e9, 2048), ("relu", 1e6, 2048), ("relu", 1048577, 1024),
])  # fmt: skip
def test_activations_have_fixed_factors(kind, sums, scale):
    assert activation_scale_factor(kind, sums) == scale


def test_identity_takes_the_factor_with_the_larger_slope():
    for sums in (1e3, 2e4, 3e6, 5e7):
        chosen = activation_scale_factor("identity", sums)
        assert chosen in (2049, 1024.5)
        other = 2049 + 1024.5 - chosen
        assert encoded_slope(1, sums, chosen) >= encoded_slope(1, sums, other)


def test_slopes_take_as_many_bits_as_fit():
    assert slope_code(0.001) == (16777, 2)  # 0.001 * 2**24; 2**32 would be 4294967
    assert slope_code(0.000001) == (4295, 3)
    assert slope_code(1.0) == (256, 0)
    assert slope_code(-0.4) == (-26214, 1)
    assert slope_code(1000.0) == (32767, 0)
