"""The statistics of a corpus's features: of which recordings, and what they depend on."""

import numpy as np
import pytest

from open_seq2seq.data.speech2text.measuring import measure_statistics, statistics_of
from open_seq2seq.errors import InputError
from open_seq2seq.features.statistics import write_statistics
from tests.data.speech2text.test_speech2text import make

FIXED = {"feature_norm": "fixed", "norm_per_feature": True, "gain": 1 / 32768}


def same(first, second):
    return np.array_equal(first.mean, second.mean) and np.array_equal(
        first.deviation, second.deviation
    )


def test_all_recordings_as_they_are(params):
    layer = make(params | FIXED, seed=1)
    measured = statistics_of(layer)
    total = layer.extractor.statistics_sum()
    for row in range(len(layer.utterances)):
        total.add(*layer.extractor.unnormalised(layer.recordings.samples(layer.recording(row))))
    assert same(measured.statistics, total.result())
    assert measured.recordings == len(layer.utterances) and not measured.problems
    # Augmentation, another number of threads, another cache: nothing of it changes them.
    params["augmentation"] = {"speed_perturbation_ratio": 0.3, "n_time_mask": 1}
    other = make(params | FIXED | {"loader_workers": 0}, seed=1)
    assert same(statistics_of(other).statistics, measured.statistics)


def test_a_sample_is_drawn_by_the_seed(params):
    def of(seed, most):
        return measure_statistics(make(params | FIXED, seed=seed), most).statistics

    assert same(of(1, 5), of(1, 5))
    assert not same(of(1, 5), of(2, 5))
    assert of(1, 5).frames < of(1, None).frames
    layer = make(params | FIXED | {"feature_norm_recordings": 5}, seed=1)
    assert same(statistics_of(layer).statistics, of(1, 5))


def test_caches_know_the_statistics(params, tmp_path):
    """Before they are measured there are no features; with others there are other ones."""
    params |= {**FIXED, "cache_features": True, "cache_dir": str(tmp_path / "cache")}
    batches = []
    for level in (0.0, 1.0, 0.0):
        layer = make(params)
        with pytest.raises(InputError, match="found no features_mean"):
            layer.extractor(np.ones(100, np.float32))
        given = {"features_mean": [level] * layer.num_features}
        given["features_std_dev"] = [1.0] * layer.num_features
        layer.restore_statistics({"parameters": given})
        batches.append(next(layer.batches()).features)
    np.testing.assert_allclose(batches[0] - batches[1], batches[0] != 0, atol=1e-4)
    np.testing.assert_array_equal(batches[0], batches[2])


def test_given_statistics_are_not_measured(params, tmp_path):
    file = tmp_path / "statistics.json"
    layer = make(params | FIXED)
    few = measure_statistics(layer, 2)
    write_statistics(file, few.statistics, layer.extractor.parameters, few.recordings)
    layer = make(params | FIXED | {"feature_norm_file": str(file)})
    assert same(statistics_of(layer).statistics, few.statistics)
    count = layer.num_features
    given = {"features_mean": [0.5] * count, "features_std_dev": [2.0] * count}
    layer = make(params | FIXED | given)
    assert not layer.extractor.lacks_statistics
    layer.restore_statistics({"parameters": {"features_mean": [9.0] * count, **given}})
    assert layer.extractor.parameters["features_mean"] == given["features_mean"]
