"""DeepSpeech's calls over a recogniser: what it gives, its streams, its errors."""

import json
import math
import struct
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel, Scoring
from ctc_decoder_with_lm.scorer_package import package_tail
from open_seq2seq.compat.deepspeech import DeepSpeechError, Model, Stream
from open_seq2seq.compat.deepspeech.metadata import metadata_of
from open_seq2seq.decode_result import DecodeResult, Token
from open_seq2seq.decoders import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError
from open_seq2seq.inference.front_end import RawSamples
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.vocabulary import SymbolTable
from tests.compat import deepspeech_program
from tests.ctc_decoder_with_lm.language_model_files import build_binary
from tests.exported_models import (
    FRAME_SHIFT,
    HOP,
    RATE,
    SEGMENTATION,
    SYMBOLS,
    network,
    speech,
    spoken,
    write_exported,
)

DIGITS = Path(__file__).parents[2] / "example_data/digits"
ARPA = """\\data\\
ngram 1=7
ngram 2=3

\\1-grams:
-2.0\t<unk>
-99\t<s>\t-0.3
-0.9\t</s>
-0.7\tab\t-0.3
-0.8\tcab\t-0.3
-0.9\tabba\t-0.3
-1.1\tb\t-0.3

\\2-grams:
-0.2\tab cab
-0.3\tcab abba
-0.4\t<s> ab

\\end\\
"""


class Levels:
    """A `Network`, and a `StreamingNetwork` that computes each frame when it is whole."""

    sample_freq, row_samples, piece_samples, look_ahead = RATE, HOP, HOP, 0.0

    def compute(self, inputs, labels=None):
        if not hasattr(inputs[0], "state"):
            return [network(one).astype(np.float32) for one in inputs], [None] * len(inputs)
        return [(network(piece.samples).astype(np.float32), piece.state) for piece in inputs]

    def initial_state(self):
        return None


def recognizer(streams):
    table = SymbolTable(SYMBOLS)
    return Recognizer(
        RawSamples(RATE, HOP),
        Levels(),
        table,
        make_decoder(DECODER_PARAMS.parse({}), table, FRAME_SHIFT),
        frame_shift=FRAME_SHIFT,
        time_stride=1,
        segmentation=SEGMENTATION,
        trained_on={"longest": 20.0, "mean": 5.0},
        make_streaming=Levels if streams else None,
    )


def int16(samples):
    return np.round(samples * 32767).astype(np.int16)


