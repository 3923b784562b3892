"""Augmentation: what it does to signal and features, and that a seed repeats it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.data.speech2text.augmentation import AUGMENTATION, Augmenter
from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor

RATE = 16000


def generator(seed=0):
    return np.random.default_rng(seed)


def tone(frequency=440.0, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def pitch(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**18))
    return spectrum.argmax() * RATE / 2**18


@pytest.mark.parametrize("params", [None, {}, {"speed_perturbation_ratio": 0.0}])
def test_off_changes_nothing(params):
    augmenter = Augmenter(params, RATE)
    assert augmenter.cacheable
    assert (augmenter.shortest_factor, augmenter.longest_factor) == (1.0, 1.0)
    np.testing.assert_array_equal(augmenter.speed_factors(generator(), 5), np.ones(5))
    np.testing.assert_array_equal(augmenter.waveform(tone(), 1.0, generator()), tone())
    features = generator().normal(size=(30, 8)).astype(np.float32)
    assert augmenter.spectrogram(features, generator()) is features


def test_speed_factors_of_a_ratio():
    augmenter = Augmenter({"speed_perturbation_ratio": 0.2}, RATE)
    factors = augmenter.speed_factors(generator(), 2000)
    assert factors.shape == (2000,)
    assert not augmenter.cacheable
    assert (augmenter.shortest_factor, augmenter.longest_factor) == (0.8, 1.2)
    assert 0.8 <= factors.min() < 0.81
    assert 1.19 < factors.max() <= 1.2
    np.testing.assert_array_equal(factors, augmenter.speed_factors(generator(), 2000))


def test_speed_factors_of_a_list():
    augmenter = Augmenter({"speed_perturbation_ratio": [0.9, 1, 1.1]}, RATE)
    factors = augmenter.speed_factors(generator(), 3000)
    values, counts = np.unique(factors, return_counts=True)
    assert values.tolist() == [0.9, 1.0, 1.1]
    assert counts.min() > 900
    assert (augmenter.shortest_factor, augmenter.longest_factor) == (0.9, 1.1)


def test_the_old_name_works():
    old = Augmenter({"time_stretch_ratio": 0.1}, RATE)
    new = Augmenter({"speed_perturbation_ratio": 0.1}, RATE)
    np.testing.assert_array_equal(
        old.speed_factors(generator(), 9), new.speed_factors(generator(), 9)
    )


@pytest.mark.parametrize("factor", [0.85, 0.9, 1.1, 1.2])
def test_a_factor_above_one_is_longer_and_lower(factor):
    slow = Augmenter({"speed_perturbation_ratio": 0.2}, RATE).waveform(tone(), factor, generator())
    assert len(slow) == round(RATE * factor)
    assert abs(pitch(slow) - 440 / factor) < 1.0
    assert abs(np.abs(slow[1000:-1000]).max() - 1) < 0.02
    assert slow.dtype == np.float32


@settings(deadline=None, max_examples=80)
@given(
    count=st.integers(1, 30000),
    factor=st.floats(0.5, 2.0),
    rate=st.sampled_from([8000, 11025, 16000]),
)
def test_the_length_is_known_beforehand(count, factor, rate):
    augmenter = Augmenter({"speed_perturbation_ratio": 0.5}, rate)
    length = augmenter.output_samples(count, factor)
    assert isinstance(length, int)
    assert length >= 1
    assert abs(length - count * factor) <= 1 + 0.5 * count / rate
    assert len(augmenter.waveform(np.ones(count, np.float32), factor, generator())) == length
    lengths = augmenter.output_samples(np.array([count, 1]), np.array([factor, 1.0]))
    assert lengths.tolist() == [length, 1]


@pytest.mark.parametrize("level", [-60, -30, -10])
@pytest.mark.parametrize("peak", [1.0, 0.01])
def test_noise_is_relative_to_the_peak(level, peak):
    augmenter = Augmenter({"noise_level_min": level, "noise_level_max": level}, RATE)
    assert not augmenter.cacheable
    samples = np.float32(peak) * tone()
    noise = augmenter.waveform(samples, 1.0, generator()) - samples
    assert abs(20 * np.log10(noise.std() / peak) - level) < 0.2


def test_noise_levels_are_drawn_between_the_bounds():
    augmenter = Augmenter({"noise_level_min": -60, "noise_level_max": -50}, RATE)
    levels = [
        20 * np.log10((augmenter.waveform(tone(), 1.0, generator(seed)) - tone()).std())
        for seed in range(60)
    ]
    assert -60.5 < min(levels) < -59
    assert -52 < max(levels) < -50.5


@pytest.mark.parametrize("backend", ["psf", "librosa"])
def test_noise_reaches_the_features_of_both_front_ends(backend):
    """In the original, psf's noise was far below the last bit and changed nothing."""
    extract = FeatureExtractor(
        {"backend": backend, "input_type": "logfbank", "num_audio_features": 40}
    )
    augmenter = Augmenter({"noise_level_min": -46, "noise_level_max": -46}, RATE)
    plain, noisy = tone(), augmenter.waveform(tone(), 1.0, generator())
    assert np.abs(extract(noisy) - extract(plain)).mean() > 0.04


