"""What is folded into kernels, against the layers in NumPy."""

import numpy as np
import pytest
from scipy.signal import correlate

from open_seq2seq.export.networks.folding import affine_of, total, without_strided_dilation
from open_seq2seq.layers.normalization import BatchNorm
from tests.encoders.encoder_checks import scramble


def test_batch_norm_in_evaluation():
    norm = BatchNorm(epsilon=0.01)
    norm.build((None, None, 3))
    scramble(norm)
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    gamma, beta, mean, variance = (np.asarray(v, np.float64) for v in norm.variables)
    expected = (x - mean) / np.sqrt(variance + 0.01) * gamma + beta
    scale, shift = affine_of(norm)
    np.testing.assert_allclose(x * scale + shift, expected, rtol=1e-12)


def test_without_a_norm_nothing_changes():
    scale, shift = affine_of(None)
    assert scale == 1 and shift is None


def test_shifts_add_up():
    one, two = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    assert total([None, one, None, two]).tolist() == [4.0, 7.0]
    assert one.tolist() == [1.0, 2.0], "an argument stays as it is"
    assert total([None]) is None


@pytest.mark.parametrize(("stride", "dilation"), [((1,), (3,)), ((2,), (1,))])
def test_a_stride_or_a_dilation_alone_stays(stride, dilation):
    kernel = np.arange(8.0).reshape(4, 2)
    assert without_strided_dilation(kernel, stride, dilation) == (kernel, dilation)


def test_both_together_become_zeros_between_the_taps():
    kernel = np.random.default_rng(0).standard_normal((3, 2))
    spread, dilation = without_strided_dilation(kernel, (2,), (3,))
    assert spread.shape == (7, 2) and dilation == (1,)
    signal = np.random.default_rng(1).standard_normal((20, 2))
    expected = [sum(signal[t + 3 * i] @ kernel[i] for i in range(3)) for t in range(14)]
    np.testing.assert_allclose(correlate(signal, spread, "valid")[:, 0], expected)
    image, dilation = without_strided_dilation(np.ones((2, 3, 1, 1)), (1, 2), (2, 3))
    assert image.shape == (3, 7, 1, 1) and dilation == (1, 1) and image.sum() == 6
