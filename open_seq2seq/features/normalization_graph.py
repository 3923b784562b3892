"""The normalisations of features as parts of a graph; see `normalization` for the formulas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from open_seq2seq.features import spectrum
from open_seq2seq.features.normalization import (
    DEVIATION_EPSILON,
    FixedNormalizer,
    Normalizer,
    RunningNormalizer,
    UnbiasedNormalizer,
    UtteranceNormalizer,
)
from open_seq2seq.graphs.builder import GraphBuilder, Operand, Value

# Frames whose running sums are one product with a matrix.
_BLOCK = 256


def normalise(
    g: GraphBuilder,
    normalizer: Normalizer,
    features: Value,
    levels: Value | None,
    lengths: Value | None,
) -> Value:
    """Normalised features `[batch, time, feature]`, zero past each length.

    Args:
      g: what writes.
      normalizer: the normalisation.
      features: `[batch, time, feature]`.
      levels: `[batch, time, 1]`, the power of each frame; needed if it `takes_levels`.
      lengths: `[batch]`, frames of each recording; None: all.
    """
    inside = None
    if lengths is not None:
        ends = g.expand_dims(g.expand_dims(lengths, 1), 2)
        places = g.expand_dims(g.expand_dims(g.arange(g.size(features, 1)), 0), 2)
        inside = g.less(places, ends)
        features = g.select(inside, features, 0.0)
    if isinstance(normalizer, FixedNormalizer):
        normalised = by_statistics(g, features, normalizer.mean, normalizer.deviation)
    elif isinstance(normalizer, UnbiasedNormalizer):
        normalised = _unbiased(g, normalizer.per_feature, features, inside)
    elif isinstance(normalizer, UtteranceNormalizer):
        normalised = _utterance(g, normalizer, features, levels, inside, lengths)
    elif isinstance(normalizer, RunningNormalizer):
        normalised = _running(g, normalizer, features)
    else:
        raise TypeError(f"no graph for {type(normalizer).__name__}")
    return normalised if inside is None else g.select(inside, normalised, 0.0)


def by_statistics(
    g: GraphBuilder, features: Value, mean: np.ndarray, deviation: np.ndarray
) -> Value:
    """Features by a mean and a deviation `[feature]` that are known."""
    scale = 1.0 / np.maximum(np.asarray(deviation, np.float64), spectrum.SMALLEST_DEVIATION)
    centred = g.subtract(features, np.asarray(mean, np.float32))
    return g.multiply(centred, scale.astype(np.float32))


def _utterance(
    g: GraphBuilder,
    normalizer: UtteranceNormalizer,
    features: Value,
    levels: Value | None,
    inside: Value | None,
    lengths: Value | None,
) -> Value:
    """By the mean and deviation of each recording's own frames, or of its loud ones."""
    given_mean, given_deviation = normalizer.mean, normalizer.deviation
    if given_mean is not None and given_deviation is not None:
        return by_statistics(g, features, given_mean, given_deviation)
    counted = None if inside is None else g.to_float(inside)
    if normalizer.norm_range is not None:
        counted = _loud(g, levels, normalizer.norm_range, counted, lengths)
    axes = (1,) if normalizer.per_feature else (1, 2)

    def average(values: Value) -> Value:
        if counted is None:
            return g.reduce("mean", values, axes)
        number = g.reduce("sum", counted, (1,))
        if not normalizer.per_feature:
            number = g.multiply(number, float(g.size(features, 2)))
        return g.divide(g.reduce("sum", g.multiply(values, counted), axes), number)

    centred = g.subtract(features, average(features))
    # Again: the sum of many frames is rounded, that of their small differences is not.
    centred = g.subtract(centred, average(centred))
    if given_deviation is not None:
        return by_statistics(g, centred, np.zeros_like(given_deviation), given_deviation)
    squares = g.unary("square", centred)
    variance = average(squares)
    # Rounded too: what is left beside the squares' mean is added.
    variance = g.add(variance, average(g.subtract(squares, variance)))
    deviation = g.unary("sqrt", variance)
    if given_mean is not None:  # the deviation is still that from the recording's own mean
        centred = g.subtract(features, np.asarray(given_mean, np.float32))
    elif normalizer.norm_range is not None:
        share = g.multiply(g.reduce("mean", deviation, (2,)), spectrum.SMALLEST_SHARE)
        deviation = g.maximum(deviation, share)
    return g.divide(centred, g.maximum(deviation, spectrum.SMALLEST_DEVIATION))


