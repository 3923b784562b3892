"""Whose mean and deviation normalise: formulas against loops, and what contradicts itself."""

import json
import math

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor, check_fingerprint
from open_seq2seq.features.normalization import RunningNormalizer
from open_seq2seq.features.statistics import read_statistics, write_statistics

BASE = {"input_type": "logfbank", "num_audio_features": 4, "backend": "librosa"}
GIVEN = {"features_mean": [1.0, 2, 3, 4], "features_std_dev": [1.0, 2, 4, 8]}


def noise(count=8000, seed=0, level=0.1):
    return np.random.default_rng(seed).normal(0, level, count).astype(np.float32)


def measure(extract, recordings):
    total = extract.statistics_sum()
    for samples in recordings:
        total.add(*extract.unnormalised(samples))
    return total.result()


@pytest.mark.parametrize("per_feature", [True, False])
@pytest.mark.parametrize("constant", [None, 20.0, 0.05])
@pytest.mark.parametrize("prior", [0.0, 7.5])
def test_running_statistics_against_a_loop(per_feature, constant, prior):
    rng = np.random.default_rng(0)
    features = rng.normal([3, -40, 0, 7], [1, 5, 0.2, 2], (60, 4)).astype(np.float32)
    mean, deviation = np.array([2.0, -30, 0, 7]), np.array([2.0, 4, 1, 1])
    expected = np.zeros((60, 4))
    for t in range(60):
        # Each frame up to t with its weight, and the prior as frames of its own.
        ages = t - np.arange(t + 1)
        decay = 1.0 if constant is None else math.exp(-1 / constant)
        weights, weight = decay**ages, prior * decay ** (t + 1)
        axis = 0 if per_feature else (0, 1)
        scale = 1 if per_feature else 4
        total = (weights.sum() + weight) * scale
        old, squares = weight * mean, weight * (mean**2 + deviation**2)
        seen = features[: t + 1].astype(np.float64)
        here = ((weights[:, None] * seen).sum(axis) + (old if per_feature else old.sum())) / total
        power = (weights[:, None] * seen**2).sum(axis)
        power = (power + (squares if per_feature else squares.sum())) / total
        expected[t] = (seen[-1] - here) / np.maximum(np.sqrt(np.maximum(power - here**2, 0)), 1e-5)
    RunningNormalizer(4, per_feature, mean, deviation, prior, constant)(features)
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_the_time_constant_is_in_seconds():
    running = {**BASE, **GIVEN, "feature_norm": "running", "running_time_constant": 0.5}
    extract = FeatureExtractor({**running, "window_stride": 0.02})
    assert extract.normalizer.decay == pytest.approx(math.exp(-0.02 / 0.5))


@pytest.mark.parametrize("backend", ["librosa", "psf"])
def test_fixed_and_running_use_the_given_numbers(backend):
    base = {**BASE, "backend": backend}
    plain = {"features_mean": [0.0] * 4, "features_std_dev": [1.0] * 4}
    raw = FeatureExtractor({**base, **plain, "feature_norm": "fixed"})(noise())
    fixed = FeatureExtractor({**base, **GIVEN, "feature_norm": "fixed"})(noise())
    np.testing.assert_allclose(fixed, (raw - [1, 2, 3, 4]) / [1, 2, 4, 8], atol=1e-5)
    given = {**GIVEN, "feature_norm": "running", "norm_per_feature": True}
    # A prior of any number of frames is the training data's alone.
    running = FeatureExtractor({**base, **given, "running_prior_frames": 1e9})(noise())
    np.testing.assert_allclose(running, fixed, atol=1e-3)


def test_old_parameters_are_one_of_the_choices():
    """With the numbers, the cache and the fingerprint that they had."""
    for old, new in (({}, "utterance"), (GIVEN, "fixed"), ({**GIVEN, "backend": "psf"}, None)):
        before, named = FeatureExtractor({**BASE, **old}), {**BASE, **old, "feature_norm": new}
        assert "feature_norm" not in before.parameters
        assert before.options.norm == (new or "utterance")
        after = FeatureExtractor(named)
        np.testing.assert_array_equal(before(noise()), after(noise()))
        assert check_fingerprint(before.fingerprint(), after.fingerprint()) == []
        assert check_fingerprint(after.fingerprint(), before.fingerprint()) == []
    assert FeatureExtractor({**BASE, "feature_norm": "utterance"}).parameters == (
        FeatureExtractor(BASE).parameters
    )


@pytest.mark.parametrize(
    ("changes", "where", "remedy"),
    [
        ({**GIVEN, "feature_norm": "utterance"}, "features_mean", "set feature_norm to 'fixed'"),
        ({"features_mean": [0.0] * 4, "feature_norm": "fixed"}, "features_std_dev", "Give both"),
        ({"features_std_dev": [1.0] * 4, "feature_norm": "running"}, "features_mean", "Give both"),
        ({"feature_norm": "running", "norm_range": 35.0}, "norm_range", "Leave out norm_range"),
        ({"feature_norm_file": "a.json"}, "feature_norm_file", "Set feature_norm to 'fixed'"),
        (
            {**GIVEN, "feature_norm": "fixed", "feature_norm_file": "a.json"},
            "feature_norm_file",
            "or features_mean and features_std_dev",
        ),
        ({"feature_norm": "runing"}, "feature_norm", "Did you mean running?"),
    ],
)
def test_what_contradicts_itself(changes, where, remedy):
    with pytest.raises(InputError) as caught:
        FeatureExtractor({**BASE, **changes})
    (problem,) = caught.value.problems
    assert problem.where == where
    assert remedy in problem.remedy


