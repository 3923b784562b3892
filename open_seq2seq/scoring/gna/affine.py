"""Affine layers in whole numbers: int16 inputs, int8 or int16 weights, int32 sums that saturate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from open_seq2seq.errors import RunError
from open_seq2seq.scoring.gna.rounding import (
    INT8,
    INT16,
    INT32,
    count_outside,
    quantized,
    saturated,
)
from open_seq2seq.scoring.gna.scale_factors import (
    LARGEST_MULTIPLIER,
    LARGEST_WEIGHT_8,
    affine_scale_factors,
)

# Bytes of the accelerator's input buffer over two, for 1 to 8 frames together: versions up to 2.0.
_BUFFER = (12288, 12288, 12096, 12288, 12000, 12096, 12096, 12288)
# Of version 3.0: kilobytes of each of its engines.
_KILOBYTES, _ENGINES = 4, 8


def block_size(frames: int, generation: int = 2) -> int:
    """Inputs after which a sum is saturated.

    Args:
      frames: 1 to 8, that are computed together.
      generation: of the accelerator, 1 to 3.
    """
    if generation < 3:
        return _BUFFER[frames - 1] // frames
    return _KILOBYTES * 1024 // (16 * frames) * _ENGINES * 16 // 2


@dataclass(frozen=True)
class IntegerAffine:
    """`sum = bias + multiplier * (weight @ x)`.

    Args:
      weight: `[output, input]`, whole numbers of `bits`.
      bias: `[output]`, of 32 bits.
      multiplier: `[output]`, 1 to 230; of 16-bit weights 1 (the "compound bias" of 8-bit ones).
      weight_scale, input_scale, output_scale: the factors.
      bits: 8 or 16.
    """

    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    weight_scale: float
    input_scale: float
    output_scale: float
    bits: int

    @classmethod
    def quantize(
        cls,
        weight: np.ndarray,
        bias: np.ndarray | None,
        input_scale: float,
        bits: int,
        largest_scale: float = math.inf,
    ) -> IntegerAffine:
        """The layer of float weights.

        Args:
          weight: `[output, input]`; bias: `[output]` or None.
          input_scale: the factor of its input.
          bits: 8 or 16.
          largest_scale: of the sums: what they are joined with has no finer one.

        Raises:
          RunError: a row of 8-bit weights needs a multiplier above 230.
        """
        scale, output_scale = affine_scale_factors(weight, bias, input_scale, bits)
        if output_scale > largest_scale:
            output_scale = float(np.float32(largest_scale))
            scale = float(np.float32(output_scale) / np.float32(input_scale))
        rows = weight.shape[0]
        multiplier = np.ones(rows)
        if bits == 8:
            largest = np.max(np.abs(weight), axis=1, initial=0.0).astype(np.float32)
            multiplier = np.floor(
                largest * np.float32(scale) / np.float32(LARGEST_WEIGHT_8) + np.float32(0.5)
            ).astype(np.float64)
            multiplier = np.maximum(multiplier, 1)
            if multiplier.max(initial=1) > LARGEST_MULTIPLIER:
                raise RunError(
                    f"8-bit weights: row {multiplier.argmax()} needs the multiplier "
                    f"{multiplier.max():.0f}, more than {LARGEST_MULTIPLIER}. Use 16 bits (-qb 16)."
                )
        factors = np.float32(scale) / multiplier[:, None].astype(np.float32)
        whole = quantized(weight, factors, INT8 if bits == 8 else INT16)
        whole_bias = np.zeros(rows) if bias is None else quantized(bias, output_scale, INT32)
        return cls(whole, whole_bias, multiplier, scale, input_scale, output_scale, bits)

    def __call__(self, x: np.ndarray, block: int) -> tuple[np.ndarray, int]:
        """The sums.

        Args:
          x: `[time, input]` whole numbers of 16 bits, as float64.
          block: inputs after which sums are saturated.

        Returns:
          `[time, output]` whole numbers of 32 bits, as float64, and how often one saturated.
        """
        # Products of 16 bits, at most 2**13 of them: exact in float64, in any order.
        total: np.ndarray = np.broadcast_to(self.bias, (len(x), len(self.bias)))
        saturations = 0
        for start in range(0, x.shape[1], block):
            part = x[:, start : start + block] @ self.weight[:, start : start + block].T
            if self.bits == 8:
                part *= self.multiplier
            part += total
            saturations += count_outside(part, INT32)
            total = saturated(part, INT32)
        return total, saturations


@dataclass(frozen=True)
class IntegerDiagonal:
    """`sum = bias + weight * x`, element by element: scales and shifts.

    Weights are always of 16 bits. Arguments: as `IntegerAffine`, weight `[dim]`.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_scale: float
    input_scale: float
    output_scale: float

    @classmethod
    def quantize(
        cls, scale: np.ndarray, offset: np.ndarray | None, input_scale: float
    ) -> IntegerDiagonal:
        """The layer of float weights, `[dim]` each."""
        factor, output_scale = affine_scale_factors(scale, offset, input_scale, 16)
        bias = np.zeros(len(scale)) if offset is None else quantized(offset, output_scale, INT32)
        return cls(quantized(scale, factor, INT16), bias, factor, input_scale, output_scale)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """`[time, dim]` whole numbers of 16 bits -> of 32 bits, and how often one saturated."""
        total = x * self.weight + self.bias
        return saturated(total, INT32), count_outside(total, INT32)
