"""nnet1's LSTM with projection in whole numbers.

How OpenVINO's plugin joined the scales of its parts is known from its code only in outline; here
every join has one scale: of the input and r(t-1), of the gates' sums and the peepholes' products,
of both parts of the new cell.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from open_seq2seq.interop.kaldi.layers import Lstm
from open_seq2seq.scoring.gna.affine import IntegerAffine
from open_seq2seq.scoring.gna.rounding import INT16, INT32, count_outside, quantized, saturated
from open_seq2seq.scoring.gna.scale_factors import LARGEST_WEIGHT_16, activation_scale_factor
from open_seq2seq.scoring.gna.segments import Segments, activation_pieces

_GATE = 2048.0  # the factor of sigmoid and tanh
_INT16_MAX = 32767


@dataclass(frozen=True)
class IntegerLstm(Lstm):
    """See `Lstm`, whose own arrays are empty here, but for their sizes.

    Args:
      name: under which saturations are counted.
      gates: of `[x, r(t-1)]`.
      peepholes: `[3, cell]` int16, of i, f and o; products have the factor of the gates' sums.
      from_input, from_output: x and r with the factor that they are joined by; they, and
        `cell_tanh`, take numbers of 16 bits times 16384.
      sigmoid, tanh: of the gates' sums; g has the cell's factor.
      clip: of the new cell; `cell_tanh`: of the cell.
      product: o tanh(c) for the projection; `out`: of its sums.
      projected: W_rm.
      block: inputs after which sums are saturated.
      saturations: of all quantised layers, by name.
    """

    name: str = ""
    gates: IntegerAffine | None = None
    peepholes: np.ndarray | None = None
    from_input: Segments | None = None
    from_output: Segments | None = None
    sigmoid: Segments | None = None
    tanh: Segments | None = None
    clip: Segments | None = None
    cell_tanh: Segments | None = None
    product: Segments | None = None
    projected: IntegerAffine | None = None
    out: Segments | None = None
    block: int = 12288
    saturations: Counter[str] = field(compare=False, repr=False, default_factory=Counter)

    @property
    def output_scale(self) -> float:
        """The factor of r."""
        assert self.out is not None
        return self.out.output_scale

    def recur(
        self, x: np.ndarray, state: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Frames one after the other.

        Args:
          x: `[time, feature]` whole numbers.
          state: r and c before the first frame.

        Returns:
          r of each frame, and the state behind the last one.
        """
        assert self.gates is not None and self.peepholes is not None
        rows = x.astype(np.float64)
        if self.from_input is not None:
            rows = self._value(self.from_input, rows * LARGEST_WEIGHT_16)
        width = rows.shape[1]
        r, c = (one.astype(np.float64) for one in state)
        # One sum of all inputs, where no part of it is saturated by itself.
        whole = width + len(r) <= self.block
        if whole:
            fed = rows @ self.gates.weight[:, :width].T
        recurrent = self.gates.weight[:, width:].T
        found = np.empty((len(rows), len(r)), np.float32)
        for number, row in enumerate(rows):
            before = r
            if self.from_output is not None:
                before = self._value(self.from_output, r * LARGEST_WEIGHT_16)
            if whole:
                total = (fed[number] + before @ recurrent) * self.gates.multiplier + self.gates.bias
                a = self._sum(total)
            else:
                sums, outside = self.gates(np.concatenate([row, before])[None], self.block)
                self.saturations[self.name] += outside
                a = sums[0]
            r, c = self._step(a, c)
            found[number] = r
        return found, (r.astype(np.float32), c.astype(np.float32))

    def _step(self, a: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """r and c of a frame from the gates' sums and the cell before."""
        assert self.peepholes is not None and self.projected is not None
        g, i, f, o = np.split(a, 4)
        i = self._value(self.sigmoid, self._sum(i + self.peepholes[0] * c))
        f = self._value(self.sigmoid, self._sum(f + self.peepholes[1] * c))
        g = self._value(self.tanh, g)
        c = self._value(self.clip, self._sum(g * i + c * f))
        o = self._value(self.sigmoid, self._sum(o + self.peepholes[2] * c))
        m = self._value(self.product, o * self._value(self.cell_tanh, c * LARGEST_WEIGHT_16))
        sums, outside = self.projected(m[None], self.block)
        self.saturations[self.name] += outside
        return self._value(self.out, sums[0]), c

    def _sum(self, total: np.ndarray) -> np.ndarray:
        self.saturations[self.name] += count_outside(total, INT32)
        return saturated(total, INT32)

    def _value(self, segments: Segments | None, x: np.ndarray) -> np.ndarray:
        assert segments is not None
        values, outside = segments(x)
        self.saturations[self.name] += outside
        return values


def quantized_lstm(
    layer: Lstm,
    name: str,
    input_scale: float,
    bits: int,
    max_error: float,
    block: int,
    saturations: Counter[str],
) -> IntegerLstm:
    """The layer in whole numbers.

    Args:
      layer: in float.
      name: of its node.
      input_scale: the factor of its input.
      bits: 8 or 16, of the weights.
      max_error: percent, of the straight pieces.
      block: inputs after which sums are saturated.
      saturations: of all quantised layers.
    """
    # A power of two that has room for the cell's bound.
    room = _INT16_MAX / layer.cell_clip if layer.cell_clip > 0 else 1024.0
    cell = min(_GATE, 2.0 ** math.floor(math.log2(room)))
    product = Segments.identity(_GATE**2, activation_scale_factor("identity", _GATE**2))
    projected = IntegerAffine.quantize(layer.projection, None, product.output_scale, bits)
    out_scale = activation_scale_factor("identity", projected.output_scale)
    joined = min(input_scale, out_scale)
    peepholes = np.stack([layer.peephole_i, layer.peephole_f, layer.peephole_o])
    largest = float(np.abs(peepholes).max(initial=0.0))
    most = LARGEST_WEIGHT_16 / largest * cell if largest else math.inf
    weight = np.concatenate([layer.weight, layer.recurrent], axis=1)
    gates = IntegerAffine.quantize(weight, layer.bias, joined, bits, most)
    sums = gates.output_scale
    nothing = np.zeros((0, 0), np.float32)
    empty = Lstm(
        nothing,
        nothing,
        np.zeros(0, np.float32),
        np.zeros_like(layer.peephole_i),
        np.zeros(0, np.float32),
        np.zeros(0, np.float32),
        np.zeros((len(layer.projection), 0), np.float32),
        layer.cell_clip,
        layer.backward,
    )
    tanh = activation_pieces("tanh", max_error)
    bound = layer.cell_clip if layer.cell_clip > 0 else math.inf
    return IntegerLstm(
        **vars(empty),
        name=name,
        gates=gates,
        peepholes=quantized(peepholes, sums / cell, INT16),
        from_input=None if joined == input_scale else _rescaled(input_scale, joined),
        from_output=None if joined == out_scale else _rescaled(out_scale, joined),
        sigmoid=Segments.of("sigmoid", sums, max_error),
        tanh=Segments.encode(tanh, sums, cell),
        clip=Segments.clip(bound, cell * _GATE, cell),
        cell_tanh=Segments.encode(tanh, cell * LARGEST_WEIGHT_16, _GATE),
        product=product,
        projected=projected,
        out=Segments.identity(projected.output_scale, out_scale),
        block=block,
        saturations=saturations,
    )


def _rescaled(scale: float, other: float) -> Segments:
    return Segments.identity(scale * LARGEST_WEIGHT_16, other)
