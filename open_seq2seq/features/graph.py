"""A front-end and its normalisation as a graph: samples in, features out, in any runtime.

The numbers are those of `FeatureExtractor` outside training, up to rounding in float32; here they
are written with operations over whole arrays, several recordings at once.
"""

from __future__ import annotations

import math

import numpy as np

from open_seq2seq.features import dither, librosa_front_end, psf_front_end, spectrum
from open_seq2seq.features.centred_front_end import CentredFrontEnd
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.librosa_front_end import LibrosaFrontEnd
from open_seq2seq.features.nemo_front_end import NemoFrontEnd
from open_seq2seq.features.normalization_graph import normalise
from open_seq2seq.features.options import FeatureOptions
from open_seq2seq.features.power_graph import Power, power_of
from open_seq2seq.features.psf_front_end import PsfFrontEnd
from open_seq2seq.features.stored_front_end import StoredFrontEnd
from open_seq2seq.graphs.builder import GraphBuilder, Value


def build_features(
    g: GraphBuilder,
    extractor: FeatureExtractor,
    samples: Value,
    num_samples: Value | None,
    levelled: bool = False,
) -> tuple[Value, Value]:
    """Writes the features of recordings.

    Args:
      g: what writes.
      extractor: the front-end; its statistics are known.
      samples: `[batch, n]` float32 in [-1, 1].
      num_samples: `[batch]` whole numbers, samples of each recording, at least 1; None: all of
        them, which saves every mask.
      levelled: the samples are what `FeatureExtractor.levelled` made of those of a recording.

    Returns:
      Features `[batch, time, feature]`, zero past each length, and the frames of each recording
      `[batch]` (of all, a single number, without `num_samples`).
    """
    count = g.size(samples, 1)
    if num_samples is not None:
        samples = g.select(_inside(g, count, num_samples), samples, 0.0)
    front_end = extractor.front_end
    if isinstance(front_end, StoredFrontEnd):
        return _stored(g, extractor, samples, num_samples)
    if isinstance(front_end, LibrosaFrontEnd):
        graph: _FrontEndGraph = LibrosaGraph(g, front_end, levelled)
    elif isinstance(front_end, NemoFrontEnd):
        graph = NemoGraph(g, front_end)
    elif isinstance(front_end, PsfFrontEnd):
        graph = PsfGraph(g, front_end, levelled)
    else:
        raise TypeError(f"no graph for front-end {type(front_end).__name__}")
    signal = graph.signal(samples, num_samples)
    frames = graph.frames(count)
    levels = None
    takes_levels = extractor.normalizer.takes_levels
    needed = None if takes_levels else read_bins(front_end.matrix)
    power = _power(g, signal, frames, graph.window, extractor.options, needed)
    if takes_levels:
        every_bin = np.ones((extractor.options.fft_length // 2 + 1, 1))
        levels = g.as_frames(power.dense(every_bin))
    features = g.as_frames(graph.features(power))
    lengths = None if num_samples is None else graph.frames(num_samples)
    features = normalise(g, extractor.normalizer, features, levels, lengths)
    return features, frames if lengths is None else lengths


def _stored(
    g: GraphBuilder, extractor: FeatureExtractor, samples: Value, num_samples: Value | None
) -> tuple[Value, Value]:
    """Stored features lie in the samples, frame after frame."""
    size = extractor.num_features
    frames = g.floor_divide(g.size(samples, 1), size)
    whole = g.cut(samples, 1, 0, g.multiply(frames, size))
    features = g.reshape(whole, (g.size(samples, 0), -1, size))
    lengths = None if num_samples is None else g.floor_divide(num_samples, size)
    features = normalise(g, extractor.normalizer, features, None, lengths)
    return features, frames if lengths is None else lengths


class CentredGraph:
    """See `CentredFrontEnd`, step by step."""

    def __init__(self, g: GraphBuilder, front_end: CentredFrontEnd, levelled: bool):
        self.levelled = levelled
        self.g, self.centred, self.options = g, front_end, front_end.options
        self.window = front_end.window

    def _level(self, samples: Value) -> Value:
        """The signal, of the samples; see `FrontEnd.levelled`."""
        raise NotImplementedError

    def signal(self, samples: Value, num_samples: Value | None) -> Value:
        """With what lies before and after each recording: reflected samples, or zeros."""
        g, options, left = self.g, self.options, self.centred.left
        signal = samples if self.levelled else self._level(samples)
        if self.centred.emphasis is not None:
            signal = _emphasised(g, signal, self.centred.emphasis)
        count = g.size(samples, 1)
        # The last frame begins at most where the samples end.
        after = max(options.window_length - left, 0)
        if not self.centred.reflects:
            if num_samples is not None:  # what pre-emphasis makes of the first sample behind it
                signal = g.select(_inside(g, count, num_samples), signal, 0.0)
            return g.pad(signal, 1, left, after)
        if num_samples is None:
            before = reflected(g, g.subtract(g.arange(left), left), count, left)
            behind = reflected(g, g.add(g.arange(after), count), count, after)
            parts = [g.take(signal, before, 1), signal, g.take(signal, behind, 1)]
            return g.concatenate(parts, 1)
        counts = g.expand_dims(num_samples, 1)
        places = g.expand_dims(g.subtract(g.arange(left), left), 0)
        before = g.take_in_rows(signal, reflected(g, places, counts, left))
        ends = g.add(g.expand_dims(g.arange(after), 0), counts)
        behind = g.take_in_rows(signal, reflected(g, ends, counts, after))
        signal = g.concatenate([before, g.pad(signal, 1, 0, after)], 1)
        return g.put_in_rows(signal, g.add(ends, left), behind)


class NemoGraph(CentredGraph):
    """See `NemoFrontEnd`, step by step; without dither."""

    def __init__(self, g: GraphBuilder, front_end: NemoFrontEnd):
        super().__init__(g, front_end, levelled=True)
        self.front_end = front_end

    def frames(self, samples: Value) -> Value:
        g, hop, rule = self.g, self.options.hop_length, self.options.frame_count
        if rule == "begun_hops":
            return g.floor_divide(g.add(samples, hop - 1), hop)
        hops = g.floor_divide(samples, hop)
        return g.add(hops, 1) if rule == "centred" else g.maximum(hops, 1)

    def features(self, power: Power) -> Value:
        """Before their normalisation, `[batch, feature, time]`."""
        g, options, guard = self.g, self.options, float(self.front_end.guard)
        if options.magnitude_power == 1:
            power = power.roots()
        assert self.front_end.matrix is not None
        energies = power.dense(self.front_end.matrix)
        if not options.take_log:
            return energies
        guarded = g.add if options.log_guard == "add" else g.maximum
        return g.unary("log", guarded(energies, guard))


class LibrosaGraph(CentredGraph):
    """See `LibrosaFrontEnd`, step by step."""

    def __init__(self, g: GraphBuilder, front_end: LibrosaFrontEnd, levelled: bool):
        super().__init__(g, front_end, levelled)
        self.front_end = front_end

    def frames(self, samples: Value) -> Value:
        more = self.options.hop_length - self.options.fft_length % 2
        return self.g.floor_divide(self.g.add(samples, more), self.options.hop_length)

    def _level(self, samples: Value) -> Value:
        g, options = self.g, self.options
        if options.gain is None:
            peak = g.reduce("max", g.unary("abs", samples), (1,))
            factor = g.divide(1.0, g.add(peak, librosa_front_end.PEAK_FLOOR))
            signal = g.multiply(samples, factor)
        else:
            signal = g.multiply(samples, options.gain * librosa_front_end.INT16_SCALE)
        if options.dither <= 0:
            return signal
        period = dither.DITHER_PERIOD
        noise = dither.dither_noise(period) * np.float32(options.dither)
        count = g.size(samples, 1)
        times = g.floor_divide(g.add(count, period - 1), period)
        return g.add(signal, g.cut(g.tile(noise[None], 1, times), 1, 0, count))

    def features(self, power: Power) -> Value:
        """Before their normalisation, `[batch, feature, time]`."""
        g, front_end = self.g, self.front_end
        floor = front_end.floor[:, None] if front_end.floor.ndim else front_end.floor
        if front_end.matrix is None:
            values = power.first(self.options.num_audio_features)
            if self.options.noise_floor is not None:
                values = g.add(values, floor)
            return _decibels(g, values)
        energies = power.dense(front_end.matrix)
        if not front_end.linear:
            energies = g.unary("log", g.add(energies, floor))
        return _cepstra(g, energies, front_end.cepstra)


class PsfGraph:
    """See `PsfFrontEnd`, step by step."""

    def __init__(self, g: GraphBuilder, front_end: PsfFrontEnd, levelled: bool):
        self.levelled = levelled
        self.g, self.front_end, self.options = g, front_end, front_end.options
        self.window = front_end.window

    def frames(self, samples: Value) -> Value:
        g, pad_to = self.g, max(self.options.pad_to, 1)
        if pad_to == 1:
            return self._own_frames(samples)
        whole = g.floor_divide(g.add(self._own_frames(samples), pad_to - 1), pad_to)
        return g.multiply(whole, pad_to)

    def _own_frames(self, samples: Value) -> Value:
        g, hop = self.g, self.options.hop_length
        behind = g.maximum(g.subtract(samples, self.options.window_length), 0)
        return g.add(g.floor_divide(g.add(behind, hop - 1), hop), 1)

    def signal(self, samples: Value, num_samples: Value | None) -> Value:
        """Pre-emphasised (not for spectrogram), silence behind it."""
        g, options = self.g, self.options
        signal = samples if self.levelled else self._level(samples)
        count = g.size(samples, 1)
        own = count if num_samples is None else g.expand_dims(num_samples, 1)
        if options.input_type == "spectrogram":
            return signal
        # One sample more: what the pre-emphasis makes of the first one of the silence, which
        # is there where silence was appended for pad_to.
        signal = _emphasised(g, g.pad(signal, 1, 0, 1))
        appended = g.less(self._own_frames(own), self.frames(own))
        ends = g.add(own, g.to_whole(appended))
        places = g.expand_dims(g.arange(g.add(count, 1)), 0)
        return g.select(g.less(places, ends), signal, 0.0)

    def _level(self, samples: Value) -> Value:
        g = self.g
        peak = g.reduce("max", g.unary("abs", samples), (1,))
        scale = g.multiply(g.divide(1.0, g.add(peak, psf_front_end.PEAK_FLOOR)), 32767.0)
        return g.unary("trunc", g.multiply(samples, scale))

    def features(self, power: Power) -> Value:
        """Before their normalisation, `[batch, feature, time]`."""
        g, front_end, options = self.g, self.front_end, self.options
        if front_end.matrix is None:
            values = power.first(options.num_audio_features)
            return _decibels(g, g.multiply(values, 1.0 / options.fft_length))
        energies = g.maximum(power.dense(front_end.matrix), psf_front_end.SMALLEST_ENERGY)
        return _cepstra(g, g.unary("log", energies), front_end.cepstra)


_FrontEndGraph = LibrosaGraph | NemoGraph | PsfGraph


def _inside(g: GraphBuilder, count: Value, num_samples: Value) -> Value:
    """`[batch, n]`, true where a sample belongs to its recording."""
    return g.less(g.expand_dims(g.arange(count), 0), g.expand_dims(num_samples, 1))


def _emphasised(
    g: GraphBuilder, signal: Value, coefficient: float = spectrum.PRE_EMPHASIS
) -> Value:
    """`x[t] - 0.97 x[t-1]`, the first sample as it is."""
    before = g.cut(g.pad(signal, 1, 1, 0), 1, 0, -1)
    return g.subtract(signal, g.multiply(before, coefficient))


def reflected(g: GraphBuilder, places: Value, count: Value, beyond: int) -> Value:
    """Places mirrored at the first and last of `count` samples, as often as needed.

    Args:
      places: whole numbers, those before the first sample negative.
      count: samples of the recording.
      beyond: how far places may lie outside; farther ones count as this far.
    """
    places = g.maximum(places, g.subtract(0, places))
    places = g.minimum(places, g.add(count, beyond))
    period = g.maximum(g.multiply(g.subtract(count, 1), 2), 1)
    # In floats, which is exact enough: the quotient is 0, or both are small.
    quotient = g.divide(g.to_float(places), g.to_float(period))
    whole = g.multiply(g.to_whole(g.unary("trunc", quotient)), period)
    rest = g.subtract(places, whole)
    return g.minimum(rest, g.subtract(period, rest))


def read_bins(matrix: np.ndarray | None) -> np.ndarray | None:
    """`[bin]`, true for those that a matrix `[bin, energy]` reads; None: all."""
    return None if matrix is None else np.any(matrix != 0, axis=1)


def _cepstra(g: GraphBuilder, energies: Value, matrix: np.ndarray | None) -> Value:
    """Of energies `[batch, energy, time]` by a matrix `[energy, feature]`, if there is one."""
    return energies if matrix is None else g.matmul(matrix.T[None].copy(), energies)


def _decibels(g: GraphBuilder, power: Value) -> Value:
    logarithms = g.unary("log", g.maximum(power, spectrum.SPECTROGRAM_FLOOR))
    return g.multiply(logarithms, 10.0 / math.log(10.0))


def _power(
    g: GraphBuilder,
    signal: Value,
    frames: Value,
    window: np.ndarray | None,
    options: FeatureOptions,
    needed: np.ndarray | None,
) -> Power:
    """`|FFT|^2` of the first frames of a signal; see `power_of`."""
    taps = -(-options.window_length // options.hop_length)
    size = g.multiply(g.add(frames, taps - 1), options.hop_length)
    missing = g.maximum(g.subtract(size, g.size(signal, 1)), 0)
    signal = g.cut(g.pad(signal, 1, 0, missing), 1, 0, size)
    return power_of(g, signal, window, options, needed)
