"""Power spectra of frames as a graph: the Fourier transform as products with few matrices.

All is `[batch, sample or bin or energy, time]`: rows of a time are taken, reversed and joined as
wholes, and convolutions take their features so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from open_seq2seq.features.options import FeatureOptions
from open_seq2seq.graphs.builder import GraphBuilder, Value


class _Part(NamedTuple):
    """Some bins: `values` `[batch, bin, time]`, and the number of each, -1 where it is to be left
    out."""

    values: Value
    bins: np.ndarray


class Power:
    """`|FFT|^2` of frames, in parts that hold some bins each.

    Args:
      g: what writes.
      parts: each bin that somebody needs is in one of them.
    """

    def __init__(self, g: GraphBuilder, parts: Sequence[_Part]):
        self._g, self._parts = g, list(parts)

    def roots(self) -> Power:
        """The magnitudes."""
        g = self._g
        return Power(g, [_Part(g.unary("sqrt", values), bins) for values, bins in self._parts])

    def first(self, count: int) -> Value:
        """The first bins in their order, `[batch, count, time]`."""
        g, found = self._g, []
        for values, bins in self._parts:
            places = {int(one): place for place, one in enumerate(bins) if 0 <= one < count}
            if places:
                found.append(g.take(values, np.array([places[one] for one in sorted(places)]), 1))
        return found[0] if len(found) == 1 else g.concatenate(found, 1)

    def dense(self, matrix: np.ndarray) -> Value:
        """Sums of bins by a matrix `[bin, energy]`: `[batch, energy, time]`.

        Filters lie in few parts: each part is multiplied with those that it touches.
        """
        g, whole = self._g, None
        for values, bins in self._parts:
            own = np.where(bins[:, None] < 0, 0.0, matrix[bins])
            touched = np.flatnonzero(own.any(axis=0))
            if not len(touched):
                continue
            first, end = int(touched[0]), int(touched[-1]) + 1
            kernel = np.ascontiguousarray(own[:, first:end].T, np.float32)
            energies = g.matmul(kernel[None], values)
            energies = g.pad(energies, 1, first, matrix.shape[1] - end)
            whole = energies if whole is None else g.add(whole, energies)
        assert whole is not None, "a matrix of zeros"
        return whole


def power_of(
    g: GraphBuilder,
    signal: Value,
    window: np.ndarray | None,
    options: FeatureOptions,
    needed: np.ndarray | None = None,
) -> Power:
    """`|FFT|^2` of all frames of a signal.

    By products with the FFT's matrix, folded twice. About the middle of a frame: sums of samples
    equally far from it need the cosines alone, and their differences the sines. (A shift of the
    frame changes no magnitude.) And about the middle of the bins: with N = `fft_length` even, the
    cosine of bin N/2 - k is that of bin k at even distances and its negative at odd ones, so that
    both bins are the sum and the difference of two products. That is a quarter of the work of the
    whole matrix, and more exact.

    Args:
      g: what writes.
      signal: `[batch, n]`; n is `hop_length` for each frame, and as much more as makes the last
        one's window whole.
      window: what frames are multiplied with; None: nothing.
      options: of the front-end.
      needed: `[bin]`, true for bins that somebody reads; None: all.
    """
    frames = _Frames(g, signal, window, options)
    size, centre = options.fft_length, options.window_length // 2
    half = size // 2
    needed = np.ones(half + 1, bool) if needed is None else needed
    is_even = size % 2 == 0
    low = np.arange((half // 2 if is_even else half) + 1)
    low = low[needed[low] | needed[half - low]] if is_even else low[needed[low]]
    products = []
    for first in range(2 if is_even else 1):
        distances = np.arange(first, centre + 1, 2 if is_even else 1)
        behind = frames.samples(centre + distances)
        # The middle is there once.
        before = frames.samples(np.where(distances, centre - distances, -1))
        angles = 2 * np.pi / size * np.outer(low, distances)
        cosines, sines = (f(angles).astype(np.float32)[None] for f in (np.cos, np.sin))
        real = g.matmul(cosines, g.add(behind, before))
        products.append((real, g.matmul(sines, g.subtract(behind, before))))
    if not is_even:
        return Power(g, [_Part(_squares(g, products[0]), low)])
    high = np.where(half - low == low, -1, half - low)
    sums, differences = ([f(*two) for two in zip(*products)] for f in (g.add, g.subtract))
    return Power(g, [_Part(_squares(g, sums), low), _Part(_squares(g, differences), high)])


def _squares(g: GraphBuilder, parts: Sequence[Value]) -> Value:
    """The sum of the squares of the real and the imaginary part."""
    return g.add(*(g.unary("square", part) for part in parts))


class _Frames:
    """The frames of a signal, of which samples are taken by their places in the frame."""

    def __init__(
        self, g: GraphBuilder, signal: Value, window: np.ndarray | None, options: FeatureOptions
    ):
        self.g, self.hop, self.length = g, options.hop_length, options.window_length
        taps = -(-self.length // self.hop)
        # Columns of a hop: a frame is some that follow each other.
        rows = g.reshape(signal, (g.size(signal, 0), -1, self.hop))
        columns = g.transpose(rows, (0, 2, 1))
        self._taps = [g.cut(columns, 2, tap, tap + 1 - taps or None) for tap in range(taps)]
        self._window = np.ones(self.length) if window is None else window

    def samples(self, places: np.ndarray) -> Value:
        """Windowed samples of each frame, `[batch, place, time]`; 0 outside the frame."""
        inside = (places >= 0) & (places < self.length)
        # In place of one outside, one of its neighbours' hop, times zero.
        nearest = int(np.median(places[inside]))
        taken = np.where(inside, places, nearest)
        weights = np.where(inside, self._window[taken], 0.0).astype(np.float32)
        parts = [
            self.g.take(self._taps[tap], np.array(list(group)) % self.hop, 1)
            for tap, group in groupby(taken, lambda place: int(place) // self.hop)
        ]
        values = parts[0] if len(parts) == 1 else self.g.concatenate(parts, 1)
        return self.g.multiply(values, weights[None, :, None])
