"""NeMo's front-end against numbers of NeMo's own (`make_nemo_golden.py`), and its graph."""

import json
from pathlib import Path

import keras
import librosa
import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.filters_file import StoredFilters, write_filters
from open_seq2seq.features.layer import FrontEndLayer
from open_seq2seq.features.online import OnlineFeatures
from tests.features.make_nemo_golden import ERAS, LONG, SHORT, STEP

GOLDEN = np.load(Path(__file__).with_name("nemo_golden.npz"))
CONFIGS = json.loads(str(GOLDEN["configs"]))
NAMED = {"eps": float(np.finfo(np.float32).eps), "tiny": float(np.finfo(np.float32).tiny)}
BASE = {"backend": "nemo", "input_type": "logfbank", "num_audio_features": 64, "num_fft": 512,
        "norm_per_feature": True}  # fmt: skip


def signal(name):
    return (GOLDEN[f"signal/{name}"] / 32768).astype(np.float32)


def params_of(config, era, folder):
    """A preprocessor of NeMo as parameters of ours, with librosa's matrix in a file."""
    rate = config["sample_rate"]
    window = int(config["window_size"] * rate)
    num_fft = config["n_fft"] or 1 << (window - 1).bit_length()
    times = config.get("frame_splicing", 1)  # copies of the same features
    mel = librosa.filters.mel(
        sr=rate, n_fft=num_fft, n_mels=config["features"], fmin=config.get("lowfreq", 0),
        fmax=config.get("highfreq"), norm=config.get("mel_norm", "slaney"),
    )  # fmt: skip
    shape = {"hann": np.hanning, "hamming": np.hamming}[config["window"]]
    path = folder / "filters.npz"
    write_filters(path, StoredFilters(np.tile(mel, (times, 1)).T, shape(window)))
    guard = config.get("log_zero_guard_value", 2.0**-24)
    norms = {"per_feature": {"norm_per_feature": True}, "all_features": {}}
    old = {"edges": "reflected", "frame_count": "centred"}
    return {
        "backend": "nemo",
        "input_type": "logfbank",
        "num_audio_features": config["features"] * times,
        "sample_freq": rate,
        "window_size": config["window_size"],
        "window_stride": config["window_stride"],
        "num_fft": num_fft,
        "filters_file": str(path),
        "pre_emphasis": config.get("preemph", 0.97),
        "magnitude_power": config.get("mag_power", 2.0),
        "take_log": config.get("log", True),
        "log_guard": config.get("log_zero_guard_type", "add"),
        "log_guard_value": NAMED.get(guard, guard),
        **norms.get(config["normalize"], {"feature_norm": "none"}),
        **(old if era == "v2.4.1" else {}),
    }


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", CONFIGS)
def test_features_are_those_of_nemo(name, era, tmp_path):
    key = f"{era}/{name}/{LONG}"
    features = FeatureExtractor(params_of(CONFIGS[name], era, tmp_path))(signal(LONG))
    assert len(features) == GOLDEN[f"{key}/length"]
    expected = GOLDEN[f"{key}/features"].T
    np.testing.assert_allclose(features[::STEP], expected, rtol=0, atol=3e-4)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("short", SHORT)
def test_short_recordings_are_those_of_nemo(short, era, tmp_path):
    key = f"{era}/quartznet/{short}"
    if f"{key}/features" not in GOLDEN:  # NeMo 2.4.1 can't reflect so few samples
        assert (era, short) == ("v2.4.1", "short_161")
        return
    features = FeatureExtractor(params_of(CONFIGS["quartznet"], era, tmp_path))(signal(short))
    np.testing.assert_allclose(features, GOLDEN[f"{key}/features"].T, rtol=0, atol=3e-4)


VARIANTS = [
    {},
    {"edges": "reflected", "frame_count": "centred"},
    {"edges": "reflected", "frame_count": "begun_hops", "norm_per_feature": False},
    {"feature_norm": "none", "log_guard": "clamp", "magnitude_power": 1.0, "pre_emphasis": None},
    {"take_log": False, "window_size": 0.025},
]


