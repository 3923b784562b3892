"""The fingerprint finds a front-end that differs from a checkpoint's."""

import copy
import json

import numpy as np
import pytest

from open_seq2seq.features import filters
from open_seq2seq.features.extractor import FeatureExtractor, check_fingerprint

BASE = {
    "backend": "librosa",
    "input_type": "logfbank",
    "num_audio_features": 64,
    "norm_per_feature": True,
    "dither": 1e-5,
}


def fingerprint(**changes):
    return FeatureExtractor({**BASE, **changes}).fingerprint()


def as_stored(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("backend", ["psf", "librosa"])
@pytest.mark.parametrize("kind", ["spectrogram", "mfcc", "logfbank"])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_same_front_end_passes(backend, kind, rate):
    current = fingerprint(backend=backend, input_type=kind, sample_freq=rate)
    assert check_fingerprint(as_stored(current), current) == []
    assert np.isfinite(current["numbers"]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_audio_features", 80),
        ("backend", "psf"),
        ("input_type", "mfcc"),
        ("window_size", 0.025),
        ("window_stride", 0.0125),
        ("sample_freq", 8000),
        ("dither", 0.0),
        ("norm_per_feature", False),
        ("window", "hamming"),
        ("num_fft", 1024),
        ("gain", 1e-4),
        ("features_mean", [0.0] * 64),
    ],
)
def test_a_changed_parameter_is_named(name, value):
    problems = check_fingerprint(as_stored(fingerprint()), fingerprint(**{name: value}))
    assert f"data_layer_params/{name}" in [problem.where for problem in problems]


@pytest.mark.parametrize(
    "changes",
    [{"precompute_mel_basis": True}, {"pad_to": 16}, {"num_fft": 512}, {"legacy_mfcc": True}],
)
def test_what_changes_no_number_is_no_problem(changes):
    assert check_fingerprint(as_stored(fingerprint()), fingerprint(**changes)) == []


def test_psf_padding_changes_the_statistics():
    stored, current = fingerprint(backend="psf"), fingerprint(backend="psf", pad_to=32)
    assert [problem.where for problem in check_fingerprint(stored, current)] == [
        "data_layer_params/pad_to"
    ]


def test_a_changed_computation_is_found(monkeypatch):
    stored = as_stored(fingerprint())
    mel = filters.slaney_mel_filters
    monkeypatch.setattr(filters, "slaney_mel_filters", lambda *sizes: np.roll(mel(*sizes), 1, 1))
    (problem,) = check_fingerprint(stored, fingerprint())
    assert problem.where == "the features of the probe signal"
    assert "differ by up to" in problem.found


def test_rounding_of_another_machine_passes():
    stored = copy.deepcopy(fingerprint())
    stored["numbers"] = [number + 0.002 for number in stored["numbers"]]
    assert check_fingerprint(stored, fingerprint()) == []
    stored["numbers"][3] = float("nan")
    assert len(check_fingerprint(stored, fingerprint())) == 1


def test_a_parameter_that_the_checkpoint_does_not_know_is_compared_by_the_numbers():
    stored = as_stored(fingerprint())
    del stored["parameters"]["window"]
    assert check_fingerprint(stored, fingerprint()) == []
    assert len(check_fingerprint(stored, fingerprint(window="none"))) == 1


def test_numbers_of_the_fingerprint_stay():
    """Checkpoints carry these: a change here makes them warn."""
    numbers = fingerprint()["numbers"]
    again = fingerprint()["numbers"]
    assert numbers == again
    assert len(numbers) == 48
    assert fingerprint()["shape"] == [61, 64]
