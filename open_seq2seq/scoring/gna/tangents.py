"""Functions as straight pieces: tangents whose largest error is as small as it can be.

The design of OpenVINO's GNA plugin (transformations/pwl_approximation.cpp, 2023.3). A convex or
concave half of a function is fitted with n tangents; where neighbours meet, their distance from
the function is largest. Points of contact are moved until these distances are level; then half of
the distance is taken off all lines, so that the error lies on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_PIECES = 128
_MOST_STEPS = 2000
_SAMPLES = 500

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Piece:
    """`slope * x + offset` from `start` on, up to the next piece's."""

    start: float
    slope: float
    offset: float


@dataclass(frozen=True)
class Half:
    """A part of a function that bends one way.

    Args:
      function, derivative: of an array.
      low, high: where it begins and ends.
      is_convex: whether tangents lie below.
    """

    function: Function
    derivative: Function
    low: float
    high: float
    is_convex: bool

    @property
    def height(self) -> float:
        """From its smallest value to its largest, among the plugin's 500 samples.

        The last one is two of 501 steps before the end: a left half, which is steep there, loses
        more of its height than a right one, and may need a piece more.
        """
        step = (self.high - self.low) / (_SAMPLES + 1)
        return float(np.ptp(self.function(self.low + np.arange(_SAMPLES) * step)))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _sigmoid_slope(x: np.ndarray) -> np.ndarray:
    return _sigmoid(x) * (1 - _sigmoid(x))


def _tanh_slope(x: np.ndarray) -> np.ndarray:
    return 1 - np.tanh(x) ** 2


# The two halves of each, split where they bend the other way.
HALVES = {
    "sigmoid": (
        Half(_sigmoid, _sigmoid_slope, -10.0, 0.0, True),
        Half(_sigmoid, _sigmoid_slope, 0.0, 10.0, False),
    ),
    "tanh": (
        Half(np.tanh, _tanh_slope, -5.0, 0.0, True),
        Half(np.tanh, _tanh_slope, 0.0, 5.0, False),
    ),
}


def fitted(half: Half, max_error: float) -> list[Piece]:
    """The fewest tangents of which the error is at most so many percent of the half's height.

    Args:
      half: of the function.
      max_error: percent, `-pwl_me`; it is also how level the errors have to be.
    """
    for count in range(1, MOST_PIECES + 1):
        pieces, error = _levelled(half, count, max_error)
        if 100 * error / half.height <= max_error:
            break
    return pieces


def _levelled(half: Half, count: int, threshold: float) -> tuple[list[Piece], float]:
    """So many tangents with errors that are level, and the error."""
    function, derivative = half.function, half.derivative
    sign = 1.0 if half.is_convex else -1.0
    span = half.high - half.low
    contact = half.low + np.arange(1, count + 1) / (count + 1) * span
    step, before = 1.0, np.inf
    # The newest points that were kept, with their errors and the ends of their pieces.
    last = contact, contact, contact
    for _ in range(_MOST_STEPS):
        value, slope = function(contact), derivative(contact)
        offset = value - slope * contact
        meet = -np.diff(offset) / np.diff(slope)
        ends = np.concatenate([[half.low], meet, [half.high]])
        line = np.append(slope, slope[-1]) * ends + np.append(offset, offset[-1])
        errors = sign * (function(ends) - line)
        largest, smallest = errors.max(), errors.min()
        if largest - smallest < threshold * smallest:
            break
        if largest > before:
            # Too far: back to the points before, by half of the step.
            step /= 2
            contact, errors, ends = last
        else:
            last = contact, errors, ends
        before = largest
        contact = contact + step * np.diff(errors) / (
            errors[1:] / (ends[1:] - contact) + errors[:-1] / (contact - ends[:-1])
        )
    error = (largest + smallest) / 4
    offset = offset + sign * error
    pieces = [Piece(*map(float, one)) for one in zip(ends[:-1], slope, offset)]
    return pieces, float(error)
