"""A recogniser made of its four parts, without config, checkpoint or data layer."""

import numpy as np
import pytest
import soundfile

from open_seq2seq.data.audio import resample
from open_seq2seq.decoders.factory import make_decoder
from open_seq2seq.decoders.greedy import greedy_decode_numpy
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.inference.batched_network import BatchedNetwork
from open_seq2seq.inference.recognizer import Recognizer, RecordingsLeftOut
from open_seq2seq.models.segmentation_params import SEGMENTATION
from open_seq2seq.vocabulary import SymbolTable

RATE = 8000
FRONT_END = FeatureExtractor(
    {"backend": "librosa", "sample_freq": RATE, "input_type": "logfbank", "num_audio_features": 4}
)
SYMBOLS = SymbolTable(" ab")


class EverySecondFrame:
    """A network whose logits are its features: three symbols and the blank."""

    def logits(self, batch):
        return 3 * batch.features[:, ::2], -(-batch.feature_lengths // 2)


@pytest.fixture(scope="module")
def recognizer():
    decoder = make_decoder(DECODER_PARAMS.parse({}), SYMBOLS, 0.02)
    return Recognizer(
        FRONT_END,
        BatchedNetwork(EverySecondFrame(), 3),
        SYMBOLS,
        decoder,
        frame_shift=0.02,
        time_stride=2,
        segmentation=SEGMENTATION.parse({}),
        batch_size=3,
        threads=2,
    )


def recording(seconds, seed):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(int(seconds * RATE))).astype(np.float32)


def logits_of(samples):
    return 3 * FRONT_END(samples)[::2]


def test_results_are_in_order_and_those_of_each_alone(recognizer):
    audio = [recording(seconds, seed) for seed, seconds in enumerate([0.9, 0.2, 2, 0.5, 1.3, 0.1])]
    for one, result, logits in zip(audio, recognizer.transcribe(audio), recognizer.logits(audio)):
        expected = logits_of(one)
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        (wanted,) = greedy_decode_numpy(expected[None], np.array([len(expected)]), SYMBOLS, 0.02)
        assert (result.text, len(result.words)) == (wanted.text, len(wanted.words))


def test_log_probs_are_natural_logarithms_of_probabilities(recognizer):
    samples = recording(1, 7)
    (log_probs,) = recognizer.log_probs(samples)
    np.testing.assert_allclose(np.exp(log_probs), softmaxed(logits_of(samples)), atol=1e-5)
    assert log_probs.dtype == np.float32


def softmaxed(logits):
    exact = np.exp(logits.astype(np.float64))
    return exact / exact.sum(1, keepdims=True)


@pytest.mark.parametrize("call", ["transcribe", "logits", "log_probs"])
def test_the_error_holds_what_would_have_been_returned(recognizer, call, logged):
    """Log probabilities are not the logits that they are made of."""
    good, broken = recording(1, 7), np.zeros((3, 2), np.float32)
    with pytest.raises(RecordingsLeftOut, match=r"audio\[0\]: ") as error:
        getattr(recognizer, call)([broken, good])
    assert not logged
    left, result = error.value.results
    returned = getattr(recognizer, call)([broken, good], None, "skip")
    assert left is None and returned[0] is None and "audio[0]" in "".join(logged)
    if call == "transcribe":
        assert result == returned[1] == recognizer.transcribe([good])[0]
        return
    np.testing.assert_array_equal(result, returned[1])
    logits = logits_of(good)
    if call == "logits":
        np.testing.assert_allclose(result, logits, atol=1e-5)
    else:
        np.testing.assert_allclose(np.exp(result), softmaxed(logits), atol=1e-5)


def test_paths_arrays_integers_and_other_rates(recognizer, tmp_path):
    samples = np.round(recording(1, 3) * 32768) / 32768
    soundfile.write(tmp_path / "a.wav", samples, RATE, "PCM_16")
    integers = np.round(samples * 32768).astype(np.int16)
    results = recognizer.logits([tmp_path / "a.wav", str(tmp_path / "a.wav"), samples, integers])
    for logits in results:
        np.testing.assert_allclose(logits, logits_of(samples.astype(np.float32)), atol=1e-4)
    (other,) = recognizer.logits(samples.astype(np.float32), sample_freq=11025)
    expected = logits_of(resample(samples.astype(np.float32), 11025, RATE))
    np.testing.assert_allclose(other, expected, atol=1e-5)
    (alone,) = recognizer.transcribe(tmp_path / "a.wav")
    assert alone.text == recognizer.transcribe([samples])[0].text
