"""Batches whose features the device computes, against the same batches of features."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.errors import InputError
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.features.waveforms import Waveforms
from tests.data.corpora import write_audio, write_csv

AUGMENTATION = {
    "speed_perturbation_ratio": 0.1,
    "noise_level_min": -60,
    "noise_level_max": -40,
    "pauses": {"probability": 0.5},
    "level_min": -6.0,
    "spec_augment": "SM",
}
ON = {"features_on_device": True}


def make(params, mode="train", batch_size=4, **options) -> Speech2TextDataLayer:
    return Speech2TextDataLayer(params, mode=mode, batch_size=batch_size, **options)


@pytest.mark.parametrize("forms", [0, 2])
@pytest.mark.parametrize("backend", ["librosa", "psf"])
def test_the_device_makes_the_same_batches(params, backend, forms):
    params |= {"augmentation": {**AUGMENTATION, "num_forms": forms}, "backend": backend,
               "dither": 1e-3, "norm_per_feature": True}  # fmt: skip
    expected, found = make(params, seed=3), make(params | ON, seed=3)
    device = DeviceFeatures(found.extractor)
    masked = 0
    for one, other in zip(expected.batches(epoch=1), found.batches(epoch=1), strict=True):
        assert isinstance(other.features, Waveforms)
        for name in set(vars(one)) - {"features"}:
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name), err_msg=name)
        features = np.asarray(device(other.features))
        np.testing.assert_allclose(features, one.features, rtol=1e-3, atol=1e-3)
        assert np.abs(features - one.features).mean() < 1e-5
        np.testing.assert_array_equal(features == 0, one.features == 0)  # padding and masks
        masked += (~other.features.kept_frames).sum() * (~other.features.kept_features).sum()
    assert masked > 0


def test_few_lengths_of_samples(params):
    """As few as lengths of features: a compiled step is compiled for each."""
    layer = make(params | ON | {"num_buckets": 3})
    lengths = {b.features.samples.shape[1] for epoch in (0, 1) for b in layer.batches(epoch)}
    assert len(lengths) <= 3
    assert {layer.extractor.frames(n) for n in lengths} <= set(layer.bucket_lengths)


def equal(first, second) -> None:
    for one, other in zip(first, second, strict=True):
        for name in set(vars(one)) - {"features"}:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        for mine, theirs in zip(one.features, other.features, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_workers_and_resume_change_nothing(params):
    params |= ON | {"augmentation": AUGMENTATION, "dither": 1e-3}
    expected = list(make(params | {"loader_workers": 0}, seed=3).batches(epoch=2))
    equal(expected, make(params | {"loader_workers": 3}, seed=3).batches(epoch=2))
    for start in (1, len(expected) - 1):
        equal(expected[start:], make(params, seed=3).batches(epoch=2, start=start))
    other = make(params, seed=3).batches(epoch=3)
    assert not np.array_equal(next(other).features.samples[0], expected[0].features.samples[0])


def test_other_modes_have_features(params):
    layer = make(params | ON | {"cache_features": True}, "eval")
    features = next(layer.batches()).features
    np.testing.assert_array_equal(features, next(make(params, "eval").batches()).features)
    np.testing.assert_array_equal(
        make(params | ON).utterance_loader()(0), make(params).utterance_loader()(0)
    )


def test_a_batch_of_which_nothing_can_be_read(params, tmp_path):
    bad = str(write_audio(tmp_path / "bad.wav", 0.5))
    params["dataset_files"] = [write_csv(tmp_path / "a.csv", [(bad, "abc")])]
    layer = make(params | ON)
    assert layer.batches_per_epoch == 1
    (tmp_path / "bad.wav").unlink()
    (batch,) = layer.batches()
    assert batch.is_padding and "bad.wav: no such file" in batch.left_out[0].problem.found
    features = np.asarray(DeviceFeatures(layer.extractor)(batch.features))
    assert np.isfinite(features).all() and features.std() > 0.5


def test_what_does_not_go_together_is_said_at_once(params):
    wrong = {"cache_features": True, "augmentation": {"vtlp_ratio": 0.1}}
    with pytest.raises(InputError) as raised:
        make(params | ON | wrong)
    found = {problem.where: problem.found for problem in raised.value.problems}
    assert found.keys() == {"cache_features", "augmentation/vtlp_ratio"}
    assert all("features_on_device" in text for text in found.values())
    for one in wrong:
        with pytest.raises(InputError, match=one):
            make(params | ON | {one: wrong[one]})
    assert list(itertools.islice(make(params | wrong | {"cache_features": False}).batches(), 1))