@pytest.mark.parametrize("more", VARIANTS, ids=str)
def test_the_graph_gives_the_same_features(more):
    """Alone and in a padded batch, whatever lies behind a recording."""
    params = {**BASE, **more}
    extract, layer = FeatureExtractor(params), FrontEndLayer(params)
    lengths = np.array([11217, 4800, 320])
    samples = np.full((3, 11217), 0.5, np.float32)
    for row, length in zip(samples, lengths):
        row[:length] = signal(LONG)[:length]
    features, frames = (keras.ops.convert_to_numpy(one) for one in layer(samples, lengths))
    for row, length, count in zip(range(3), lengths, frames):
        expected = extract(samples[row, :length])
        assert count == len(expected)
        tolerance = 2e-3 if length > 400 else 2e-2
        np.testing.assert_allclose(features[row, :count], expected, rtol=0, atol=tolerance)
        alone, _ = layer(samples[row : row + 1, :length])
        alone = keras.ops.convert_to_numpy(alone)[0]
        np.testing.assert_allclose(alone, expected, rtol=0, atol=tolerance)


def test_a_window_that_is_not_symmetric_has_a_graph(tmp_path):
    periodic = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(320) / 320)
    mel = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64)
    write_filters(tmp_path / "own.npz", StoredFilters(mel.T, periodic))
    params = {**BASE, "filters_file": str(tmp_path / "own.npz")}
    expected = FeatureExtractor(params)(signal(LONG))
    found, _ = FrontEndLayer(params)(signal(LONG)[None])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found)[0], expected, rtol=0, atol=2e-3)
    assert np.abs(expected - FeatureExtractor(BASE)(signal(LONG))).max() > 0.01


@pytest.mark.parametrize(
    "more", [{}, {"edges": "reflected", "frame_count": "centred"}, {"frame_count": "begun_hops"}],
    ids=str,
)  # fmt: skip
def test_it_streams_without_normalisation(more):
    params = {**BASE, "feature_norm": "none", **more}
    extract = FeatureExtractor(params)
    online, parts, start = OnlineFeatures(extract), [], 0
    for size in (7, 100, 53, 160, 1000, 3, 9894):
        parts.append(online.accept(signal(LONG)[start : start + size]))
        start += size
    assert start == len(signal(LONG)) and sum(map(len, parts)) > 60
    found = np.concatenate([*parts, online.finish()])
    np.testing.assert_allclose(found, extract(signal(LONG)), rtol=0, atol=1e-5)


def test_a_recordings_own_statistics_do_not_stream():
    (problem,) = FeatureExtractor(BASE).streaming_problems()
    assert problem.where == "feature_norm"


def test_digital_silence_is_zero():
    features = FeatureExtractor(BASE)(np.zeros(4800, np.float32))
    assert features.shape == (30, 64) and not features.any()


def test_a_recording_shorter_than_a_hop_has_one_frame():
    assert FeatureExtractor(BASE)(signal(LONG)[:100]).shape == (1, 64)


def test_dither_is_for_training_only():
    extract = FeatureExtractor({**BASE, "dither": 1e-3})
    plain = FeatureExtractor(BASE)(signal(LONG))
    np.testing.assert_array_equal(extract(signal(LONG)), plain)
    rng = np.random.default_rng(1)
    assert np.abs(extract(signal(LONG), rng) - plain).max() > 0.1


def test_the_fingerprint_knows_every_choice(tmp_path):
    mel = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64)
    write_filters(tmp_path / "own.npz", StoredFilters(1.01 * mel.T, None))
    choices = [*VARIANTS[:4], {"filters_file": str(tmp_path / "own.npz")}, {"log_guard_value": 1.0}]
    found = [FeatureExtractor({**BASE, **more}).fingerprint() for more in choices]
    shown = {json.dumps(one["parameters"], sort_keys=True) for one in found}
    assert len(shown) == len(choices)
    assert str(tmp_path) not in json.dumps(found), "a fingerprint holds wherever the file lies"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"input_type": "mfcc"}, "input_type"),
        ({"log_guard_value": 0.0}, "log_guard_value"),
        ({"filters_file": "nothing.npz"}, "filters_file nothing.npz"),
        ({"edges": "mirrored"}, "edges"),
    ],
)
def test_what_does_not_fit_is_refused(more, place):
    with pytest.raises(InputError) as raised:
        FeatureExtractor({**BASE, **more})
    assert [problem.where for problem in raised.value.problems] == [place]


def test_filters_of_another_shape_are_refused(tmp_path):
    write_filters(tmp_path / "a.npz", StoredFilters(np.ones((129, 40)), np.ones(160)))
    with pytest.raises(InputError) as raised:
        FeatureExtractor({**BASE, "filters_file": str(tmp_path / "a.npz")})
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", b"no archive"])
def test_a_damaged_filters_file_is_refused(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match="filters_file"):
        FeatureExtractor({**BASE, "filters_file": str(tmp_path / "a.npz")})
