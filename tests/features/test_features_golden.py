"""Numbers that the original OpenSeq2Seq computed for a fixed signal."""

import numpy as np
import pytest

from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.filters import slaney_mel_filters


def signal():
    n = np.arange(16000)
    t = n / 16000
    chirp = 4000 * np.sin(2 * np.pi * (200 * t + 1500 * t**2))
    samples = np.round(8000 * np.sin(2 * np.pi * 440 * n / 16000) + chirp).astype(np.int16)
    assert samples[:5].tolist() == [0, 1689, 3336, 4899, 6338]
    assert samples.sum() == 48091
    return (samples / 32768).astype(np.float32)


# Columns: the first three features of the first frame; frame 10, feature 5; frame 50,
# feature 20 or the last; the last feature of the last frame.
GOLDEN = [
    ("psf", "spectrogram", 160, {}, 104, [0.86326, 0.90660, 1.03562, 0.88005, 0.36830, -4.56692]),
    ("psf", "spectrogram", 96, {}, 104, [0.67747, 0.71886, 0.84210, 0.69351, 0.20470, -4.50923]),
    ("psf", "logfbank", 64, {}, 104, [0.03023, 0.15770, 0.19244, 0.19825, 0.08977, -5.57224]),
    (
        "psf",
        "logfbank",
        64,
        {"pad_to": 0},
        99,
        [-0.47397, -0.02588, 0.09627, 0.11668, -0.26468, -0.28086],
    ),
    ("psf", "mfcc", 13, {}, 104, [2.14974, 0.64073, 0.18517, -1.02109, 0.87732, -0.12114]),
    ("librosa", "spectrogram", 160, {}, 101, [2.9782, 2.98924, 3.05353, 1.54423, 0.52364, 1.44544]),
    ("librosa", "spectrogram", 96, {}, 101, [2.34974, 2.35973, 2.41794, 1.05128, 0.12714, 1.14784]),
    ("librosa", "logfbank", 64, {}, 101, [1.40082, 1.51520, 1.72511, 0.84619, -0.17629, 1.20483]),
    (
        "librosa",
        "logfbank",
        64,
        {"norm_per_feature": True},
        101,
        [6.16201, 5.99693, 6.01802, -0.46221, -0.34131, 7.25562],
    ),
    (
        "librosa",
        "mfcc",
        13,
        {"legacy_mfcc": True},
        101,
        [0.07680, 0.14969, 0.13740, 0.18531, -0.44982, -2.05757],
    ),
    (  # Log mel energies before normalisation.
        "librosa",
        "logfbank",
        64,
        {"features_mean": [0.0] * 64, "features_std_dev": [1.0] * 64},
        101,
        [-4.79711, -4.06598, -2.72423, -8.34222, -14.87781, -6.04982],
    ),
]


@pytest.mark.parametrize(("backend", "kind", "size", "more", "frames", "numbers"), GOLDEN)
def test_golden_values(backend, kind, size, more, frames, numbers):
    params = {"backend": backend, "input_type": kind, "num_audio_features": size, **more}
    features = FeatureExtractor(params)(signal())
    assert features.shape == (frames, size)
    assert features.dtype == np.float32
    picked = [*features[0, :3], features[10, 5], features[50, min(20, size - 1)], features[-1, -1]]
    np.testing.assert_allclose(picked, numbers, rtol=0, atol=1e-3)


def test_golden_values_do_not_depend_on_the_level():
    params = {"backend": "librosa", "input_type": "logfbank", "num_audio_features": 64}
    extract = FeatureExtractor(params)
    np.testing.assert_allclose(extract(signal()), extract(signal() / 8), atol=1e-3)


def test_mel_filters():
    filters = slaney_mel_filters(16000, 512, 64)
    assert filters.shape == (64, 257)
    sums = filters.sum(axis=1)
    np.testing.assert_allclose(sums[:3], [0.02858679, 0.03518878, 0.02902256], atol=1e-8)
    np.testing.assert_allclose(sums[-1], 0.03201951, atol=1e-8)
    np.testing.assert_allclose(filters.max(), 0.02111327, atol=1e-8)
