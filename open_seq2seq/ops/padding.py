"""How a convolution pads its time axis: by a name, or by frames on each side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

# SAME, VALID, CAUSAL, SYMMETRIC, or [left, right] frames.
Padding: TypeAlias = str | Sequence[int]


def padding_widths(padding: Padding, taps: int, stride: int, dilation: int) -> tuple[int, int]:
    """The zeros before and after a sequence, in steps of the axis.

    SAME gives ceil(length / stride) outputs, padded as TensorFlow does where the length is a
    multiple of the stride; CAUSAL as many, with all zeros on the left; SYMMETRIC as many, with
    half of them on each side whatever the stride, as PyTorch's networks have it; VALID has none.

    Args:
      padding: SAME, VALID, CAUSAL, SYMMETRIC, or [left, right].
      taps, stride, dilation: of the axis.
    """
    span = (taps - 1) * dilation
    if padding == "SAME":
        left = max(span + 1 - stride, 0) // 2
        return left, span - left
    if padding == "CAUSAL":
        return span, 0
    if padding == "SYMMETRIC":
        return span // 2, span - span // 2
    if padding == "VALID":
        return 0, 0
    assert not isinstance(padding, str), padding
    left, right = padding
    return left, right


def keeps_length(padding: Padding, taps: int, stride: int, dilation: int) -> bool:
    """Whether a length becomes ceil(length / stride), as with SAME."""
    return sum(padding_widths(padding, taps, stride, dilation)) == (taps - 1) * dilation
