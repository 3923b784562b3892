"""Vocal tract length perturbation against the paper's formula and against moved tones."""

import librosa
import numpy as np
import pytest

from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.data.speech2text.vocal_tract import warp, warped_frequencies
from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor

RATE = 16000


def extractor(**changes):
    params = {
        "backend": "librosa",
        "input_type": "logfbank",
        "num_audio_features": 64,
        "sample_freq": RATE,
        "norm_per_feature": True,
        **changes,
    }
    return FeatureExtractor(params)


def test_the_papers_formula_by_hand():
    """Boundary 4800 Hz, Nyquist 8000 Hz."""
    slow = warped_frequencies(np.array([0.0, 1000, 4800, 6400, 8000]), 0.8, RATE)
    # 4800 * 0.8 / 0.8 = 4800 is the knee; above, 4160 Hz are spread over 3200.
    np.testing.assert_allclose(slow, [0, 800, 3840, 8000 - 4160 / 3200 * 1600, 8000])
    fast = warped_frequencies(np.array([0.0, 1000, 4000, 6000, 8000]), 1.2, RATE)
    # 4800 / 1.2 = 4000 is the knee; 3200 Hz are spread over 4000.
    np.testing.assert_allclose(fast, [0, 1200, 4800, 8000 - 0.8 * 2000, 8000])


@pytest.mark.parametrize("factor", [0.8, 0.95, 1.0, 1.1, 1.25])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_order_and_ends_stay(factor, rate):
    frequencies = np.linspace(0, rate / 2, 500)
    warped = warped_frequencies(frequencies, factor, rate)
    assert warped[0] == 0 and warped[-1] == pytest.approx(rate / 2)
    assert (np.diff(warped) > 0).all()


def test_no_shift_changes_nothing():
    features = np.random.default_rng(0).standard_normal((20, 64)).astype(np.float32)
    warped = warp(features, extractor().frequencies, 1.0, RATE)
    np.testing.assert_allclose(warped, features, atol=1e-6)
    assert warped.dtype == np.float32


@pytest.mark.parametrize("factor", [0.85, 0.95, 1.1])
def test_a_straight_line_is_read_at_the_warped_frequencies(factor):
    """Interpolation is exact for features that are linear in the frequency."""
    frequencies = extractor().frequencies
    warped = warp(frequencies[None] * 0.001, frequencies, factor, RATE)[0]
    sources = warped_frequencies(frequencies, factor, RATE)
    expected = np.clip(sources, frequencies[0], frequencies[-1]) * 0.001
    np.testing.assert_allclose(warped, expected)


@pytest.mark.parametrize("tone", [500.0, 1500.0, 3000.0])
def test_a_tone_moves_to_where_it_would_be_recorded(tone):
    """Factor 1.1: what was at f is found at f / 1.1."""
    time = np.arange(RATE) / RATE
    features = extractor(norm_per_feature=False)
    samples = (0.5 * np.sin(2 * np.pi * tone * time)).astype(np.float32)
    warped = warp(features(samples), features.frequencies, 1.1, RATE)
    moved = (0.5 * np.sin(2 * np.pi * tone / 1.1 * time)).astype(np.float32)
    difference = warped[10:-10].mean(0).argmax() - features(moved)[10:-10].mean(0).argmax()
    assert abs(difference) <= 1


def test_frequencies_of_bands():
    mel = librosa.mel_frequencies(n_mels=66, fmin=0, fmax=RATE / 2)[1:-1]
    found = extractor().frequencies
    assert (np.diff(found) > 0).all()
    # Filters of one or two bins have their centre at a bin, 31 Hz apart.
    assert np.abs(found - mel).max() < 35
    assert extractor(backend="psf").frequencies.shape == (64,)
    bins = extractor(input_type="spectrogram", num_audio_features=160).frequencies
    np.testing.assert_allclose(bins, np.arange(160) * 50.0)
    assert extractor(input_type="mfcc", num_audio_features=13).frequencies is None


def test_empty_filters_lie_between_their_neighbours():
    frequencies = extractor(num_audio_features=128, num_fft=512).frequencies
    assert np.isfinite(frequencies).all() and (np.diff(frequencies) > 0).all()


class TestAugmenter:
    def test_draws_both_ways(self):
        frequencies = extractor().frequencies
        augmenter = Augmenter({"vtlp_ratio": 0.1}, RATE, frequencies)
        assert augmenter.cacheable
        line = frequencies[None].repeat(2, 0)
        rng = np.random.default_rng(0)
        factors = [augmenter.spectrogram(line, rng)[0, 20] / frequencies[20] for _ in range(300)]
        assert 0.9 <= min(factors) < 0.905 and 1.095 < max(factors) <= 1.1
        assert np.mean(factors) == pytest.approx(1, abs=0.01)

    def test_the_same_for_the_same_generator(self):
        augmenter = Augmenter({"vtlp_ratio": 0.1, "n_time_mask": 1}, RATE, extractor().frequencies)
        features = np.random.default_rng(1).standard_normal((300, 64))
        first, second = (augmenter.spectrogram(features, np.random.default_rng(2)) for _ in "ab")
        np.testing.assert_array_equal(first, second)

    def test_not_for_cepstra(self):
        augmenter = Augmenter({"vtlp_ratio": 0.1}, RATE)
        (problem,) = augmenter.problems(13)
        assert "mfcc" in str(problem)

    def test_limits(self):
        with pytest.raises(InputError, match="vtlp_ratio"):
            Augmenter({"vtlp_ratio": 0.5}, RATE)
