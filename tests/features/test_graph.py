"""The front-end as a graph against `FeatureExtractor`, whose numbers are held elsewhere."""

import keras
import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.graph import build_features
from open_seq2seq.features.layer import FrontEndLayer
from tests.graphs.backends import BACKENDS

FIXED = {
    "feature_norm": "fixed",
    "features_mean": np.linspace(-3, 3, 24).tolist(),
    "features_std_dev": np.linspace(1, 3, 24).tolist(),
}
RUNNING = {**FIXED, "feature_norm": "running"}
LIBROSA = {"backend": "librosa", "norm_per_feature": True, "dither": 1e-3}
CASES = {
    "psf, logfbank": {"backend": "psf", "pad_to": 16},
    "psf, logfbank, nothing appended": {"backend": "psf", "pad_to": 1},
    "psf, mfcc": {"backend": "psf", "input_type": "mfcc", "pad_to": 8},
    "psf, spectrogram": {"backend": "psf", "input_type": "spectrogram"},
    "psf, fixed": {"backend": "psf", "norm_per_feature": True, **FIXED},
    "librosa, logfbank": LIBROSA,
    "librosa, all features together": {**LIBROSA, "norm_per_feature": False},
    "librosa, mfcc": {**LIBROSA, "input_type": "mfcc"},
    "librosa, linear mfcc": {**LIBROSA, "input_type": "mfcc", "legacy_mfcc": True},
    "librosa, spectrogram": {**LIBROSA, "input_type": "spectrogram"},
    "librosa, noise floor": {**LIBROSA, "norm_range": 35, "noise_floor": -60},
    "librosa, spectrogram with a floor": {
        **LIBROSA, "input_type": "spectrogram", "norm_range": 30, "noise_floor": -50,
    },
    "librosa, other windows": {
        **LIBROSA, "window": "hamming", "window_size": 0.025, "window_stride": 0.0125,
        "num_fft": 1024,
    },
    "librosa, hop longer than the window": {
        **LIBROSA, "window": "none", "window_size": 0.01, "window_stride": 0.015,
    },
    "librosa, 8 kHz, odd sizes": {**LIBROSA, "sample_freq": 8000, "window_size": 0.0251,
                                  "input_type": "spectrogram"},
    "librosa, given mean": {**LIBROSA, "features_mean": FIXED["features_mean"]},
    "librosa, given deviation": {**LIBROSA, "features_std_dev": FIXED["features_std_dev"]},
    "librosa, fixed": {**LIBROSA, "gain": 1 / 32768, **FIXED},
    "librosa, running": {**LIBROSA, "gain": 1 / 32768, **RUNNING},
    "librosa, running, all together": {
        **LIBROSA, "gain": 1 / 32768, **RUNNING, "norm_per_feature": False,
        "running_time_constant": 0.5,
    },
    "librosa, running, nothing forgotten": {
        **LIBROSA, "gain": 1 / 32768, **RUNNING, "running_prior_frames": 2.0,
        "running_time_constant": None,
    },
}  # fmt: skip
COUNTS = [41234, 16000, 4801, 321, 320, 159, 2, 1]


def extractor(name):
    base = {"num_audio_features": 24, "input_type": "logfbank", "sample_freq": 16000}
    return FeatureExtractor({**base, **CASES[name]})


def recordings():
    """Modulated noise of several lengths, with digital silence in the longest one."""
    rng = np.random.default_rng(5)
    signals = []
    for count in COUNTS:
        envelope = 0.02 + np.abs(np.sin(np.arange(count) / 2500))
        signals.append((envelope * rng.normal(0, 0.05, count)).astype(np.float32))
    signals[0][9000:14000] = 0
    return signals


def close(found, expected, samples):
    """Powers are sums of products in float32: what is weak beside the strongest is less exact.

    One or two samples, reflected, are a constant or a wave: there all other bins are weak.
    """
    assert found.shape == expected.shape
    tolerance = 0.05 if samples.size < 3 else 3e-3
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=tolerance)
    if expected.size > 100:
        assert np.abs(found - expected).mean() < 5e-5


@pytest.mark.parametrize("backend", ["keras", "tensorflow", "onnx"])
@pytest.mark.parametrize("name", CASES)
def test_features_of_a_batch(name, backend):
    extract, signals = extractor(name), recordings()
    batch = np.full((len(signals), max(COUNTS)), np.nan, np.float32)  # whatever lies past the end
    for row, samples in zip(batch, signals):
        row[: len(samples)] = samples

    def graph(g, samples, counts):
        features, lengths = build_features(g, extract, samples, counts)
        return [features, g.to_float(lengths)]

    features, lengths = BACKENDS[backend](graph, [batch, np.array(COUNTS, np.int32)])
    assert lengths.tolist() == [extract.frames(count) for count in COUNTS]
    for row, count, samples in zip(features, lengths.astype(int), signals):
        close(row[:count], extract(samples), samples)
        assert not row[count:].any()


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        # Of seconds each in TensorFlow: every fourth, the others in the slow suite.
        pytest.param(
            name, backend, marks=[pytest.mark.slow] * (backend == "tensorflow" and place % 4 > 0)
        )
        for place, name in enumerate(CASES)
        for backend in ("keras", "tensorflow", "onnx")
    ],
)
def test_features_of_one_recording(name, backend):
    extract = extractor(name)

    def graph(g, samples):
        features, lengths = build_features(g, extract, samples, None)
        return [features, g.to_float(g.reshape(lengths, (1,)))]

    for samples in recordings()[1::2]:
        features, lengths = BACKENDS[backend](graph, [samples[None]])
        assert lengths.tolist() == [extract.frames(len(samples))]
        close(features[0], extract(samples), samples)


def test_the_layer_is_the_front_end():
    params = {"num_audio_features": 24, "input_type": "logfbank", **LIBROSA}
    layer, extract = FrontEndLayer(params), FeatureExtractor(params)
    samples = recordings()[2]
    again = FrontEndLayer.from_config(layer.get_config())
    for one in (layer, again):
        features, lengths = one(samples[None])
        close(np.asarray(features)[0], extract(samples), samples)
        assert np.asarray(lengths).tolist() == [extract.frames(len(samples))]
    spec, _ = layer(keras.KerasTensor((None, 4801)), keras.KerasTensor((None,), "int32"))
    assert spec.shape == (None, extract.frames(4801), 24)
    assert not layer.weights


def test_the_layer_needs_the_statistics():
    params = {"num_audio_features": 24, "input_type": "logfbank", "backend": "librosa"}
    with pytest.raises(InputError, match="features_mean"):
        FrontEndLayer({**params, "feature_norm": "fixed"})