def noisy(text, seed, noise=0.02):
    """A text whose frames are hard to tell apart."""
    rng = np.random.default_rng(seed)
    samples = speech(spoken(text, rng) + "-")
    levels = noise * np.repeat(rng.standard_normal(len(samples) // HOP), HOP)
    return int16(samples + levels * np.sign(samples))


@pytest.fixture
def model():
    return Model.of(recognizer(streams=True))


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    path.write_text(ARPA)
    return str(path)


def searched(audio, lm=None, **options):
    """An independent way to the same: network and native decoder by themselves."""
    rows = network(audio.astype(np.float32) / 32768)
    if lm is None:
        scoring = replace(Scoring.preset("deepspeech"), min_cutoff=False)
        decoder = BeamSearchDecoder(SYMBOLS, None, scoring, step_size=FRAME_SHIFT)
        options = {"alpha": 0.0, **options}
    else:
        decoder = BeamSearchDecoder(SYMBOLS, LanguageModel(lm), "deepspeech", step_size=FRAME_SHIFT)
    return decoder.decode(rows.astype(np.float32), beam_width=500, **options)


def test_without_a_scorer_it_is_plain_beam_search(model):
    assert (model.sampleRate(), model.beamWidth()) == (RATE, 500)
    for seed in range(5):
        audio = noisy("ab cab abba b", seed)
        expected = searched(audio, nbest=4)
        assert model.stt(audio) == expected.text and expected.text
        found = model.sttWithMetadata(audio, 4)
        texts = ["".join(token.text for token in one.tokens) for one in found.transcripts]
        assert texts == [one.text for one in expected.nbest]
        scores = [one.confidence for one in found.transcripts]
        assert scores == pytest.approx([one.score for one in expected.nbest], abs=1e-3)
        assert scores == sorted(scores, reverse=True)


def test_characters_begin_with_their_frames(model):
    #                        0123456789
    audio = int16(speech("--aa-b  cc-"))
    (best,) = model.sttWithMetadata(audio).transcripts
    assert [(token.text, token.timestep) for token in best.tokens] == [
        ("a", 2), ("b", 5), (" ", 6), ("c", 8)
    ]  # fmt: skip
    for token in best.tokens:
        assert token.start_time == pytest.approx(token.timestep * FRAME_SHIFT)


def test_a_scorer_has_its_say(model, lm):
    differs = 0
    for seed in range(8):
        audio = noisy("ab cab abba b", seed, 0.06)
        model.disableExternalScorer()
        plain = model.stt(audio)
        model.enableExternalScorer(lm)
        assert model.setScorerAlphaBeta(0.9, 1.2) == 0
        assert model.stt(audio) == searched(audio, lm, alpha=0.9, beta=1.2).text
        differs += model.stt(audio) != plain
    assert differs
    assert model.disableExternalScorer() == 0
    assert model.stt(audio) == plain


def test_hot_words_count_alpha_times(model, lm):
    model.enableExternalScorer(lm)
    model.setScorerAlphaBeta(0.5, 0.0)
    differs = 0
    for seed in range(8):
        audio = noisy("ab b ab b", seed, 0.08)
        plain = model.stt(audio)
        model.addHotWord("b", 6.0)
        expected = searched(audio, lm, alpha=0.5, beta=0.0, hot_words={"b": 3.0})
        assert model.stt(audio) == expected.text
        differs += model.stt(audio) != plain
        model.eraseHotWord("b")
        assert model.stt(audio) == plain
    assert differs
    model.addHotWord("b", 6.0)
    model.addHotWord("ab", -2.0)
    model.clearHotWords()
    assert model.stt(audio) == plain


def test_the_beam_width_is_used(model):
    audio = noisy("ab cab abba b", 3, 0.08)
    assert model.setBeamWidth(1) == 0 and model.beamWidth() == 1
    assert len(model.sttWithMetadata(audio, 10).transcripts) == 1
    model.setBeamWidth(8)
    assert 1 < len(model.sttWithMetadata(audio, 10).transcripts) <= 10


@pytest.mark.parametrize("streams", [True, False], ids=["streams", "windows"])
@pytest.mark.parametrize("with_lm", [True, False])
def test_a_stream_is_the_recording(streams, with_lm, lm):
    model = Model.of(recognizer(streams))
    if with_lm:
        model.enableExternalScorer(lm)
    rng = np.random.default_rng(0)
    for seed in range(3):
        audio = noisy("ab cab abba b cab", seed)
        stream = model.createStream()
        cuts = np.sort(rng.integers(0, len(audio), 7))
        for part in np.split(audio, cuts):
            stream.feedAudioContent(part)
            stream.intermediateDecode()
        assert stream.finishStream() == model.stt(audio) != ""
        stream = model.createStream()
        stream.feedAudioContent(audio)
        found, expected = stream.finishStreamWithMetadata(3), model.sttWithMetadata(audio, 3)
        assert [one.tokens for one in found.transcripts] == [
            one.tokens for one in expected.transcripts
        ]
        for one, other in zip(found.transcripts, expected.transcripts):
            assert one.confidence == pytest.approx(other.confidence, abs=1e-3)


def test_windows_are_said_once(lm, logged):
    model = Model.of(recognizer(streams=False))
    model.createStream()
    model.createStream()
    Model.of(recognizer(streams=True)).createStream()
    assert [line for line in logged if "windows that overlap" in line] == logged != []


def test_intermediate_texts_are_those_of_what_was_heard(model):
    audio = int16(speech("aa-bb-  cc--bb--"))
    stream = model.createStream()
    texts = []
    for first in range(0, len(audio), HOP):
        stream.feedAudioContent(audio[first : first + HOP])
        texts.append(stream.intermediateDecode())
    # What is computed is the recording up to there: a multiple of a chunk.
    known = {model.stt(audio[: HOP * frames]) for frames in range(len(audio) // HOP + 1)}
    assert set(texts) <= known | {""}
    metadata = stream.intermediateDecodeWithMetadata(2)
    assert "".join(t.text for t in metadata.transcripts[0].tokens) == texts[-1]
    assert stream.finishStream() == "ab cb"


def test_later_settings_are_not_a_streams(model, lm):
    audio = noisy("ab cab abba b", 1, 0.06)
    plain = model.stt(audio)
    stream = model.createStream()
    model.enableExternalScorer(lm)
    stream.feedAudioContent(audio)
    assert stream.finishStream() == plain


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("feedAudioContent", [np.zeros(4, np.int16)]),
        ("intermediateDecode", []),
        ("intermediateDecodeWithMetadata", []),
        ("finishStream", []),
        ("finishStreamWithMetadata", []),
        ("freeStream", []),
    ],
)
def test_nothing_works_after_the_end(model, call, arguments):
    for end in (Stream.finishStream, Stream.finishStreamWithMetadata, Stream.freeStream):
        stream = model.createStream()
        stream.feedAudioContent(int16(speech("aa--")))
        end(stream)
        with pytest.raises(RuntimeError, match=f"{call}: found one that was, .*createStream"):
            getattr(stream, call)(*arguments)


def test_nothing_said_is_an_empty_text(model):
    empty = np.zeros(0, np.int16)
    assert model.stt(empty) == "" and model.createStream().finishStream() == ""
    for found in (
        model.sttWithMetadata(empty, 5),
        model.createStream().finishStreamWithMetadata(),
        model.sttWithMetadata(int16(speech("-----"))),
    ):
        (best,) = found.transcripts
        assert best.tokens == () and best.confidence == 0


WRONG_AUDIO = {
    "floats": (np.zeros(80, np.float32), "an array of float32.*32767"),
    "bytes": (b"\0" * 80, "bytes, expected.*np.frombuffer"),
    "a list": ([0, 1, 2], "list, expected"),
    "channels": (np.zeros((80, 2), np.int16), r"an array of shape \[80, 2\].*one channel"),
    "big-endian": (np.zeros(80, ">i2"), "an array of >i2"),
}


@pytest.mark.parametrize("kind", WRONG_AUDIO)
def test_what_is_no_audio_is_refused(model, kind):
    audio, message = WRONG_AUDIO[kind]
    stream = model.createStream()
    for call in (model.stt, model.sttWithMetadata, stream.feedAudioContent):
        with pytest.raises(InputError, match=f"{call.__name__}: found {message}"):
            call(audio)
    stream.feedAudioContent(int16(speech("aa--")))
    assert stream.finishStream() == "a"


@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True, None, 2**40])
def test_numbers_of_hypotheses_are_whole(model, value):
    with pytest.raises(InputError, match=r"setBeamWidth: found .*at least 1"):
        model.setBeamWidth(value)
    with pytest.raises(InputError, match=r"num_results=.*at least 1"):
        model.sttWithMetadata(np.zeros(80, np.int16), value)
    assert model.beamWidth() == 500


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None, True])
def test_weights_are_numbers(model, lm, value):
    model.enableExternalScorer(lm)
    with pytest.raises(InputError, match="setScorerAlphaBeta: alpha: found"):
        model.setScorerAlphaBeta(value, 1.0)
    with pytest.raises(InputError, match="setScorerAlphaBeta: beta: found"):
        model.setScorerAlphaBeta(1.0, value)


