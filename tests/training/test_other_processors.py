"""Trainings on processors that round elsewhere: within the limits that tests of workers have.

Such a processor is one that rounds at random (Parker 1997, "Monte Carlo Arithmetic"; Vignes 1993,
CESTAC): every result of a convolution or a normalization, forth and back, is moved by up to
so many units (`AS_FAR`): one rounding in bfloat16; in float16 a native sum of 72 products is off by
sqrt(72 / 2) / sqrt(3) = 3.5.
"""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.layers import convolution, normalization
from tests.distributed.mathematics import CASES, in_turn, limits
from tests.machines import need_bfloat16
from tests.rounding import UNIT_ROUNDOFF, assert_within

AS_FAR = {"bfloat16": 1.0, "float16": 3.5}


class Processor:
    """Rounds the results of the encoder's operations at random."""

    def __init__(self, seed: int, dtype: str):
        self.generator = tf.random.Generator.from_seed(seed)
        self.unit = AS_FAR[dtype] * UNIT_ROUNDOFF[dtype]

    def moved(self, values):
        noise = self.generator.uniform(tf.shape(values), -self.unit, self.unit)
        return tf.cast(tf.cast(values, tf.float32) * (1 + noise), values.dtype)

    def rounded(self, values, forth=True):
        """The values, and the gradient that goes back through them, moved."""

        @tf.custom_gradient
        def passed(values):
            return (self.moved(values) if forth else tf.identity(values)), self.moved

        return passed(tf.convert_to_tensor(values))

    def of(self, operation):
        def operated(inputs, kernel, *rest):
            inputs, kernel = (self.rounded(one, forth=False) for one in (inputs, kernel))
            return self.rounded(operation(inputs, kernel, *rest))

        return operated

    def of_normalization(self, operation):
        def operated(*arguments, **options):
            outputs, mean, variance = operation(*arguments, **options)
            return self.rounded(outputs), mean, variance

        return operated

    @contextlib.contextmanager
    def computing(self):
        with pytest.MonkeyPatch.context() as patch:
            for name in ("convolve", "depthwise_convolve"):
                patch.setattr(convolution, name, self.of(getattr(convolution, name)))
            name = "batch_normalize"
            patch.setattr(normalization, name, self.of_normalization(getattr(normalization, name)))
            yield


def trained(case, seed):
    with Processor(seed, case.dtype).computing():
        return in_turn(case)


@pytest.mark.parametrize("dtype", [pytest.param("bfloat16", marks=pytest.mark.slow), "float16"])
def test_limits_hold_and_find_errors(dtype):
    """A gradient that is a sum and no mean, and shares of which one counts nothing."""
    if dtype == "bfloat16":
        need_bfloat16()
    # With NovoGrad, as the case has it, a gradient's scale would not matter.
    case = CASES[f"local statistics, {dtype}"].but(optimizer="Momentum")
    expected = in_turn(case)
    limit = limits(case, expected)
    for seed in (1, 2):
        found = trained(case, seed)
        assert any((found[key] != value).any() for key, value in expected.items())
        for key, value in expected.items():
            assert_within(found[key], value, limit[key], key)
    for wrong in (in_turn(case.but(rate=2 * case.rate)), in_turn(case, used=1)):
        # In the first update already.
        far = [
            key
            for key, value in expected.items()
            if key.startswith("0/") and (np.abs(wrong[key] - value) > limit[key]).any()
        ]
        assert far
