"""Features inside a step against `FeatureExtractor`, whose numbers are held elsewhere."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.waveforms import Waveforms
from tests.features.test_graph import CASES, COUNTS, close, extractor, recordings


def together(extract, signals, rng=None):
    """A batch without masks; what lies past the end of a recording is anything."""
    counts = [len(samples) for samples in signals]
    batch = np.full((len(signals), max(counts)), np.nan, np.float32)
    for row, samples in zip(batch, signals):
        row[: len(samples)] = extract.levelled(samples, rng)
    shape = len(signals), extract.frames(max(counts))
    kept = np.ones(shape, bool), np.ones((len(signals), extract.num_features), bool)
    return Waveforms(batch, np.array(counts, np.int32), *kept)


@pytest.mark.parametrize("name", CASES)
def test_features_of_a_batch(name):
    extract, signals = extractor(name), recordings()
    waveforms = together(extract, signals, np.random.default_rng(3))
    features = np.asarray(DeviceFeatures(extract)(waveforms))
    rng = np.random.default_rng(3)  # the same dither
    for row, samples in zip(features, signals):
        expected = extract(samples, rng)
        if len(samples) > 2:  # others are constant: all bands but the lowest are rounding
            close(row[: len(expected)], expected, samples)
        assert np.isfinite(row).all() and not row[len(expected) :].any()


@pytest.mark.parametrize("backend", ["librosa", "psf"])
def test_a_recording_with_noise_in_all_bands_is_exact(backend):
    """Without bands that are nothing beside others, what is left is the rounding of one band."""
    extract = FeatureExtractor(
        {"num_audio_features": 24, "input_type": "logfbank", "backend": backend, "dither": 1e-3,
         "norm_per_feature": True}
    )  # fmt: skip
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    signals = [noise, noise[:12_345]]
    features = np.asarray(DeviceFeatures(extract)(together(extract, signals)))
    for row, samples in zip(features, signals):
        expected = extract(samples)
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=0, atol=1e-4)


def test_masks_are_zeros():
    extract, signals = extractor("librosa, logfbank"), recordings()
    device, waveforms = DeviceFeatures(extract), together(extractor("librosa, logfbank"), signals)
    expected = np.array(device(waveforms))
    rng = np.random.default_rng(1)
    frames = rng.random(waveforms.kept_frames.shape) < 0.7
    bands = rng.random(waveforms.kept_features.shape) < 0.8
    found = device(waveforms._replace(kept_frames=frames, kept_features=bands))
    expected[~frames] = 0
    expected *= bands[:, None]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["psf, logfbank", "librosa, mfcc", "librosa, 8 kHz, odd sizes"])
@pytest.mark.parametrize("frames", [16, 48, 160])
def test_the_longest_recording_of_so_many_frames(name, frames):
    extract = extractor(name)
    most = extract.most_samples(frames)
    assert extract.frames(most) == frames < extract.frames(most + 1)


def test_the_spec_is_that_of_a_batch():
    extract = extractor("psf, mfcc")
    for (shape, dtype), array in zip(
        DeviceFeatures(extract).inputs_spec, together(extract, recordings()), strict=True
    ):
        assert array.dtype == dtype and len(shape) == array.ndim
        assert all(size in (None, own) for size, own in zip(shape, array.shape))
    assert max(COUNTS) == len(recordings()[0])


def test_it_needs_the_statistics():
    params = {"num_audio_features": 24, "input_type": "logfbank", "backend": "librosa"}
    with pytest.raises(InputError, match="features_mean"):
        DeviceFeatures(FeatureExtractor({**params, "feature_norm": "fixed"}))