def refused(code, call, *arguments):
    """The message of a call that fails with DeepSpeech's code."""
    with pytest.raises(RuntimeError, match=rf"\(0x{code:X}\)") as caught:
        call(*arguments)
    assert isinstance(caught.value, DeepSpeechError) and isinstance(caught.value, InputError)
    assert caught.value.code == code
    return str(caught.value)


def test_without_a_scorer_its_calls_say_so(model):
    for call in ((model.addHotWord, "b", 1.0), (model.eraseHotWord, "b"), (model.clearHotWords,)):
        assert "no external scorer is enabled" in refused(0x2004, *call)
    assert model.setScorerAlphaBeta(1.0, 1.0) == model.disableExternalScorer() == 0x2004


def test_hot_words_that_cannot_be(model, lm):
    model.enableExternalScorer(lm)
    for word in ("a b", " b", "b ", "", None, 3):
        assert "one word, without spaces" in refused(0x3008, model.addHotWord, word, 1.0)
    assert "in no symbol" in refused(0x3008, model.addHotWord, "xyz", 1.0)
    assert "a finite number" in refused(0x3008, model.addHotWord, "b", float("nan"))
    model.addHotWord("b", 1.0)
    assert "which is one already" in refused(0x3008, model.addHotWord, "b", 2.0)
    assert "one of: 'b'" in refused(0x3010, model.eraseHotWord, "cab")


def test_files_that_are_no_scorers(model, lm, tmp_path):
    audio = noisy("ab cab abba b", 1, 0.06)
    model.enableExternalScorer(lm)
    before = model.stt(audio)
    refused(0x2005, model.enableExternalScorer, str(tmp_path / "none.scorer"))
    refused(0x2005, model.enableExternalScorer, str(tmp_path))
    other = tmp_path / "other.scorer"
    other.write_bytes(b"nothing of the kind")
    refused(0x2006, model.enableExternalScorer, str(other))
    other.write_text(ARPA.replace("ab", "xy").replace("\tb\t", "\tz\t"))
    assert "can be spelled" in refused(0x2002, model.enableExternalScorer, str(other))
    assert model.stt(audio) == before


def package_of(arpa, folder, tail=None):
    """A scorer package of the model above."""
    path = build_binary(arpa, folder / "kenlm.scorer", "-v", "trie")
    kenlm = path.read_bytes()
    if tail is None:
        tail = package_tail(["ab", "cab", "abba", "b"], SYMBOLS, 0.75, 1.5, len(kenlm))
    path.write_bytes(kenlm + tail)
    return str(path)


