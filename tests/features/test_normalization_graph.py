"""Normalisations in graphs against their formulas in float64."""

import numpy as np
import pytest

from open_seq2seq.features.normalization import (
    RunningNormalizer,
    UnbiasedNormalizer,
    UtteranceNormalizer,
)
from open_seq2seq.features.normalization_graph import normalise
from tests.graphs.backends import BACKENDS

FRAMES_OF_A_SECOND = 100
NORMALIZERS = {
    "each feature": UtteranceNormalizer(per_feature=True),
    "all together": UtteranceNormalizer(per_feature=False),
    "loud frames": UtteranceNormalizer(per_feature=True, norm_range=30),
    "nemo": UnbiasedNormalizer(per_feature=True),
}


def expected(normalizer, features, levels):
    features = features.astype(np.float64)
    counted = features
    if normalizer.takes_levels:  # within so many dB of the fifth loudest
        counted = features[levels >= np.sort(levels)[-5] * 10 ** (-normalizer.norm_range / 10)]
    axis = 0 if normalizer.per_feature else None
    unbiased = isinstance(normalizer, UnbiasedNormalizer)
    deviation = counted.std(axis, ddof=int(unbiased))
    return (features - counted.mean(axis)) / (deviation + (1e-5 if unbiased else 0.0))


@pytest.mark.parametrize("backend", ["keras", "onnx"])
@pytest.mark.parametrize("seconds", [40, 600])
@pytest.mark.parametrize("name", NORMALIZERS)
def test_long_recordings_keep_their_digits(name, seconds, backend):
    """Sums of tens of thousands of numbers in float32 lose digits; features here must not."""
    rng, frames = np.random.default_rng(3), seconds * FRAMES_OF_A_SECOND
    loudness = 2 * np.sin(np.arange(frames) / 30)[:, None]
    features = (rng.normal(-8, 2, (frames, 8)) + loudness).astype(np.float32)
    levels = np.exp(features).sum(axis=1)
    normalizer = NORMALIZERS[name]

    def graph(g, features, levels, lengths):
        return [normalise(g, normalizer, features, levels, lengths)]

    counts = np.array([frames], np.int32)
    inputs = [features[None], levels[None, :, None], counts]
    [found] = BACKENDS[backend](graph, inputs)[0]
    np.testing.assert_allclose(found, expected(normalizer, features, levels), rtol=0, atol=2e-6)


@pytest.mark.parametrize("per_feature", [True, False])
@pytest.mark.parametrize("backend", ["keras", "onnx"])
def test_running_statistics_of_a_quiet_beginning(backend, per_feature):
    """Without a prior the first frames' deviation is small: squares from zero on would hide it."""
    features = np.random.default_rng(4).normal(-8, 2, (300, 8)).astype(np.float32)
    features[:50] = -8 + (features[:50] + 8) * 1e-3
    normalizer = RunningNormalizer(8, per_feature)
    expected = features.copy()
    normalizer(expected)

    def graph(g, features):
        return [normalise(g, normalizer, features, None, None)]

    [found] = BACKENDS[backend](graph, [features[None]])[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
