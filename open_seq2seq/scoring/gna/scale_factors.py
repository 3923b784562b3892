"""Scale factors: whole number = real number * factor.

Sources: OpenVINO 2023.3, src/plugins/intel_gna/src/frontend (quantization.hpp,
scale_factor_calc.cpp), and its speech sample for the input's.
"""

from __future__ import annotations

import numpy as np

# Half of int16: a later utterance may be twice as loud before it saturates.
LARGEST_FEATURE = 16384
LARGEST_WEIGHT_16 = 16384
LARGEST_WEIGHT_8 = 127
LARGEST_MULTIPLIER = 230
LARGEST_BIAS = 2**30
_INT32_MAX = 2**31 - 1
# Of 8-bit weights: where the output's factor times the input's passes so many times int32's range,
# the weights' factor is halved.
_HALVED_FROM = 30


def input_scale_factor(features: np.ndarray) -> float:
    """The factor of a model's input, of its first utterance: 16384 over the largest magnitude.

    The C++ sample's rule. The Python one took the largest number with its sign, which makes the
    factor negative where all features are: `signed_scale_factor`.

    Args:
      features: `[time, feature]`.
    """
    return _over(LARGEST_FEATURE, float(np.max(np.abs(features), initial=0.0)))


def signed_scale_factor(features: np.ndarray) -> float:
    """What the Python sample took: 16384 over the largest number; 1 where that is 0."""
    return _over(LARGEST_FEATURE, float(np.max(features))) if features.size else 1.0


def affine_scale_factors(
    weight: np.ndarray, bias: np.ndarray | None, input_scale: float, bits: int
) -> tuple[float, float]:
    """The factors of an affine layer's weights and of its sums.

    Args:
      weight: any shape; bias: `[output]` or None.
      input_scale: the factor of its input.
      bits: 8 or 16, of the weights.

    Returns:
      The weights' factor and the output's, the product of it and of the input's.
    """
    largest = LARGEST_WEIGHT_8 if bits == 8 else LARGEST_WEIGHT_16
    of_input = np.float32(input_scale)
    scale = np.float32(_over(largest, float(np.max(np.abs(weight), initial=0.0))))
    if bias is not None and np.any(bias):
        of_bias = np.float32(LARGEST_BIAS / float(np.max(np.abs(bias))))
        scale = min(scale * of_input, of_bias) / of_input
    if bits == 8:
        scale *= np.float32(LARGEST_MULTIPLIER)
        squared = float(scale) * float(of_input) * float(of_input)
        if squared > (_INT32_MAX - 1) * _HALVED_FROM:
            scale *= np.float32(0.5)
    return float(scale), float(np.float32(scale * of_input))


def activation_scale_factor(kind: str, sum_scale: float) -> float:
    """The factor of what an activation gives.

    Args:
      kind: "sigmoid", "tanh", "relu" or "identity".
      sum_scale: the factor of the sums that it takes.
    """
    if kind in ("sigmoid", "tanh"):
        return 2048.0
    if kind == "relu":
        return 1024.0 if 2048.0 * sum_scale > _INT32_MAX - 1 else 2048.0
    assert kind == "identity", kind
    return max((2049.0, 1024.5), key=lambda scale: encoded_slope(1.0, sum_scale, scale))


def encoded_slope(slope: float, input_scale: float, output_scale: float) -> int:
    """The whole number that a slope of a piece becomes."""
    return slope_code(slope * output_scale / input_scale)[0]


def slope_code(slope: float) -> tuple[int, int]:
    """A slope as int16 and the place of its binary point.

    Args:
      slope: of whole numbers: the real one times the output's factor over the input's.

    Returns:
      `round(slope * 2**(8 * (k + 1)))`, half away from zero, and the largest k of 3..0 for which
      that is at most 32767; 0 where none is.
    """
    k = next((k for k in (3, 2, 1) if abs(slope) * 2.0 ** (8 * (k + 1)) <= 32767), 0)
    scaled = slope * 2.0 ** (8 * (k + 1))
    coded = int(scaled + (0.5 if scaled > 0 else -0.5))
    return max(-32768, min(32767, coded)), k


def _over(limit: int, largest: float) -> float:
    return 1.0 if largest == 0 else float(np.float32(limit) / np.float32(largest))
