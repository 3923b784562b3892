"""A front-end as a graph for streams: samples piece by piece in, the recording's features out.

All streams of a batch bring as many samples, a multiple of `row` of them, whether they are real or
not; so a piece gives as many frames as it has hops, some of which may lie before a stream's first
frame or behind its last one. They are zero, as a convolution pads them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from open_seq2seq.features import dither, librosa_front_end, spectrum
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.graph import LibrosaGraph, read_bins, reflected
from open_seq2seq.features.librosa_front_end import LibrosaFrontEnd
from open_seq2seq.features.normalization import FixedNormalizer, RunningNormalizer
from open_seq2seq.features.normalization_graph import (
    RunningPrior,
    by_statistics,
    by_sums,
    decayed_sums,
    powers,
)
from open_seq2seq.features.power_graph import power_of
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.graphs.states import GraphStates

# A stream whose end is not known ends there.
UNKNOWN = 1 << 29
# Positions are counted so far at least before they begin again at half of it.
_FARTHEST = 1 << 24
# Frames whose running sums are one product with a matrix: a piece is short.
_BLOCK = 32
# Where nothing is forgotten, sums of so many frames are halved, with their weight: more could not
# be counted in float32.
_MOST_COUNTED = 1 << 22


class StreamFeatures(NamedTuple):
    """Features of a piece of each stream.

    Args:
      values: `[batch, time, feature]`, zero outside the stream.
      delay: by how many frames they are behind: the first one's number is `position - delay`.
      position: `[batch]`, frames before the piece, were there no delay; from some number on only
        what is left of it by multiples of a row, which keeps it small.
      count: `[batch]`, frames of the whole stream on the same scale, or a large number.
      frames: of the piece.
    """

    values: Value
    delay: int
    position: Value
    count: Value
    frames: Value


def delay_of(front_end: LibrosaFrontEnd, row: int) -> int:
    """Frames by which those of a piece are behind its samples.

    Args:
      front_end: the front-end.
      row: samples that pieces have a multiple of.
    """
    options, left = front_end.options, front_end.left
    hop, right = options.hop_length, options.window_length - left
    delay = max(-(-right // hop) - 1, 0)
    # What is reflected before the first frame has to be there with it.
    while -(-(delay + 1) * hop // row) * row <= left:
        delay += 1
    return delay


def build_stream_features(
    g: GraphBuilder,
    extractor: FeatureExtractor,
    states: GraphStates,
    samples: Value,
    num_samples: Value,
    row: int,
    farthest: int,
) -> StreamFeatures:
    """Writes the features of pieces.

    Args:
      g: what writes.
      extractor: a front-end that can stream; its statistics are known.
      states: holds what is kept.
      samples: `[batch, n]` float32 in [-1, 1], n a multiple of `row`.
      num_samples: `[batch]` whole numbers, the real ones among them: where they are fewer, the
        stream ends with them.
      row: a multiple of the front-end's hop.
      farthest: samples from a stream's beginning from which nothing depends on how many they are.
    """
    front_end = extractor.front_end
    if not isinstance(front_end, LibrosaFrontEnd):
        raise TypeError(f"no graph of streams for front-end {type(front_end).__name__}")
    graph = _LibrosaStream(g, front_end, states, row)
    clock = _Clock(g, states, samples, num_samples, math.lcm(row, _period(front_end)), farthest)
    signal = graph.signal(samples, num_samples, clock)
    options = front_end.options
    power = power_of(g, signal, front_end.window, options, read_bins(front_end.matrix))
    features = g.as_frames(graph.graph.features(power))
    hop = options.hop_length
    position = g.floor_divide(clock.position, hop)
    # Of no samples there are no frames.
    count = g.minimum(graph.graph.frames(clock.total), clock.total)
    frames = g.floor_divide(g.size(samples, 1), hop)
    numbers = g.expand_dims(g.subtract(position, graph.delay), 1)
    numbers = g.expand_dims(g.add(numbers, g.expand_dims(g.arange(frames), 0)), 2)
    inside = g.multiply(
        g.to_float(g.less(-1, numbers)),
        g.to_float(g.less(numbers, g.expand_dims(g.expand_dims(count, 1), 2))),
    )
    features = _normalised(g, extractor, states, features, numbers, inside)
    features = g.select(g.less(0.5, inside), features, 0.0)
    return StreamFeatures(features, graph.delay, position, count, frames)


def _period(front_end: LibrosaFrontEnd) -> int:
    """Samples after which the dither is the same again."""
    return dither.DITHER_PERIOD if front_end.options.dither > 0 else 1


class _Clock:
    """Where a piece lies in its stream.

    Args:
      period: what positions may be changed by multiples of.
      the others: as for `build_stream_features`.

    `position` `[batch]` are the samples before the piece, `total` `[batch]` those of the stream.
    """

    def __init__(
        self,
        g: GraphBuilder,
        states: GraphStates,
        samples: Value,
        num_samples: Value,
        period: int,
        farthest: int,
    ):
        count = g.size(samples, 1)
        position = states.old("position", (), is_whole=True)
        total = states.old("total", (), UNKNOWN, is_whole=True)
        end = g.minimum(total, g.add(position, num_samples))
        total = g.select(g.less(num_samples, count), end, total)
        half = -(-max(_FARTHEST // 2, farthest) // period) * period
        after = g.add(position, count)
        too_far = g.subtract(1, g.to_whole(g.less(after, 2 * half)))
        back = g.multiply(too_far, half)
        states.keep("position", g.subtract(after, back))
        is_known = g.less(total, UNKNOWN)
        states.keep("total", g.select(is_known, g.subtract(total, back), UNKNOWN))
        self.position, self.total = position, total


class _LibrosaStream:
    """See `LibrosaFrontEnd.stream`, for pieces of fixed sizes."""

    def __init__(self, g: GraphBuilder, front_end: LibrosaFrontEnd, states: GraphStates, row: int):
        self.g, self.front_end, self.states = g, front_end, states
        self.graph = LibrosaGraph(g, front_end, levelled=True)
        self.delay = delay_of(front_end, row)
        options = front_end.options
        self.right = max(options.window_length - front_end.left, 0)
        # The oldest sample that the first frame of a piece sees, or is reflected from.
        self.held = self.delay * options.hop_length + max(front_end.left, self.right + 1)

    def signal(self, samples: Value, num_samples: Value, clock: _Clock) -> Value:
        """What the frames of a piece are cut from, with reflected samples at a stream's ends."""
        g, options, left = self.g, self.front_end.options, self.front_end.left
        places = g.expand_dims(g.arange(g.size(samples, 1)), 0)
        # NaN behind the end too is nothing.
        samples = g.select(g.less(places, g.expand_dims(num_samples, 1)), samples, 0.0)
        signal = self._emphasised(self._levelled(samples, places, clock.position))
        held = self.states.old("signal", (self.held,))
        joined = g.concatenate([held, signal], 1)
        self.states.keep("signal", g.cut(joined, 1, -self.held, None))
        hop, taps = options.hop_length, -(-options.window_length // options.hop_length)
        behind = (taps - 1) * hop  # what the last frame sees beyond its own hop
        spare = max(behind - self.delay * hop - left, 1)
        joined = self._reflected(joined, spare, clock)
        first = self.held - self.delay * hop - left
        unseen = spare + self.delay * hop + left - behind
        return g.cut(joined, 1, first, -unseen if unseen else None)

    def _levelled(self, samples: Value, places: Value, position: Value) -> Value:
        g, options = self.g, self.front_end.options
        assert options.gain is not None, "checked before: it is no stream otherwise"
        signal = g.multiply(samples, options.gain * librosa_front_end.INT16_SCALE)
        if options.dither <= 0:
            return signal
        period = _period(self.front_end)
        noise = dither.dither_noise(period) * np.float32(options.dither)
        numbers = g.add(places, g.expand_dims(position, 1))
        numbers = g.subtract(numbers, g.multiply(g.floor_divide(numbers, period), period))
        drawn = g.take(noise, g.reshape(numbers, (-1,)), 0)
        shape = (g.size(samples, 0), g.size(samples, 1))
        return g.add(signal, g.reshape(drawn, shape))

    def _emphasised(self, signal: Value) -> Value:
        g = self.g
        if self.front_end.options.input_type == "spectrogram":
            return signal
        # Before the first sample is zero, which leaves it as it is.
        joined = g.concatenate([self.states.old("last_sample", (1,)), signal], 1)
        self.states.keep("last_sample", g.cut(joined, 1, -1, None))
        before = g.cut(joined, 1, 0, -1)
        return g.subtract(signal, g.multiply(before, spectrum.PRE_EMPHASIS))

    def _reflected(self, joined: Value, spare: int, clock: _Clock) -> Value:
        """With what is mirrored before the first sample and behind the last, as far as it is seen.

        Args:
          joined: `[batch, held + n]`.
          spare: zeros to append.
          clock: where the piece lies.
        """
        g, left, right = self.g, self.front_end.left, self.right
        batch, size = g.size(joined, 0), g.size(joined, 1)
        totals = g.expand_dims(clock.total, 1)
        before = g.tile(g.expand_dims(g.subtract(g.arange(left), left), 0), 0, batch)
        numbers = g.concatenate([before, g.add(g.expand_dims(g.arange(right), 0), totals)], 1)
        sources = reflected(g, numbers, totals, max(left, right))
        first = g.expand_dims(g.subtract(clock.position, self.held), 1)
        last = g.subtract(size, 1)
        sources = g.minimum(g.maximum(g.subtract(sources, first), 0), last)
        values = g.take_in_rows(joined, sources)
        # What is not in this piece goes where nobody looks.
        targets = g.subtract(numbers, first)
        targets = g.select(g.less(targets, 0), size, g.minimum(targets, size))
        return g.put_in_rows(g.pad(joined, 1, 0, spare), targets, values)


def _normalised(
    g: GraphBuilder,
    extractor: FeatureExtractor,
    states: GraphStates,
    features: Value,
    numbers: Value,
    inside: Value,
) -> Value:
    """Normalised features, of which those outside a stream mean nothing.

    Args:
      numbers: `[batch, time, 1]`, those of the frames.
      inside: 1.0 where a frame belongs to its stream.
    """
    normalizer = extractor.normalizer
    if isinstance(normalizer, FixedNormalizer):
        return by_statistics(g, features, normalizer.mean, normalizer.deviation)
    if isinstance(normalizer, RunningNormalizer):
        return _running(g, normalizer, states, features, numbers, inside)
    raise TypeError(f"no graph of streams for {type(normalizer).__name__}")


def _running(
    g: GraphBuilder,
    normalizer: RunningNormalizer,
    states: GraphStates,
    features: Value,
    numbers: Value,
    inside: Value,
) -> Value:
    """By sums that go on from piece to piece; see `RunningNormalizer`."""
    prior, decay = RunningPrior.of(normalizer), normalizer.decay
    origin = prior.origin if prior.weight else _first_frame(g, prior, states, features, numbers)
    features = g.select(g.less(0.5, inside), features, origin)
    values, means, squares = prior.centred(g, features, origin)
    # Frames of the stream up to each in the piece: before the first one nothing is forgotten.
    places = g.expand_dims(g.expand_dims(g.arange(g.size(features, 1)), 0), 2)
    passed = g.maximum(g.add(g.minimum(places, numbers), 1), 0)
    left = powers(g, g.to_float(passed), decay)
    width = len(prior.square_sum)
    # The sums of the values, those of their squares, and the weight, side by side.
    initial = np.concatenate([np.zeros(width), prior.square_sum, [prior.weight]])[None]
    before = states.old("norm/sums", initial.shape, initial)
    own = decayed_sums(g, g.concatenate([means, squares, inside], 2), decay, _BLOCK)
    sums = g.add(own, g.multiply(left, before))
    counts = g.cut(sums, 2, 2 * width, None)
    end = g.cut(sums, 1, -1, None)
    if decay == 1.0:
        too_many = g.less(float(_MOST_COUNTED), g.cut(counts, 1, -1, None))
        end = g.multiply(end, g.select(too_many, 0.5, 1.0))
    states.keep("norm/sums", end)
    return by_sums(g, values, g.cut(sums, 2, 0, width), g.cut(sums, 2, width, 2 * width), counts)


def _first_frame(
    g: GraphBuilder, prior: RunningPrior, states: GraphStates, features: Value, numbers: Value
) -> Value:
    """The origin of a stream without a prior, once its first frame is there; 0 before."""
    is_first = g.multiply(g.to_float(g.less(-1, numbers)), g.to_float(g.less(numbers, 1)))
    found = g.reduce("sum", g.select(g.less(0.5, is_first), features, 0.0), (1,))
    found = prior.own_origin(g, found)
    origin = g.add(states.old("norm/origin", (1, len(prior.origin))), found)
    states.keep("norm/origin", origin)
    return origin
