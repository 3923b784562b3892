"""What pauses do to features, with `noise_floor` and `norm_range` and without."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.features import spectrum
from open_seq2seq.features.extractor import FeatureExtractor, check_fingerprint

RATE = 8000
PARAMS = {
    "backend": "librosa",
    "input_type": "logfbank",
    "num_audio_features": 20,
    "num_fft": 256,
    "sample_freq": RATE,
    "norm_per_feature": True,
    "dither": 1e-5,
}
STEADY = {"norm_range": 35.0, "noise_floor": -70.0}


def speech(seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    """Noise whose colour and level change ten times a second, over a room's noise at -50 dB."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    colour = np.sin(2 * np.pi * 5 * time)
    white = rng.standard_normal(count + 1)
    signal = (0.2 + np.abs(np.sin(2 * np.pi * 3 * time))) * (white[1:] + colour * white[:-1])
    signal = 0.5 * signal / np.abs(signal).max() + 10 ** (-50 / 20) * rng.standard_normal(count)
    return signal.astype(np.float32)


def with_silence(samples: np.ndarray, seconds: float) -> np.ndarray:
    return np.concatenate([samples, np.zeros(int(seconds * RATE), np.float32)])


@pytest.mark.parametrize("input_type", ["logfbank", "mfcc", "spectrogram"])
@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0])
def test_a_pause_leaves_speech_as_it_is(input_type, seconds):
    """The frames that see nothing of the pause have the same features with it and without."""
    extractor = FeatureExtractor({**PARAMS, **STEADY, "input_type": input_type})
    alone, followed = extractor(speech()), extractor(with_silence(speech(), seconds))
    inside = len(alone) - 3  # the last ones are centred less than half a window from the end
    # Frames at the joint differ, and with them a few of about a hundred that are averaged over.
    assert np.abs(followed[:inside] - alone[:inside]).max() < 0.15
    before = FeatureExtractor({**PARAMS, "input_type": input_type})
    moved = np.abs(before(with_silence(speech(), seconds))[:inside] - before(speech())[:inside])
    assert moved.max() > (0.5 if seconds == 0.1 else 1.5)