def test_a_scorer_package_brings_alpha_and_beta(model, lm, tmp_path):
    model.enableExternalScorer(package_of(lm, tmp_path))
    for seed in range(5):
        audio = noisy("ab cab abba b", seed, 0.06)
        assert model.stt(audio) == searched(audio, lm, alpha=0.75, beta=1.5).text


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"", 0x2007),
        (b"EIRT" + struct.pack("<i?dd", 6, False, 0.75, 1.5), 0x2007),
        (b"EIRT" + struct.pack("<i?dd", 6, False, 0.75, 1.5) + b"damaged", 0x2008),
        (b"EIRT" + struct.pack("<i?dd", 5, False, 0.75, 1.5) + b"of another time", 0x2009),
        (b"EIRT" + struct.pack("<i?dd", 6, False, math.nan, 1.5), 0x2008),
    ],
)
def test_packages_that_cannot_be_used(model, lm, tmp_path, tail, code):
    path = package_of(lm, tmp_path, tail)
    assert path in refused(code, model.enableExternalScorer, path)


def test_a_package_for_another_alphabet(model, lm, tmp_path):
    size = len(build_binary(lm, tmp_path / "kenlm.scorer", "-v", "trie").read_bytes())
    tail = package_tail(["ab"], [*SYMBOLS[1:], " "], 1.0, 1.0, size)
    refused(0x2002, model.enableExternalScorer, package_of(lm, tmp_path, tail))


def test_models_that_are_none(tmp_path):
    refused(0x1000, Model, str(tmp_path / "none"))
    assert "recognizer.json" in refused(0x3007, Model, str(tmp_path))
    theirs = tmp_path / "deepspeech-0.9.3-models.pbmm"
    assert "DeepSpeech's own network" in refused(0x3007, Model, str(theirs))


def test_pieces_become_characters():
    """SentencePiece's symbols: each character has its piece's time, and no space comes first."""
    tokens = (Token("\u2581ab", 0.1, 0.2), Token("c", 0.3, 0.4), Token("\u2581", 0.5, 0.6),
              Token("a", 0.7, 0.8))  # fmt: skip
    (best,) = metadata_of(DecodeResult("abc a", -1.0, (), tokens=tokens), 0.1, 1).transcripts
    assert [(t.text, t.timestep) for t in best.tokens] == [
        ("a", 1), ("b", 1), ("c", 3), (" ", 5), ("a", 7)
    ]  # fmt: skip


def test_between_the_parts_of_a_long_recording_is_a_space():
    tokens = (Token("a", 0.0, 0.1), Token(" ", 0.1, 0.2), Token("b", 0.9, 1.0))
    (best,) = metadata_of(DecodeResult("a b", -1.0, (), tokens=tokens), 0.1, 1).transcripts
    assert [(t.text, t.timestep) for t in best.tokens] == [("a", 0), (" ", 1), ("b", 9)]
    without = DecodeResult("a b", -1.0, (), tokens=(tokens[0], tokens[2]))
    (best,) = metadata_of(without, 0.1, 1).transcripts
    assert [(t.text, t.timestep) for t in best.tokens] == [("a", 0), (" ", 9), ("b", 9)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model"
    write_exported(path)
    return path


@pytest.mark.slow
def test_a_model_with_its_config():
    model = Model(DIGITS / "model/config.py")
    audio, rate = soundfile.read(DIGITS / "recordings/7_theo_10.flac", dtype="int16")
    assert rate == model.sampleRate()
    stream = model.createStream()
    for first in range(0, len(audio), 800):
        stream.feedAudioContent(audio[first : first + 800])
    (best,) = model.sttWithMetadata(audio).transcripts
    spelled = "".join(token.text for token in best.tokens)
    assert model.stt(audio) == stream.finishStream() == spelled == "seven"
    times = [token.start_time for token in best.tokens]
    assert times == sorted(set(times)) and times[-1] < len(audio) / rate


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(int16(speech("--aa-b-  cc-a-bb--")).tobytes())
    return str(path)


def test_a_program_of_theirs_runs(folder, recording, lm, capsys):
    def said(*arguments):
        deepspeech_program.main([f"--model={folder}", f"--audio={recording}", *arguments])
        return capsys.readouterr().out.splitlines()

    assert said() == said("--extended") == ["ab cab"]
    scored = [f"--scorer={lm}", "--lm_alpha=0.75", "--lm_beta=1.85", "--beam_width=100"]
    assert said(*scored, "--hot_words=cab:2.5,b:-1") == ["ab cab"]
    *meanwhile, last = said(*scored, "--stream=320")
    assert last == "ab cab" and sum(line.startswith("...") for line in meanwhile) == 5
    found = json.loads(said(*scored, "--json")[0])["transcripts"]
    assert found[0]["words"] == [{"word": "ab", "start": 0.02}, {"word": "cab", "start": 0.09}]