def _unbiased(g: GraphBuilder, per_feature: bool, features: Value, inside: Value | None) -> Value:
    """See `UnbiasedNormalizer`; `features` are zero where they are not `inside`."""
    axes = (1,) if per_feature else (1, 2)
    others = 1.0 if per_feature else float(g.size(features, 2))
    if inside is None:
        number = g.multiply(g.to_float(g.reshape(g.size(features, 1), (1, 1, 1))), others)
    else:
        counted = g.to_float(inside)
        number = g.multiply(g.reduce("sum", counted, (1,)), others)
    centred = features
    for _ in range(2):  # the sum of many frames is rounded, that of their small differences is not
        centred = g.subtract(centred, g.divide(g.reduce("sum", centred, axes), number))
        centred = centred if inside is None else g.multiply(centred, counted)
    squares = g.unary("square", centred)
    # Their sum is rounded too: what is left beside their mean is added.
    total = g.reduce("sum", squares, axes)
    left = g.subtract(squares, g.divide(total, number))
    left = left if inside is None else g.multiply(left, counted)
    total = g.add(total, g.reduce("sum", left, axes))
    deviation = g.unary("sqrt", g.divide(total, g.maximum(g.subtract(number, 1.0), 1.0)))
    return g.divide(centred, g.add(deviation, DEVIATION_EPSILON))


def _loud(
    g: GraphBuilder,
    levels: Value | None,
    decibels_below: float,
    inside: Value | None,
    lengths: Value | None,
) -> Value:
    """`[batch, time, 1]`, 1.0 where a frame carries sound; see `spectrum.loud`."""
    assert levels is not None
    batch, place = g.size(levels, 0), spectrum.LOUDEST
    flat = g.reshape(levels, (batch, -1))
    frames = g.reshape(g.size(levels, 1), (1, 1)) if lengths is None else g.expand_dims(lengths, 1)
    if inside is not None:  # past the end there is less than nothing
        flat = g.select(g.less(g.reshape(inside, (batch, -1)), 0.5), -1.0, flat)
    # Of fewer frames the weakest is the loudest: the greatest numbers take the places before it.
    missing = g.less(g.add(g.expand_dims(g.arange(place), 0), frames), place)
    filled = g.select(missing, float(np.finfo(np.float32).max), -1.0)
    if lengths is None:
        filled = g.tile(filled, 0, batch)
    loudest = g.expand_dims(g.largest(g.concatenate([flat, filled], 1), place), 2)
    limit = g.multiply(loudest, float(10.0 ** (-decibels_below / 10.0)))
    loud = g.subtract(1.0, g.to_float(g.less(levels, limit)))
    return loud if inside is None else g.multiply(loud, inside)


def _running(g: GraphBuilder, normalizer: RunningNormalizer, features: Value) -> Value:
    """By the frames up to each: sums with a decay, block by block.

    Written from the prior's mean on, or the first frame, which changes neither differences nor
    deviations, and keeps the small difference of large squares exact in float32.
    """
    decay = normalizer.decay
    prior = RunningPrior.of(normalizer)
    origin = prior.origin if prior.weight else prior.own_origin(g, g.cut(features, 1, 0, 1))
    values, means, squares = prior.centred(g, features, origin)
    number = g.reshape(g.to_float(g.arange(g.size(features, 1))), (1, -1, 1))
    left = powers(g, g.add(number, 1.0), decay)  # what is left of the prior
    counts = decayed_sums(g, g.add(g.multiply(number, 0.0), 1.0), decay)
    counts = g.add(counts, g.multiply(left, prior.weight))
    square_sums = g.add(decayed_sums(g, squares, decay), g.multiply(left, prior.square_sum))
    return by_sums(g, values, decayed_sums(g, means, decay), square_sums, counts)


