"""What is said of the sound that a row depends on, against the rows themselves."""

import math

import keras
import numpy as np
import pytest

from open_seq2seq.encoders import CRNNEncoder, DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.streaming.context import model_context, total_of
from tests.encoders.architectures import deep_speech, frequency_convolution, layer, tdnn
from tests.encoders.encoder_checks import scramble

RATE = 8000
# The window has no zeros at its ends, so that each sample of a frame counts.
FEATURES = {
    "num_audio_features": 8, "input_type": "logfbank", "backend": "librosa", "sample_freq": RATE,
    "num_fft": 256, "window": "none", "gain": 1 / 32768, "feature_norm": "fixed",
    "features_mean": [-8.0] * 8, "features_std_dev": [4.0] * 8,
}  # fmt: skip
_BLOCKS = [
    layer("conv1d", 1, 5, 6, stride=2),
    layer("sep_conv1d", 2, 4, 6, residual=True),
    layer("conv1d", 1, 3, 6, dilation=2),
]
_CONVOLUTIONS = [frequency_convolution((5, 3), (2, 2), 3), frequency_convolution((4, 3), (1, 2), 3)]
_FORWARD = {"rnn_unidirectional": True, "row_conv": True, "row_conv_width": 4}
SMOOTH = {"activation_fn": "tanh"}
CASES = {
    "tdnn": (TDNNEncoder, tdnn(_BLOCKS, **SMOOTH)),
    "tdnn_look_ahead": (TDNNEncoder, tdnn(_BLOCKS, look_ahead=5, **SMOOTH)),
    "deep_speech_without_recurrence": (
        DeepSpeech2Encoder, deep_speech(_CONVOLUTIONS, "gru", 0, 6, 6, **{**_FORWARD, **SMOOTH})
    ),
    "deep_speech": (
        DeepSpeech2Encoder, deep_speech(_CONVOLUTIONS, "gru", 1, 6, 6, **{**_FORWARD, **SMOOTH})
    ),
    "crnn": (
        CRNNEncoder,
        {"conv_channels": 4, "num_conv_blocks": 1, "num_rnn_layers": 1, "rnn_cell_dim": 6,
         "n_hidden": 0, "rnn_unidirectional": True},
    ),
}  # fmt: skip


@pytest.fixture(params=CASES)
def model(request):
    """Stages, samples of a row, and a function from samples to rows."""
    kind, params = CASES[request.param]
    extractor, encoder = FeatureExtractor(FEATURES), kind(params, name="encoder")
    encoder.build((None, None, 8), (None,))
    scramble(encoder)

    def rows(samples):
        features = extractor(samples)
        outputs, _ = encoder(features[None], np.array([len(features)], np.int32))
        return keras.ops.convert_to_numpy(outputs)[0]

    stages = model_context(extractor, encoder)
    return stages, extractor.hop_length * encoder.time_stride, rows


def test_a_row_changes_with_the_samples_that_are_said_and_with_no_others(model):
    stages, row_samples, rows = model
    total = total_of(stages)
    assert not total.problems
    samples = 0.1 * np.random.default_rng(1).standard_normal(8000).astype(np.float32)
    before, row = rows(samples), 25
    place = row * row_samples
    first_unseen = place + round(total.right * RATE)
    edges = {first_unseen: False, first_unseen - 1: True}
    if not math.isinf(total.left):
        first_seen = place - round(total.left * RATE)
        assert first_seen > 0, "nothing would be tested"
        edges |= {first_seen: True, first_seen - 1: False}
    for sample, seen in edges.items():
        changed = samples.copy()
        changed[sample] += 5.0
        assert (rows(changed)[row] != before[row]).any() == seen, sample - place


def test_each_block_of_a_tdnn_sees_what_is_added_up_until_it():
    encoder = TDNNEncoder(tdnn(_BLOCKS, **SMOOTH), name="encoder")
    encoder.build((None, None, 8), (None,))
    scramble(encoder)
    frames, spoilt = 64, 31
    features = np.random.default_rng(2).standard_normal((2, frames, 8)).astype(np.float32)
    features[0, spoilt] = features[1, spoilt + 1] = np.nan
    lengths = np.array([frames, frames], np.int32)
    _, _, inner = encoder(features, lengths, intermediate=True)
    left = right = 0
    stride = 1
    for number, one in enumerate(encoder.layer_contexts(), start=1):
        left, right = left + one.left * stride, right + one.right * stride
        stride *= one.stride
        if number not in inner:
            continue
        outputs = keras.ops.convert_to_numpy(inner[number].outputs)
        row, output = np.nonzero(np.isnan(outputs).any(axis=2))
        distances = spoilt + row - output * stride
        assert (-distances.min(), distances.max()) == (left, right)
    assert (left, right) == encoder.context


def test_what_needs_the_whole_utterance_is_said_of_its_stage():
    features = {**FEATURES, "gain": None, "feature_norm": "utterance", "features_mean": None,
                "features_std_dev": None}  # fmt: skip
    encoder = TDNNEncoder(tdnn(_BLOCKS, normalization="layer_norm"))
    stages = model_context(FeatureExtractor(features), encoder)
    assert all(math.isinf(one.left) and math.isinf(one.right) for one in stages)
    assert [[problem.where for problem in one.problems] for one in stages] == [
        ["gain"], ["feature_norm"], *[["encoder_params/normalization"]] * len(_BLOCKS)
    ]  # fmt: skip
    assert len(total_of(stages).problems) == 3
    both = deep_speech(_CONVOLUTIONS, "gru", 1, 6, 6)
    stages = model_context(FeatureExtractor(FEATURES), DeepSpeech2Encoder(both))
    assert [bool(one.problems) for one in stages] == [False, False, False, False, True]
    assert stages[-1].problems[0].where == "encoder_params/rnn_unidirectional"


def test_running_statistics_see_all_that_was_before():
    features = FeatureExtractor({**FEATURES, "feature_norm": "running"})
    stage = model_context(features, TDNNEncoder(tdnn(_BLOCKS)))[1]
    assert (stage.left, stage.right, stage.problems) == (math.inf, 0, ())
