"""Streams of models in memory: what they say is what the recording says, for any cuts."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.decoders.factory import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.encoders import DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.inference.batched_network import BatchedNetwork
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.inference.recognizer import Recognizer, log_softmax
from open_seq2seq.inference.trained_stream import TrainedStream
from open_seq2seq.models import Speech2Text
from open_seq2seq.models.segmentation_params import SEGMENTATION
from open_seq2seq.streaming import WindowLengths
from open_seq2seq.streaming.network import Piece
from open_seq2seq.vocabulary import SymbolTable
from tests.encoders.architectures import deep_speech, frequency_convolution, layer, tdnn
from tests.encoders.encoder_checks import scramble
from tests.models.test_speech2text import PARAMS
from tests.tiers import slow

RATE, FEATURES = 8000, 16
VOCABULARY = SymbolTable(" abcdefg'")
FULL_SCALE = 1 / 32768
STATISTICS = {
    "features_mean": np.linspace(-9.0, -7.0, FEATURES),
    "features_std_dev": np.linspace(2.0, 4.0, FEATURES),
}
FRONT_ENDS = {
    "librosa, fixed": {
        "backend": "librosa",
        "gain": FULL_SCALE,
        "feature_norm": "fixed",
        **STATISTICS,
    },
    "librosa, running": {
        "backend": "librosa",
        "gain": FULL_SCALE,
        "feature_norm": "running",
        "running_prior_frames": 50.0,
        "running_time_constant": 3.0,
        "dither": 1e-4,
        **STATISTICS,
    },
    "librosa, cepstra": {
        "backend": "librosa",
        "input_type": "mfcc",
        "gain": FULL_SCALE,
        "feature_norm": "fixed",
        **STATISTICS,
    },
}
RESIDUAL = [
    layer("sep_conv1d", 1, 11, 24, stride=2),
    layer("sep_conv1d", 2, 5, 24, residual=True),
    layer("conv1d", 1, 3, 24, dilation=2),
]
ENCODERS = {
    "QuartzNet": (TDNNEncoder, tdnn(RESIDUAL)),
    "QuartzNet, look_ahead": (TDNNEncoder, tdnn(RESIDUAL, look_ahead=9)),
    "Jasper": (
        TDNNEncoder,
        tdnn(
            [
                layer("conv1d", 1, 5, 16, stride=2),
                *[layer("conv1d", 2, 3, 16, residual=True, dense=True)] * 3,
                layer("conv1d", 1, 5, 16),
            ]
        ),
    ),
    "Deep Speech 2": (
        DeepSpeech2Encoder,
        deep_speech(
            [frequency_convolution((5, 5), (2, 2), 4), frequency_convolution((3, 3), (1, 2), 4)],
            "cudnn_gru",
            2,
            16,
            24,
            rnn_unidirectional=True,
            row_conv=True,
            row_conv_width=5,
        ),
    ),
    "LSTM": (
        DeepSpeech2Encoder,
        deep_speech([], "cudnn_lstm", 1, 24, 24, rnn_unidirectional=True),
    ),
}
_made = {}


def network(kind, params):
    given = {**PARAMS, "encoder": kind, "encoder_params": params}
    return Speech2Text(Speech2Text.PARAMS.parse(given), FEATURES, VOCABULARY.size)


def recognizer(encoder="QuartzNet", front_end="librosa, fixed", **decoder_params):
    key = encoder, front_end, *sorted(decoder_params.items())
    if key not in _made:
        kind, params = ENCODERS[encoder]
        extractor = FeatureExtractor(
            {
                "sample_freq": RATE,
                "input_type": "logfbank",
                "num_audio_features": FEATURES,
                **FRONT_ENDS[front_end],
            }
        )
        model = network(kind, params)
        scramble(model)
        # Texts with many symbols, from a network that knows nothing.
        for variable in model.decoder.variables:
            variable.assign(6 * np.asarray(variable))
        hop = extractor.hop_length * model.encoder.time_stride
        decoder = make_decoder(DECODER_PARAMS.parse(decoder_params), VOCABULARY, hop / RATE)
        _made[key] = Recognizer(
            extractor,
            BatchedNetwork(EvaluationStep(model), 4),
            VOCABULARY,
            decoder,
            frame_shift=hop / RATE,
            time_stride=model.encoder.time_stride,
            segmentation=SEGMENTATION.parse({"enabled": False}),
            make_streaming=lambda: TrainedStream(model, extractor),
        )
    return _made[key]


def speech(count, seed=0):
    """Noise under a swell, with digital silence in it."""
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.standard_normal(count) * np.abs(np.sin(np.arange(count) / 900))
    samples[count // 3 : count // 2] = 0
    return samples.astype(np.float32)


def streamed_rows(made, samples, cuts):
    """The log-probabilities of a stream that is cut at these places."""
    network = made.streaming_network
    state, rows = network.initial_state(), []
    pieces = np.split(samples, sorted(cuts))
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        [(found, state)] = network.compute([Piece(piece, state, last)])
        rows.append(log_softmax(found))
    return np.concatenate(rows)


@pytest.mark.parametrize(
    ("encoder", "front_end"),
    [
        ("QuartzNet", "librosa, fixed"),
        slow("QuartzNet, look_ahead", "librosa, cepstra"),
        slow("Jasper", "librosa, running"),
        ("Deep Speech 2", "librosa, fixed"),
        ("LSTM", "librosa, running"),
    ],
)
@settings(max_examples=10, deadline=None)
@given(
    count=st.integers(1, 12_000), shares=st.lists(st.floats(0, 1), max_size=8), seed=st.integers(0)
)
def test_log_probabilities_are_those_of_the_recording(encoder, front_end, count, shares, seed):
    made, samples = recognizer(encoder, front_end), speech(count, seed % 1000)
    (whole,) = made.log_probs(samples)
    rows = streamed_rows(made, samples, [int(share * count) for share in shares])
    assert rows.shape == whole.shape
    np.testing.assert_allclose(rows, whole, atol=1e-4)


@pytest.mark.parametrize("beam", [False, True], ids=["greedy", "beam search"])
@pytest.mark.parametrize("encoder", ["QuartzNet, look_ahead", "Deep Speech 2"])
@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(40, 3000), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_the_text_is_that_of_the_recording(encoder, beam, sizes, seed):
    params = {"use_language_model": True, "beam_width": 8} if beam else {}
    made, samples = recognizer(encoder, **params), speech(9000, seed)
    session, done, number = made.stream(chunk_seconds=0.1), 0, 0
    while done < len(samples):
        size = sizes[number % len(sizes)]
        session.accept(samples[done : done + size])
        done, number = done + size, number + 1
    result, [expected] = session.finish(), made.transcribe(samples)
    assert len(expected.text) > 2
    assert result.text == expected.text
    assert [word.text for word in result.words] == [word.text for word in expected.words]


def test_rows_come_as_soon_as_what_they_look_ahead_is_there():
    """Seen from outside: a changed sample changes no row that was given before."""
    made, samples = recognizer("QuartzNet, look_ahead"), speech(8000)
    network = made.streaming_network
    [(rows, _)] = network.compute([Piece(samples, network.initial_state())])
    complete = len(samples) / RATE - network.look_ahead
    assert abs(len(rows) * made.frame_shift - complete) <= made.frame_shift
    # At most 9 frames of 10 ms, and half a window.
    assert 0.08 < network.look_ahead <= 0.09 + 0.01


def test_streams_together_are_those_alone():
    """Also where some end, some begin and some bring more than others."""
    made = recognizer("Deep Speech 2", "librosa, running")
    recordings = [speech(count, seed) for seed, count in enumerate([9000, 4001, 12_345, 700, 1])]
    results = {}
    pool = made.stream_pool(3)

    def one(number):
        session, samples = pool.stream(chunk_seconds=0.1 + 0.02 * number), recordings[number]
        for first in range(0, len(samples), 500):
            session.accept(samples[first : first + 500])
        results[number] = session.finish()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(recordings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(made.transcribe(recordings)):
        assert results[number].text == expected.text


def test_a_stream_goes_on_in_another_recognizer(tmp_path):
    made, samples = recognizer("Deep Speech 2", "librosa, running"), speech(9000)
    first = made.stream(resumable=True, chunk_seconds=0.1)
    first.accept(samples[:5000])
    np.savez(tmp_path / "state.npz", **first.state())
    second = made.stream(resumable=True, chunk_seconds=0.1)
    second.restore(np.load(tmp_path / "state.npz"))
    for session in (first, second):
        session.accept(samples[5000:])
    assert first.finish() == second.finish()


def test_the_state_of_another_model():
    state = recognizer("Deep Speech 2").stream(resumable=True).state()
    with pytest.raises(InputError, match="of another network"):
        recognizer("QuartzNet").stream(resumable=True).restore(state)


def test_what_needs_the_whole_recording_says_why():
    kind, params = ENCODERS["Deep Speech 2"]
    extractor = FeatureExtractor(
        {
            "backend": "librosa",
            "sample_freq": RATE,
            "num_audio_features": FEATURES,
            "input_type": "logfbank",
        }
    )
    model = network(kind, {**params, "rnn_unidirectional": False})
    with pytest.raises(InputError) as caught:
        TrainedStream(model, extractor)
    where = [problem.where for problem in caught.value.problems]
    assert where == ["gain", "feature_norm", "encoder_params/rnn_unidirectional"]
    assert "buffered_stream" in str(caught.value)


def test_a_buffered_stream_of_a_model_whose_windows_reach_far_enough():
    """With fixed statistics and enough around it is the recording's result, to rounding."""
    made, samples = recognizer("QuartzNet"), speech(16_000)
    session = made.buffered_stream(windows=WindowLengths(0.6, 0.3, 0.6))
    for first in range(0, len(samples), 1111):
        session.accept(samples[first : first + 1111])
    [expected] = made.transcribe(samples)
    assert session.finish().text == expected.text and len(expected.text) > 10


def test_a_recognizer_without_a_network_for_streams():
    made = recognizer("QuartzNet")
    without = Recognizer(
        made.front_end,
        made.transcriber.network,
        VOCABULARY,
        made.decoder,
        frame_shift=made.frame_shift,
        time_stride=2,
        segmentation=SEGMENTATION.parse({}),
    )
    with pytest.raises(InputError, match="buffered_stream"):
        without.stream()