class RunningPrior(NamedTuple):
    """What running sums begin with, from the prior's mean on.

    Without a prior the first frame takes the place of its mean: of few frames that are alike the
    deviation is small, and squares from zero on would hide it in their rounding.

    Args:
      origin: the prior's mean, `[feature]` or `[1]` float32, which is subtracted first.
      weight: of the prior, in frames.
      square_sum: `[feature]` or `[1]` float32: N d^2 and, not per feature, the spread of the means.
        The sum of the values themselves is 0.
      per_feature: whether each feature has sums of its own.
    """

    origin: np.ndarray
    weight: float
    square_sum: np.ndarray
    per_feature: bool

    @classmethod
    def of(cls, normalizer: RunningNormalizer) -> RunningPrior:
        """That of a normaliser."""
        prior, origin = normalizer.initial_state(), normalizer.mean
        origin = origin if normalizer.per_feature else origin.mean(keepdims=True)
        weight = float(prior["weight"])
        spread = prior["square_sum"] - weight * np.square(origin)
        parts = origin.astype(np.float32), weight, spread.astype(np.float32)
        return cls(*parts, normalizer.per_feature)

    def own_origin(self, g: GraphBuilder, frame: Value) -> Value:
        """That of a stream without a prior, `[batch, 1, feature]` or `[batch, 1, 1]`."""
        return frame if self.per_feature else g.reduce("mean", frame, (2,))

    def centred(
        self, g: GraphBuilder, features: Value, origin: Operand
    ) -> tuple[Value, Value, Value]:
        """Features without their origin, and what of each frame is added to the two sums."""
        values = g.subtract(features, origin)
        means, squares = values, g.unary("square", values)
        if not self.per_feature:
            means, squares = (g.reduce("mean", one, (2,)) for one in (means, squares))
        return values, means, squares


def by_sums(g: GraphBuilder, values: Value, sums: Value, squares: Value, counts: Value) -> Value:
    """Values `[batch, time, feature]` by the mean and deviation that sums and counts give."""
    mean = g.divide(sums, counts)
    variance = g.subtract(g.divide(squares, counts), g.unary("square", mean))
    variance = g.maximum(variance, spectrum.SMALLEST_DEVIATION**2)
    return g.divide(g.subtract(values, mean), g.unary("sqrt", variance))


def powers(g: GraphBuilder, numbers: Value, decay: float) -> Value:
    """`decay ** numbers`."""
    return g.unary("exp", g.multiply(numbers, float(np.log(decay))))


def decayed_sums(g: GraphBuilder, x: Value, decay: float, block: int = _BLOCK) -> Value:
    """`y_t = a y_{t-1} + x_t` over the time of `[batch, time, channel]`, from 0 on.

    Args:
      g: what writes.
      x: the values.
      decay: a.
      block: frames whose sums are one product with a matrix.
    """
    frames, batch, width = g.size(x, 1), g.size(x, 0), g.size(x, 2)
    blocks = g.floor_divide(g.add(frames, block - 1), block)
    missing = g.subtract(g.multiply(blocks, block), frames)
    x = g.reshape(g.pad(x, 1, 0, missing), (batch, blocks, block, width))
    steps = np.arange(block)
    distance = steps[:, None] - steps
    within = np.where(distance >= 0, decay ** np.maximum(distance, 0), 0.0)
    inside = g.matmul(np.asarray(within, np.float32)[None, None], x)
    # The sums at each block's end, and of these the same again over all blocks before.
    ends = g.reshape(g.cut(inside, 2, block - 1, block), (batch, blocks, width))
    number = g.to_float(g.arange(blocks))
    ahead = g.subtract(g.expand_dims(number, 1), g.expand_dims(number, 0))
    apart = g.multiply(g.maximum(g.subtract(ahead, 1.0), 0.0), float(block))
    weights = g.select(g.less(0.5, ahead), powers(g, apart, decay), 0.0)
    before = g.matmul(g.expand_dims(weights, 0), ends)
    carried = np.asarray(decay ** (steps + 1.0), np.float32)[None, None, :, None]
    sums = g.add(inside, g.multiply(g.expand_dims(before, 2), carried))
    sums = g.reshape(sums, (batch, g.multiply(blocks, block), width))
    return g.cut(sums, 1, 0, frames)