@pytest.mark.parametrize("per_feature", [True, False])
def test_a_band_without_sound_does_not_blow_up_in_pauses(per_feature):
    """A band that hardly moves while there is speech, and holds noise in a pause."""
    rng = np.random.default_rng(5)
    features = rng.normal(0, 2, (200, 5)).astype(np.float32)
    features[:, 4] = 1e-3 * features[:, 4] - 12
    features[150:, 4] = -6  # not counted
    counted = np.arange(200) < 150
    speech_part = features[counted].astype(np.float64)
    axis = 0 if per_feature else None
    deviation = speech_part.std(axis=axis)
    deviation = np.maximum(deviation, 0.3 * deviation.mean())
    expected = (features - speech_part.mean(axis=axis)) / deviation
    normalised = features.copy()
    spectrum.normalise(normalised, per_feature, counted=counted)
    np.testing.assert_allclose(normalised, expected, atol=1e-4)
    assert np.abs(normalised).max() < 15
    # Where all frames count, as OpenSeq2Seq has it, each band has a deviation of 1.
    everywhere = features[:150].copy()
    spectrum.normalise(everywhere, True)
    np.testing.assert_allclose(everywhere.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("input_type", ["logfbank", "spectrogram"])
def test_floor_is_the_power_of_white_noise(input_type):
    """The floor in each band is the mean energy of white noise of its level, by measurement."""
    level = -40.0
    given = {**PARAMS, "input_type": input_type, "dither": 0.0, "gain": 1 / 32768}
    given |= {"features_mean": [0.0] * 20, "features_std_dev": [1.0] * 20}
    rng = np.random.default_rng(1)
    noise = (10 ** (level / 20) * rng.standard_normal(60 * RATE)).astype(np.float32)
    measured = FeatureExtractor(given)(noise).astype(np.float64)
    scale = 1.0 if input_type == "logfbank" else np.log(10) / 10
    energy = np.exp(measured * scale).mean(axis=0)
    silent = FeatureExtractor({**given, "noise_floor": level})(np.zeros(RATE, np.float32))
    assert np.ptp(silent, axis=0).max() == 0
    # 6,000 overlapping frames: about 3,000 independent ones, each with a deviation of its mean.
    np.testing.assert_allclose(np.exp(silent[0] * scale), energy, rtol=5 / np.sqrt(3000))


def test_silence_is_near_a_quiet_room():
    """Digital silence and noise at -90 dB look alike; without the floor they are far apart."""
    rng = np.random.default_rng(2)
    quiet = (10 ** (-90 / 20) * rng.standard_normal(RATE)).astype(np.float32)
    digital = np.concatenate([speech(), np.zeros(RATE, np.float32)])
    room = np.concatenate([speech(), quiet])
    pause = slice(105, 195)

    def distance(params):
        fixed = {"features_mean": [0.0] * 20, "features_std_dev": [1.0] * 20}
        extractor = FeatureExtractor({**PARAMS, **fixed, **params})
        return np.abs(extractor(digital) - extractor(room))[pause].mean()

    # The peak is about 0.5: ln(1 + 10^(-1.4)) is 0.04.
    assert distance(STEADY) < 0.06
    assert distance({"dither": 0.0}) > 10


def test_recordings_of_nothing():
    for samples in (np.zeros(1, np.float32), np.zeros(RATE, np.float32)):
        features = FeatureExtractor({**PARAMS, **STEADY, "dither": 0.0})(samples)
        assert not features.any()


def test_loud_frames():
    levels = np.array([1.0, 1e-3, 2e-3, 1.0, 1.0, 1.0, 1.0, 0.0], np.float32)
    expected = [True, False, True, True, True, True, True, False]
    assert spectrum.loud(levels, 28.0).tolist() == expected
    click = np.append(levels, [1e6, 1e6]).astype(np.float32)
    assert spectrum.loud(click, 28.0).tolist() == [*expected, True, True]
    assert spectrum.loud(np.zeros(3, np.float32), 30.0).all()
    assert spectrum.loud(np.ones(1, np.float32), 1.0).tolist() == [True]


@pytest.mark.parametrize("per_feature", [True, False])
@pytest.mark.parametrize("known", [(), ("mean",), ("deviation",), ("mean", "deviation")])
def test_normalisation_against_numpy(per_feature, known):
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (50, 6)).astype(np.float32)
    counted = rng.random(50) < 0.6
    axis = 0 if per_feature else None
    sample = features[counted].astype(np.float64)
    mean = np.full(6, 2.5) if "mean" in known else sample.mean(axis=axis)
    deviation = np.full(6, 1.5) if "deviation" in known else sample.std(axis=axis)
    expected = (features - mean) / deviation
    given = {name: np.full(6, {"mean": 2.5, "deviation": 1.5}[name]) for name in known}
    spectrum.normalise(features, per_feature, counted=counted, **given)
    # Differences of numbers up to 10 in float32, divided by deviations of about 1.5.
    np.testing.assert_allclose(features, expected, atol=10 * 2**-23 * 4)


def test_fingerprint_names_them():
    old = FeatureExtractor(PARAMS).fingerprint()
    assert not {"norm_range", "noise_floor"} & old["parameters"].keys()
    new = FeatureExtractor({**PARAMS, **STEADY}).fingerprint()
    assert check_fingerprint(new, new) == check_fingerprint(old, old) == []
    for stored, current in ((old, new), (new, old)):
        problems = check_fingerprint(stored, current)
        assert [problem.where for problem in problems] == [
            "data_layer_params/norm_range",
            "data_layer_params/noise_floor",
        ]


def test_they_need_a_front_end_that_uses_them():
    notes = FeatureExtractor({**PARAMS, **STEADY, "backend": "psf"}).notes
    assert any("psf ignores" in note and "norm_range, noise_floor" in note for note in notes)
    with pytest.raises(InputError, match="noise_floor: found -70, expected nothing: legacy_mfcc"):
        FeatureExtractor({**PARAMS, **STEADY, "input_type": "mfcc", "legacy_mfcc": True})
