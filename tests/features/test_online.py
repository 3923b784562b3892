"""A stream's features are those of the whole recording, however its samples are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.errors import InputError
from open_seq2seq.features.dither import DITHER_LENGTH
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.online import OnlineFeatures

RATE = 8000
FULL_SCALE = 1 / 32768
FIXED = {
    "feature_norm": "fixed",
    "features_mean": np.linspace(-9.0, -7.0, 13),
    "features_std_dev": np.linspace(2.0, 4.0, 13),
}
RUNNING = {**FIXED, "feature_norm": "running", "running_prior_frames": 5.0}


def extractor(**changes):
    given = {"input_type": "logfbank", "num_audio_features": 13, "num_fft": 256, **changes}
    return FeatureExtractor(
        {"backend": "librosa", "sample_freq": RATE, "gain": FULL_SCALE, **given}
    )


def speech(count, seed=0):
    """Noise under a swell, digital silence at both ends."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.1, count) * np.abs(np.sin(np.arange(count) / 700))
    samples[: count // 9] = samples[count - count // 8 :] = 0
    return samples.astype(np.float32)


def online(extract, samples, pieces):
    """The features in pieces of these lengths (again and again), and how many frames came when."""
    stream, done, parts, counts = OnlineFeatures(extract), 0, [], []
    while done < len(samples):
        size = pieces[len(parts) % len(pieces)]
        parts.append(stream.accept(samples[done : done + size]))
        done = min(done + size, len(samples))
        counts.append((done, sum(map(len, parts))))
    parts.append(stream.finish())
    return np.concatenate(parts), counts


@settings(deadline=None, max_examples=60)
@given(
    input_type=st.sampled_from(["logfbank", "mfcc", "spectrogram"]),
    norm=st.sampled_from([FIXED, RUNNING, {**RUNNING, "running_prior_frames": 0.0}]),
    per_feature=st.booleans(),
    constant=st.sampled_from([None, 0.3, 30.0]),
    dither=st.sampled_from([0.0, 1e-4]),
    more=st.sampled_from(
        [
            {},
            {"window": "hamming", "window_size": 0.025, "num_fft": 512},
            {"window_stride": 0.03, "num_fft": 201, "noise_floor": -60.0},
        ]
    ),
    count=st.integers(1, 1200),
    pieces=st.lists(st.sampled_from([0, 1, 7, 79, 80, 81, 160, 1000]), min_size=1).filter(any),
)
def test_any_cutting_gives_the_features_of_the_whole(
    input_type, norm, per_feature, constant, dither, more, count, pieces
):
    params = {**norm, "norm_per_feature": per_feature, "dither": dither, **more}
    extract = extractor(input_type=input_type, running_time_constant=constant, **params)
    samples = speech(count)
    whole = extract(samples)
    features, counts = online(extract, samples, pieces)
    np.testing.assert_allclose(features, whole, rtol=1e-5, atol=1e-5)
    left, right = extract.context
    hop = extract.options.hop_length
    for given_samples, frames in counts:
        # Each frame comes as soon as the samples that it is made of are there; the first also
        # waits for those that are mirrored before the beginning.
        complete = (given_samples - right) // hop + 1 if given_samples >= right else 0
        mirrored = left - (input_type != "spectrogram")
        assert frames == (complete if given_samples > mirrored else 0)


@pytest.mark.parametrize("norm", [FIXED, RUNNING])
def test_one_sample_at_a_time(norm):
    extract, samples = extractor(**norm, dither=1e-4), speech(900)
    features, _ = online(extract, samples, [1])
    np.testing.assert_allclose(features, extract(samples), rtol=1e-5, atol=1e-5)


def test_dither_goes_on_beyond_its_sequence():
    extract = extractor(**FIXED, dither=1e-3, window_stride=0.5, window_size=0.5, num_fft=4096)
    samples = np.zeros(DITHER_LENGTH + 9000, np.float32)
    features, _ = online(extract, samples, [DITHER_LENGTH - 100, 5000])
    np.testing.assert_allclose(features, extract(samples), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("input_type", ["logfbank", "spectrogram"])
def test_context_is_what_a_frame_depends_on(input_type):
    """By changing one sample: the frames that move are those whose context it is in."""
    extract, samples = extractor(input_type=input_type, **FIXED), speech(2000)
    left, right = extract.context
    before = extract(samples)
    for place in (700, 801, 839, 840):
        changed = samples.copy()
        changed[place] += 0.5
        moved = np.flatnonzero(np.abs(extract(changed) - before).max(axis=1) > 1e-4)
        places = np.arange(len(before)) * extract.options.hop_length
        inside = np.flatnonzero((places - left <= place) & (place < places + right))
        # A Hann window is 0 at its ends: a frame that sees a sample there may not move.
        assert set(moved) <= set(inside)
        assert len(inside) - len(moved) <= 1


def test_a_stream_goes_on_from_its_state():
    """As plain arrays: two streams of one front-end do not meet."""
    extract, samples, other = extractor(**RUNNING), speech(1500), speech(1500, 1)
    first, second = OnlineFeatures(extract), OnlineFeatures(extract)
    parts = [first.accept(samples[:777])]
    second.accept(other)
    state = {name: np.array(array.tolist(), array.dtype) for name, array in first.state.items()}
    later = OnlineFeatures(extract, state)
    parts += [later.accept(samples[777:]), later.finish()]
    np.testing.assert_allclose(np.concatenate(parts), extract(samples), rtol=1e-5, atol=1e-5)
    assert max(array.size for array in state.values()) < 1000


def test_nothing_said():
    stream = OnlineFeatures(extractor(**FIXED))
    assert stream.accept(np.zeros(0, np.float32)).shape == stream.finish().shape == (0, 13)
    with pytest.raises(ValueError, match="finished"):
        stream.accept(np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("changes", "where", "remedy"),
    [
        ({**FIXED, "gain": None}, "gain", "Set gain to 3.0517578125e-05"),
        ({"feature_norm": "utterance"}, "feature_norm", "Set feature_norm to 'running'"),
        ({"features_mean": [0.0] * 13}, "feature_norm", "Set feature_norm to 'running'"),
        ({**FIXED, "backend": "psf"}, "backend", "Set backend to 'librosa' and gain to"),
    ],
)
def test_what_cannot_stream_says_why(changes, where, remedy):
    with pytest.raises(InputError) as caught:
        OnlineFeatures(extractor(**changes))
    (problem,) = caught.value.problems
    assert problem.where == where
    assert remedy in problem.remedy


def test_the_remedies_make_an_old_config_stream():
    old = FeatureExtractor({"input_type": "logfbank", "num_audio_features": 13})
    assert [one.where for one in old.streaming_problems()] == ["backend", "feature_norm"]
    with pytest.raises(InputError, match="found 'psf'"):
        old.front_end.stream(np.zeros(3, np.float32), {}, True)
    assert extractor(feature_norm="running", running_prior_frames=0.0).streaming_problems() == []


@pytest.mark.parametrize("samples", [np.zeros(5, np.int16), np.full(3, np.nan), np.zeros((3, 2))])
def test_what_is_no_sound(samples):
    with pytest.raises(InputError):
        OnlineFeatures(extractor(**FIXED)).accept(samples)
