"""The front-ends against librosa and python_speech_features, and what holds for any signal."""

import pickle
import subprocess
import sys
import warnings

import librosa
import numpy as np
import pytest
import python_speech_features as psf
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.errors import InputError
from open_seq2seq.features import filters
from open_seq2seq.features.dither import DITHER_LENGTH, dither_noise
from open_seq2seq.features.extractor import FeatureExtractor

KINDS = [
    (backend, kind)
    for backend in ("psf", "librosa")
    for kind in ("spectrogram", "mfcc", "logfbank")
]


def speech_like(seconds=1.3, rate=16000, seed=0):
    """Noise under a varying envelope, a tone, and digital silence at both ends; 16-bit steps."""
    random = np.random.default_rng(seed)
    count = int(seconds * rate)
    time = np.arange(count) / rate
    envelope = np.abs(np.sin(2 * np.pi * 1.7 * time)) ** 3
    samples = envelope * (random.normal(0, 0.1, count) + 0.2 * np.sin(2 * np.pi * 700 * time))
    samples[: count // 20] = 0
    samples[-count // 10 :] = 0
    return (np.round(samples * 32768) / 32768).astype(np.float32)


def params(backend, kind, features=20, **more):
    return {"backend": backend, "input_type": kind, "num_audio_features": features, **more}


def normalised(features, per_feature=False):
    axis = 0 if per_feature else None
    return (features - features.mean(axis=axis)) / features.std(axis=axis)


def librosa_features(samples, options):
    """The same with librosa's own functions, in float64."""
    window, hop = options.window_length, options.hop_length
    signal = samples.astype(np.float64) * 32768
    signal *= options.gain or 1 / (np.abs(signal).max() + 1e-5)
    shape = {"hanning": np.hanning, "hamming": np.hamming, "none": np.ones}[options.window]
    if options.input_type != "spectrogram":
        signal = np.append(signal[0], signal[1:] - 0.97 * signal[:-1])
    spectrum = librosa.stft(
        signal,
        n_fft=options.fft_length,
        hop_length=hop,
        win_length=window,
        window=shape(window),
        pad_mode="reflect",
    )
    power, size = np.abs(spectrum) ** 2, options.num_audio_features
    if options.input_type == "spectrogram":
        features = 10 * np.log10(np.maximum(power, 1e-30))[:size].T
    elif options.legacy_mfcc and options.input_type == "mfcc":
        features = librosa.feature.mfcc(S=power, n_mfcc=size).T
    else:
        count = size if options.input_type == "logfbank" else 2 * size
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # empty filters
            mel = librosa.filters.mel(
                sr=options.sample_freq, n_fft=options.fft_length, n_mels=count
            )
        features = np.log(mel @ power + 1e-20)
        if options.input_type == "mfcc":
            features = librosa.feature.mfcc(S=features, n_mfcc=size)
        features = features.T
    return normalised(features, options.norm_per_feature)


def psf_features(samples, options):
    """The same with python_speech_features' own functions."""
    window, hop = options.window_length, options.hop_length
    signal = (samples.astype(np.float32) * 32768).astype(np.float32)
    signal = (signal / (np.abs(signal).max() + np.float32(1e-5)) * np.float32(32767)).astype("i2")
    if options.pad_to:  # the original failed on less than a window
        signal = np.pad(signal, (0, max(window - len(signal), 0)))
    frames = max(1 + int(np.ceil((len(signal) - window) / hop)), 1)
    signal = np.pad(signal, (0, -frames % max(options.pad_to, 1) * hop))
    size = options.num_audio_features
    common = {
        "samplerate": options.sample_freq,
        "winlen": options.window_size,
        "winstep": options.window_stride,
        "nfft": options.fft_length,
        "preemph": 0.97,
    }
    if options.input_type == "spectrogram":
        cut = psf.sigproc.framesig(signal, window, hop, np.hanning)
        features = psf.sigproc.logpowspec(cut, window)[:, :size]
    elif options.input_type == "logfbank":
        features = psf.logfbank(signal, nfilt=size, **common)
    else:
        features = psf.mfcc(
            signal, numcep=size, nfilt=2 * size, ceplifter=2 * size, appendEnergy=False, **common
        )
    return normalised(features)


@pytest.mark.parametrize(
    ("kind", "size", "more"),
    [
        ("spectrogram", 96, {}),
        ("spectrogram", 161, {"norm_per_feature": True, "window": "hamming"}),
        ("spectrogram", 50, {"sample_freq": 8000, "window": "none"}),
        ("spectrogram", 100, {"window_size": 0.025, "sample_freq": 11025}),  # 275: an odd FFT
        ("logfbank", 64, {}),
        ("logfbank", 64, {"norm_per_feature": True, "gain": 1 / 32768}),
        ("logfbank", 64, {"window": "none"}),
        ("logfbank", 80, {"window": "hamming", "window_size": 0.025, "num_fft": 1024}),
        ("logfbank", 128, {"norm_per_feature": False}),  # some filters are empty
        ("logfbank", 40, {"sample_freq": 8000}),
        ("logfbank", 40, {"sample_freq": 44100, "window_stride": 0.0125}),
        ("logfbank", 20, {"num_fft": 401}),
        ("mfcc", 13, {}),
        ("mfcc", 40, {"norm_per_feature": True}),
        ("mfcc", 13, {"legacy_mfcc": True}),
    ],
)
def test_librosa_front_end_equals_librosa(kind, size, more):
    extract = FeatureExtractor(params("librosa", kind, size, **more))
    samples = speech_like(rate=extract.options.sample_freq)
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(librosa_features(samples, extract.options))  # empty: 0 / 0
    features = extract(samples)
    assert features.shape == expected.shape
    np.testing.assert_allclose(features, expected, atol=1e-3)
    assert np.abs(features - expected).mean() < 2e-5


@pytest.mark.parametrize(
    ("kind", "size", "more"),
    [
        ("spectrogram", 96, {}),
        ("spectrogram", 161, {"pad_to": 0}),
        ("spectrogram", 60, {"sample_freq": 8000, "pad_to": 16}),
        ("logfbank", 64, {}),
        ("logfbank", 64, {"pad_to": 0}),
        ("logfbank", 120, {}),  # ten and more filters are empty
        ("logfbank", 40, {"sample_freq": 8000, "window_size": 0.025}),
        ("logfbank", 40, {"sample_freq": 44100}),  # the window needs 1024 samples
        ("mfcc", 13, {}),
        ("mfcc", 64, {"window_stride": 0.0125}),
    ],
)
def test_psf_front_end_equals_python_speech_features(kind, size, more):
    extract = FeatureExtractor(params("psf", kind, size, **more))
    samples = speech_like(rate=extract.options.sample_freq)
    expected = psf_features(samples, extract.options)
    features = extract(samples)
    assert features.shape == expected.shape
    np.testing.assert_allclose(features, expected, atol=1e-3)
    assert np.abs(features - expected).mean() < 2e-5


@pytest.mark.parametrize("count", [2, 3, 160, 161, 319, 320, 321, 480, 1440, 1441])
@pytest.mark.parametrize("kind", ["spectrogram", "mfcc", "logfbank"])
def test_short_signals_equal_python_speech_features(kind, count):
    extract = FeatureExtractor(params("psf", kind, 13))
    samples = speech_like()[4000 : 4000 + count]
    np.testing.assert_allclose(extract(samples), psf_features(samples, extract.options), atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 100, 160, 161, 256, 257, 400])
def test_short_signals_are_reflected_as_often_as_needed(count):
    """NumPy pads a short signal with `reflect` as librosa 0.6 let it do."""
    extract = FeatureExtractor(
        params("librosa", "logfbank", 8, features_mean=[0.0] * 8, features_std_dev=[1.0] * 8)
    )
    samples = speech_like()[4000 : 4000 + count]
    signal = samples.astype(np.float64) / (np.abs(samples).max() + 1e-5 / 32768)
    signal = np.append(signal[0], signal[1:] - 0.97 * signal[:-1])
    padded = np.pad(signal, 256, mode="reflect")
    window = np.pad(np.hanning(320), 96)
    frames = [padded[t * 160 : t * 160 + 512] * window for t in range(1 + count // 160)]
    power = np.abs(np.fft.rfft(frames)) ** 2
    expected = power @ librosa.filters.mel(sr=16000, n_fft=512, n_mels=8).T + 1e-20
    # The energies: what leaks into the empty bands of a constant signal is rounding.
    np.testing.assert_allclose(
        np.exp(extract(samples)), expected, rtol=1e-3, atol=1e-7 * expected.max()
    )


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    count=st.integers(1, 5000),
    pad_to=st.sampled_from([0, 1, 8, 16]),
    stride=st.sampled_from([0.01, 0.0125, 0.02, 0.03]),
    num_fft=st.sampled_from([None, 320, 401, 1024]),
)
def test_frames_are_counted_exactly(kind, count, pad_to, stride, num_fft):
    extract = FeatureExtractor(
        params(*kind, 13, pad_to=pad_to, window_stride=stride, num_fft=num_fft)
    )
    features = extract(speech_like(0.35)[:count])
    assert features.shape == (extract.frames(min(count, 5600)), 13)
    assert isinstance(extract.frames(count), int)
    counts = np.array([count, 1, 777])
    np.testing.assert_array_equal(extract.frames(counts), [extract.frames(int(n)) for n in counts])
    if kind[0] == "psf" and pad_to:
        assert len(features) % pad_to == 0


ODD_SIGNALS = {
    "silence": np.zeros(4000),
    "constant": np.full(4000, 0.25),
    "one sample": np.array([0.5]),
    "one zero": np.zeros(1),
    "two samples": np.array([0.5, -0.5]),
    "impulse": np.eye(1, 3000, 1500)[0],
    "full scale square": np.sign(np.sin(np.arange(4000) * 0.05)),
    "period of a hop": np.sin(2 * np.pi * np.arange(8000) / 160),
    "denormal": np.full(500, 1e-40),
    "huge": np.sin(np.arange(2000.0)) * 1e30,
    "silence, then speech": np.concatenate([np.zeros(8000), speech_like(0.5)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signal", ODD_SIGNALS)
@pytest.mark.parametrize("per_feature", [False, True])
def test_odd_signals_give_finite_features(kind, signal, per_feature):
    samples = ODD_SIGNALS[signal].astype(np.float32)
    more = {"norm_per_feature": per_feature} if kind[0] == "librosa" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = FeatureExtractor(params(*kind, 64, **more))(samples)
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 100
    if signal == "silence" and kind in [("librosa", "spectrogram"), ("librosa", "logfbank")]:
        assert not features.any()  # a constant has no deviation: it is its mean


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    scale=st.sampled_from([1e-12, 1e-5, 1.0]),
    values=st.lists(st.sampled_from([0.0, 1e-4, -0.3, 1.0, -1.0]), min_size=1, max_size=20),
    repeat=st.integers(1, 300),
    per_feature=st.booleans(),
)
def test_any_signal_gives_finite_features(kind, scale, values, repeat, per_feature):
    samples = np.repeat(np.array(values, np.float32) * np.float32(scale), repeat)
    extract = FeatureExtractor(params(*kind, 13, norm_per_feature=per_feature))
    assert np.isfinite(extract(samples)).all()


def test_given_statistics_replace_the_recordings_own():
    plain = params("librosa", "logfbank", 4)
    samples = speech_like()
    raw = FeatureExtractor(
        {**plain, "features_mean": [0, 0, 0, 0], "features_std_dev": np.ones(4)}
    )(samples)
    given = FeatureExtractor(
        {**plain, "features_mean": [1.0, 2, 3, 4], "features_std_dev": [1.0, 2, 4, 8]}
    )(samples)
    np.testing.assert_allclose(given, (raw - [1, 2, 3, 4]) / [1, 2, 4, 8], atol=1e-4)
    mean_only = FeatureExtractor({**plain, "features_mean": [1.0] * 4, "norm_per_feature": True})
    np.testing.assert_allclose(mean_only(samples), (raw - 1) / raw.std(axis=0), atol=1e-4)


def test_dither_is_random_in_training_and_fixed_otherwise():
    extract = FeatureExtractor(params("librosa", "logfbank", 64, dither=1e-5))
    samples = speech_like()
    np.testing.assert_array_equal(extract(samples), extract(samples))
    first = extract(samples, np.random.default_rng(1))
    np.testing.assert_array_equal(first, extract(samples, np.random.default_rng(1)))
    assert np.abs(first - extract(samples, np.random.default_rng(2))).max() > 0.1
    # It is there for digital silence, which would otherwise lie at the floor of ln 1e-20.
    fixed = {"features_mean": [0.0] * 64, "features_std_dev": [1.0] * 64}
    silent = FeatureExtractor(params("librosa", "logfbank", 64, dither=1e-5, **fixed))
    energy = silent(np.zeros(16000, np.float32)).mean()
    # White noise of variance 1e-10 through window, pre-emphasis and filters, on average.
    power = 1e-10 * np.square(np.hanning(320)).sum()
    emphasis = np.abs(1 - 0.97 * np.exp(-2j * np.pi * np.arange(257) / 512)) ** 2
    expected = np.log(power * filters.slaney_mel_filters(16000, 512, 64) @ emphasis).mean()
    assert abs(energy - expected) < 0.5


@pytest.mark.parametrize("count", [1, 1000, DITHER_LENGTH, DITHER_LENGTH + 5, 3 * DITHER_LENGTH])
def test_dither_noise(count):
    fixed = dither_noise(count)
    assert fixed.shape == dither_noise(count, np.random.default_rng(3)).shape == (count,)
    np.testing.assert_array_equal(fixed[:1000], dither_noise(1000)[:count])
    if count >= 1000:
        assert abs(fixed.mean()) < 0.1
        assert abs(fixed.std() - 1) < 0.1


def test_parameters_are_checked_together():
    def problems(**given):
        with pytest.raises(InputError) as caught:
            FeatureExtractor(given)
        return [problem.where for problem in caught.value.problems]

    base = params("librosa", "spectrogram", 162, gain=-1.0, features_mean=[0.0] * 3)
    assert problems(**base) == ["num_audio_features", "gain", "features_mean"]
    assert problems(**params("librosa", "logfbank", 8, num_fft=256)) == ["num_fft"]
    assert problems(**params("psf", "logfbank", 8, window_size=0.0)) == ["window_size"]
    assert problems(**params("librosa", "mfcc", 258, legacy_mfcc=True)) == ["num_audio_features"]
    assert problems(input_type="logmel", backend="kaldi") == [
        "num_audio_features",
        "input_type",
        "backend",
    ]


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (np.zeros(0, np.float32), "no samples"),
        (np.zeros((10, 2), np.float32), "shape"),
        (np.zeros(10, np.int16), "int16"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
        (np.array([np.inf], np.float32), "infinite"),
    ],
)
@pytest.mark.parametrize("backend", ["psf", "librosa"])
def test_what_is_no_recording_is_an_error(backend, samples, found):
    with pytest.raises(InputError, match=found):
        FeatureExtractor(params(backend, "logfbank"))(samples)


def test_notes_say_what_psf_ignores():
    given = {"dither": 1e-5, "norm_per_feature": True, "gain": 1.0, "num_fft": 512}
    (note,) = FeatureExtractor(params("psf", "logfbank", 64, **given)).notes
    assert "dither, norm_per_feature, gain;" in note
    assert FeatureExtractor(params("psf", "logfbank", 64, num_fft=512)).notes == []
    assert FeatureExtractor(params("librosa", "logfbank", 64, **given)).notes == []
    (empty,) = FeatureExtractor(params("psf", "logfbank", 80)).notes
    assert empty.startswith("1 of 80 mel filters")


def test_extractors_can_be_sent_to_other_processes():
    extract = FeatureExtractor(params("librosa", "mfcc", 13, dither=1e-5))
    copy = pickle.loads(pickle.dumps(extract))
    np.testing.assert_array_equal(copy(speech_like()), extract(speech_like()))


def test_features_need_neither_librosa_nor_a_framework():
    """They take seconds to import, in each loader process."""
    program = (
        "import sys, numpy as np\n"
        "from open_seq2seq.features.extractor import FeatureExtractor\n"
        "for backend in ('psf', 'librosa'):\n"
        "    params = dict(backend=backend, input_type='mfcc', num_audio_features=13)\n"
        "    FeatureExtractor(params)(np.ones(1000, np.float32))\n"
        "print([m for m in ('librosa', 'numba', 'keras', 'tensorflow') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("rate_fft_count", [(16000, 512, 64), (8000, 256, 40), (44100, 2048, 128)])
def test_slaney_filters_equal_librosa(rate_fft_count):
    rate, num_fft, count = rate_fft_count
    expected = librosa.filters.mel(sr=rate, n_fft=num_fft, n_mels=count)
    np.testing.assert_allclose(
        filters.slaney_mel_filters(rate, num_fft, count), expected, atol=1e-7 * expected.max() * 2
    )


@pytest.mark.parametrize("sizes", [(8, 8), (26, 13), (257, 5)])
def test_dct_matrix(sizes):
    inputs, outputs = sizes
    values = np.random.default_rng(0).normal(size=(3, inputs))
    expected = scipy.fft.dct(values, type=2, norm="ortho", axis=1)[:, :outputs]
    np.testing.assert_allclose(values @ filters.dct_matrix(inputs, outputs), expected, atol=1e-12)