def test_what_has_no_effect_is_said():
    notes = FeatureExtractor({**BASE, "running_prior_frames": 3.0}).notes
    assert notes == ["running_prior_frames: no effect with feature_norm 'utterance'."]
    given = {**BASE, "backend": "psf", "feature_norm": "running", "norm_per_feature": True}
    assert FeatureExtractor({**given, "running_prior_frames": 3.0}).notes == []


@pytest.mark.parametrize("per_feature", [True, False])
def test_measured_statistics_are_those_of_all_frames(per_feature):
    recordings = [noise(3000), noise(5000, 1, 0.01), noise(100, 2)]
    given = {**BASE, "norm_per_feature": per_feature}
    lacking = FeatureExtractor({**given, "feature_norm": "fixed"})
    assert lacking.lacks_statistics
    with pytest.raises(InputError, match="found no features_mean"):
        lacking(noise())
    extract = lacking.with_statistics(measure(lacking, recordings))
    together = np.concatenate([extract(one) for one in recordings])
    axis = 0 if per_feature else None
    np.testing.assert_allclose(together.mean(axis=axis), 0, atol=1e-4)
    np.testing.assert_allclose(together.std(axis=axis), 1, atol=1e-4)
    with pytest.raises(InputError, match="cannot be measured"):
        measure(lacking, [])


def test_loud_frames_alone_are_measured():
    sound = noise(4000)
    recordings = [np.concatenate([sound, np.zeros(4000, np.float32)])]
    given = {**BASE, "feature_norm": "fixed", "norm_per_feature": True, "noise_floor": -60.0}
    given["gain"] = 1 / 32768
    alone = measure(FeatureExtractor(given), [sound])
    loud = measure(FeatureExtractor({**given, "norm_range": 30.0}), recordings)
    everything = measure(FeatureExtractor(given), recordings)
    # Less than a percent of the frames sees both the sound and the silence.
    assert np.abs(loud.mean - alone.mean).max() < 0.2
    assert np.abs(everything.mean - alone.mean).max() > 2


def test_fingerprints_keep_them_exactly():
    given = {**BASE, "norm_per_feature": True, "gain": 1 / 32768}
    lacking = FeatureExtractor({**given, "feature_norm": "fixed"})
    trained = lacking.with_statistics(measure(lacking, [noise()]))
    stored = json.loads(json.dumps(trained.fingerprint()))
    again = lacking.with_stored_statistics(stored)
    np.testing.assert_array_equal(trained(noise(seed=3)), again(noise(seed=3)))
    assert check_fingerprint(stored, again.fingerprint()) == []
    assert again.parameters == trained.parameters  # the key of a cache

    other = lacking.with_statistics(measure(lacking, [noise(level=0.01)]))
    differing = check_fingerprint(stored, other.fingerprint())
    assert differing[0].where == "data_layer_params/features_mean"
    assert other.with_stored_statistics(stored) is other  # given ones are not replaced

    utterance = FeatureExtractor(given)
    for before, now in ((stored, utterance), (utterance.fingerprint(), lacking)):
        (problem,) = check_fingerprint(before, now.fingerprint())
        assert problem.where == "data_layer_params/feature_norm"
    with pytest.raises(InputError, match="cannot be used"):
        stored["parameters"]["features_mean"][1] = "x"
        lacking.with_stored_statistics(stored)


def test_a_file_of_statistics(tmp_path):
    path = tmp_path / "statistics.json"
    extract = FeatureExtractor({**BASE, "feature_norm": "fixed"})
    measured = measure(extract, [noise()])
    write_statistics(path, measured, extract.parameters, 1)
    # Running statistics begin with what fixed ones are.
    running = FeatureExtractor({**BASE, "feature_norm": "running", "running_prior_frames": 9.0})
    read = read_statistics(path, running.parameters)
    np.testing.assert_array_equal(read.mean, measured.mean)
    np.testing.assert_array_equal(read.deviation, measured.deviation)
    other = FeatureExtractor({**BASE, "feature_norm": "fixed", "window_size": 0.025})
    with pytest.raises(InputError, match=r"window_size: found 0\.02, expected 0\.025"):
        read_statistics(path, other.parameters)
    path.write_text("{")
    with pytest.raises(InputError, match=r"expected a file of scripts/measure_features\.py"):
        read_statistics(path, extract.parameters)
    with pytest.raises(InputError, match="No such file"):
        read_statistics(tmp_path / "none.json", extract.parameters)