def test_silence_stays_silent():
    augmenter = Augmenter({"noise_level_min": -90, "noise_level_max": -46}, RATE)
    assert not augmenter.waveform(np.zeros(100, np.float32), 1.0, generator()).any()


def spans(hidden):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden.astype(int), [0]])))
    return edges[1::2] - edges[::2]


@settings(deadline=None, max_examples=100)
@given(
    frames=st.integers(1, 120),
    bands=st.integers(0, 3),
    times=st.integers(0, 3),
    band_width=st.integers(0, 20),
    time_width=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_masks(frames, bands, times, band_width, time_width, seed):
    augmenter = Augmenter(
        {
            "n_freq_mask": bands,
            "n_time_mask": times,
            "width_freq_mask": band_width,
            "width_time_mask": time_width,
        },
        RATE,
    )
    assert augmenter.cacheable
    features = 1 + np.arange(frames * 20, dtype=np.float32).reshape(frames, 20)
    before = features.copy()
    masked = augmenter.spectrogram(features, generator(seed))
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(masked, augmenter.spectrogram(features, generator(seed)))
    hidden = masked == 0
    np.testing.assert_array_equal(masked[~hidden], features[~hidden])
    rows, columns = hidden.all(axis=1), hidden.all(axis=0)
    np.testing.assert_array_equal(hidden, rows[:, None] | columns[None, :])
    if not columns.all():
        assert rows.sum() <= times * time_width
        assert (spans(rows) <= max(times, 1) * time_width).all()
    if not rows.all():
        assert columns.sum() <= bands * band_width


def test_every_width_and_place_is_drawn():
    augmenter = Augmenter({"n_freq_mask": 1, "width_freq_mask": 4}, RATE)
    ones = np.ones((3, 10), np.float32)
    hidden = np.array([augmenter.spectrogram(ones, generator(seed))[0] == 0 for seed in range(800)])
    assert set(hidden.sum(axis=1)) == {0, 1, 2, 3, 4}
    assert all(len(spans(row)) <= 1 for row in hidden)
    # A band begins in [0, features - width), as in the original: the last is never hidden.
    assert hidden.any(axis=0).tolist() == [True] * 9 + [False]


def test_a_span_as_long_as_the_recording_is_left_out():
    augmenter = Augmenter({"n_time_mask": 3, "width_time_mask": 100}, RATE)
    ones = np.ones((5, 2), np.float32)
    assert all(augmenter.spectrogram(ones, generator(seed)).any() for seed in range(50))


@pytest.mark.parametrize(
    ("params", "where"),
    [
        ({"noise_level_min": -90}, "noise_level_max"),
        ({"noise_level_min": -40, "noise_level_max": -50}, "noise_level_min"),
        ({"speed_perturbation_ratio": []}, "speed_perturbation_ratio"),
        ({"speed_perturbation_ratio": 1.5}, "speed_perturbation_ratio"),
        ({"speed_perturbation_ratio": -0.1}, "speed_perturbation_ratio"),
        ({"speed_perturbation_ratio": [1.0, 10]}, "speed_perturbation_ratio[1]"),
        ({"speed_perturbation_ratio": 0.1, "time_stretch_ratio": 0.1}, "time_stretch_ratio"),
        ({"n_time_masks": 2}, "n_time_masks"),
    ],
)
def test_wrong_parameters_are_named(params, where):
    (problem,) = AUGMENTATION.problems(params, "augmentation")
    assert problem.where == f"augmentation/{where}"
    with pytest.raises(InputError):
        Augmenter(params, RATE)


def test_a_band_wider_than_the_features():
    augmenter = Augmenter({"n_freq_mask": 1, "width_freq_mask": 11}, RATE)
    assert augmenter.problems(11) == []
    (problem,) = augmenter.problems(10)
    assert problem.where == "augmentation/width_freq_mask"
    with pytest.raises(InputError, match="at most num_audio_features, 10"):
        augmenter.spectrogram(np.ones((5, 10), np.float32), generator())
    assert Augmenter({"width_freq_mask": 11}, RATE).problems(10) == []  # no masks
