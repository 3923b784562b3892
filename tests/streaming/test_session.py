"""A stream says what the whole recording says, however its samples are cut."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.data.audio import resample
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError, RunError
from open_seq2seq.streaming import EndpointRule, VoiceGate
from tests.exported_models import FRAME_SHIFT, HOP, RATE, speech, spoken
from tests.streaming.levels import LevelsNetwork, session, whole

TEXT = "abc ca bab c"


def recording(text=TEXT, seed=0):
    rng = np.random.default_rng(seed)
    return speech(spoken(text, rng), rng)


def fed(stream, samples, sizes):
    """Partial results of pieces of these sizes, again and again."""
    partials, done = [], 0
    while done < len(samples):
        size = sizes[len(partials) % len(sizes)]
        partials.append(stream.accept(samples[done : done + size]))
        done += size
    return partials


def same(result, expected):
    assert result.text == expected.text
    assert result.score == pytest.approx(expected.score, rel=1e-5, abs=1e-3)
    assert [word.text for word in result.words] == [word.text for word in expected.words]
    for found, wanted in zip(result.words, expected.words):
        assert found[1:] == pytest.approx(wanted[1:], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 2000), min_size=1, max_size=6).filter(any),
    delay=st.integers(0, 30),
    chunk_seconds=st.sampled_from([0, 0.02, 0.32, 5]),
    beam=st.booleans(),
)
def test_any_cutting_gives_the_result_of_the_whole(seed, sizes, delay, chunk_seconds, beam):
    samples = recording(seed=seed)
    params = {"use_language_model": True, "beam_width": 16} if beam else {}
    stream = session(LevelsNetwork(delay), params, chunk_seconds=chunk_seconds)
    for _ in range(2):
        stable = ""
        for partial in fed(stream, samples, sizes):
            assert partial.stable_text.startswith(stable) and partial.text.startswith(stable)
            assert [word.text for word in partial.words] == partial.text.split()
            assert partial.decoded <= partial.received + 1e-9
            stable = partial.stable_text
        assert partial.received == pytest.approx(len(samples) / RATE)
        result = stream.finish()
        assert result.text.startswith(stable)
        same(result, whole(samples, **params))
        stream.reset()


def test_text_comes_with_the_chunk_that_completes_it():
    """Not later: what is not decoded is less than a chunk and what the network looks ahead."""
    stream, samples = session(LevelsNetwork(7), chunk_seconds=0.05), recording()
    assert stream.latency == pytest.approx(0.05 + 7 * FRAME_SHIFT)
    for partial in fed(stream, samples, [33]):
        assert partial.received - partial.decoded < stream.latency + 1e-9


def test_one_sample_at_a_time_and_16_bit():
    samples = recording("ab c")
    stream = session()
    fed(stream, samples, [1])
    same(stream.finish(), whole(samples))
    numbers = np.round(samples * 32767).astype(np.int16)
    stream.reset()
    fed(stream, numbers, [160])
    same(stream.finish(), whole(numbers / np.float32(32768)))


@pytest.mark.parametrize("rate", [11025, 16000, 44100])
def test_any_sample_rate(rate):
    levels = np.abs(speech(spoken(TEXT, np.random.default_rng(0))))
    # A lower tone than what the levels are usually carried by, with the same mean magnitude.
    tone = np.pi / 2 * np.sin(2 * np.pi * 400 * np.arange(len(levels)) / RATE)
    at_rate = resample((levels * tone).astype(np.float32), RATE, rate, "VHQ")
    stream = session(sample_freq=rate)
    fed(stream, at_rate, [441, 1, 977])
    result = stream.finish()
    expected = whole(resample(at_rate, rate, RATE))
    assert result.text == expected.text == TEXT
    np.testing.assert_allclose(
        [word[1:3] for word in result.words], [word[1:3] for word in expected.words], atol=0.011
    )
    assert stream.partial().received == pytest.approx(len(at_rate) / rate)


def test_pieces_are_taken_from_the_callers_array():
    """Which may be used again for the next samples, as sound cards do."""
    samples, buffer = recording(), np.zeros(100, np.float32)
    stream = session(chunk_seconds=0)
    for first in range(0, len(samples) // 100 * 100, 100):
        buffer[:] = samples[first : first + 100]
        stream.accept(buffer)
        buffer[:] = 1
    same(stream.finish(), whole(samples[: len(samples) // 100 * 100]))


def test_utterances_of_a_stream():
    """What follows an endpoint is another utterance, with times of the stream."""
    rng = np.random.default_rng(3)
    silence = "-" * 130
    samples = speech("-" + spoken("ab", rng) + silence + spoken(" c a", rng), rng)
    stream, ends = session(LevelsNetwork(5), chunk_seconds=0.02), []
    for first in range(0, len(samples), HOP):
        stream.accept(samples[first : first + HOP])
        if end := stream.endpoint():
            ends.append((end, stream.end_utterance()))
    last = stream.finish()
    expected = whole(samples)
    [(end, first)] = ends
    assert (end.rule, first.text, last.text) == ("after_speech", "ab", " c a")
    assert end.start == 0 and end.trailing_silence == pytest.approx(1.2, abs=0.021)
    assert end.end - end.trailing_silence == pytest.approx(
        first.words[-1].end + FRAME_SHIFT, abs=5 * FRAME_SHIFT
    )
    for found, wanted in zip([*first.words, *last.words], expected.words):
        assert found[1:3] == pytest.approx(wanted[1:3], abs=1e-6)


def test_an_endpoint_does_not_end_the_utterance_by_itself():
    samples = speech("aa-bb" + "-" * 130 + "cc")
    stream = session(chunk_seconds=0)
    stream.accept(samples[: 132 * HOP])
    assert stream.endpoint().rule == "after_speech"
    stream.accept(samples[132 * HOP :])
    assert stream.endpoint() is None and stream.finish().text == "abc"


def test_rules_that_need_a_finished_word(tmp_path):
    """Of a lexicon: in the middle of a word the utterance has not ended, whatever silence says."""
    (tmp_path / "words.txt").write_text("ab\nabba\n")
    params = {
        "use_language_model": True,
        "beam_width": 8,
        "lm_scoring": "flashlight",
        "lexicon_path": str(tmp_path / "words.txt"),
    }
    rules = [EndpointRule("word", trailing_silence=0.1, max_end_cost=0.5)]
    found = {}
    for text in ("a", "ab", "abb", "abba"):
        stream = session(None, params, chunk_seconds=0, endpoint_rules=rules)
        stream.accept(speech("".join(2 * letter + "-" for letter in text) + "-" * 20))
        found[text] = stream.endpoint() is not None
    assert found == {"a": False, "ab": True, "abb": False, "abba": True}


class TestStates:
    @pytest.mark.parametrize("beam", [False, True], ids=["greedy", "beam search"])
    def test_a_stream_goes_on_elsewhere_bit_for_bit(self, beam, tmp_path):
        params = {"use_language_model": True, "beam_width": 16} if beam else {}
        samples, cut = recording(), 3333
        first = session(LevelsNetwork(9), params, resumable=True)
        first.accept(samples[:cut])
        np.savez(tmp_path / "state.npz", **first.state())
        second = session(LevelsNetwork(9), params, resumable=True)
        second.accept(recording("cab", 5))  # whatever it did before
        second.restore(np.load(tmp_path / "state.npz"))
        assert second.partial() == first.partial()
        for stream in (first, second):
            stream.accept(samples[cut:])
        assert first.finish() == second.finish() and first.partial() == second.partial()

    def test_only_the_utterance_is_kept(self):
        stream = session(resumable=True, chunk_seconds=0)
        stream.accept(recording())
        assert len(stream.state()["utterance"]) == len(recording()) // HOP
        stream.end_utterance()
        assert len(stream.state()["utterance"]) == 0

    def test_what_cannot_be_stored(self):
        with pytest.raises(InputError, match="resumable: found False, expected True"):
            session().state()
        with pytest.raises(InputError, match="sample_freq: found 44100, expected 8000"):
            session(sample_freq=44100, resumable=True).state()
        with pytest.raises(InputError, match="no rows, first_row"):
            session(resumable=True).restore({})


class TestVoiceGate:
    def test_long_silence_is_not_computed_and_times_are_right(self):
        rng = np.random.default_rng(1)
        path = spoken("ab", rng) + "." * 3000 + spoken("c a", rng) + "." * 900
        samples = speech(path)
        network = LevelsNetwork(4)
        stream = session(network, chunk_seconds=0.1, voice_gate=VoiceGate(-40.0, 0.3, 0.2))
        computed = 0

        def count(pieces, compute=network.compute):
            nonlocal computed
            computed += sum(len(piece.samples) for piece in pieces)
            return compute(pieces)

        network.compute = count
        fed(stream, samples, [777])
        result, expected = stream.finish(), whole(samples)
        assert computed < 0.3 * len(samples)
        assert [word.text for word in result.words] == [word.text for word in expected.words]
        for found, wanted in zip(result.words, expected.words):
            assert found[1:3] == pytest.approx(wanted[1:3], abs=1e-6)

    @pytest.mark.parametrize("piece_rows", [1, 7])
    def test_pieces_of_several_rows(self, piece_rows):
        rng = np.random.default_rng(1)
        samples = speech(spoken("ab", rng) + "." * 1500 + spoken("c a", rng) + "." * 300)
        network = LevelsNetwork(4, piece_rows)
        stream = session(network, chunk_seconds=0.1, voice_gate=VoiceGate(-40.0, 0.3, 0.2))
        assert stream.chunk_seconds == pytest.approx(0.1, abs=piece_rows * FRAME_SHIFT / 2)
        fed(stream, samples, [777])
        words = [(word.text, word.start) for word in stream.finish().words]
        expected = [
            (word.text, pytest.approx(word.start, abs=1e-6)) for word in whole(samples).words
        ]
        assert words == expected

    def test_an_open_gate_changes_nothing(self):
        samples = recording()
        stream = session(voice_gate=VoiceGate(-40.0))
        fed(stream, samples, [100])
        assert stream.finish() == whole_of_stream(samples)

    def test_there_are_such_gates_only(self):
        with pytest.raises(InputError, match="threshold: found 3"):
            VoiceGate(3)


def whole_of_stream(samples) -> DecodeResult:
    stream = session()
    fed(stream, samples, [100])
    return stream.finish()


class TestFaults:
    @pytest.mark.parametrize(
        ("samples", "message"),
        [
            (np.array([0.1, np.nan, 0.2], np.float32), "nan in sample 801"),
            (np.zeros((10, 2), np.float32), "an array of shape"),
            (np.zeros(10, np.int32), "samples of type int32"),
            ("abc", "an array of shape"),
        ],
    )
    def test_what_are_no_samples_changes_nothing(self, samples, message):
        good, stream = recording(), session()
        stream.accept(good[:800])
        with pytest.raises(InputError, match=message):
            stream.accept(samples)
        stream.accept(good[800:])
        same(stream.finish(), whole(good))

    def test_after_the_end(self):
        stream = session()
        stream.accept(recording())
        stream.finish()
        for call in (lambda: stream.accept(recording()), stream.finish, stream.end_utterance):
            with pytest.raises(InputError, match="a stream that was finished"):
                call()

    @pytest.mark.parametrize("rate", [0, -8000, 10**7, 8000.5, "8000", True])
    def test_there_is_no_such_rate(self, rate):
        with pytest.raises(InputError, match="The model's own rate is 8000"):
            session(sample_freq=rate)

    @pytest.mark.parametrize("seconds", [-1, 100, float("nan")])
    def test_there_is_no_such_chunk(self, seconds):
        with pytest.raises(InputError, match="chunk_seconds"):
            session(chunk_seconds=seconds)

    def test_nothing_was_said(self):
        stream = session()
        assert stream.accept(np.zeros(0, np.float32)).text == ""
        assert stream.finish().text == ""
        short = session()
        short.accept(np.zeros(1, np.float32))
        assert short.finish().text == ""

    def test_a_network_that_fails_once_loses_nothing(self):
        network, good = LevelsNetwork(), recording()
        stream, compute = session(network, chunk_seconds=0), network.compute
        stream.accept(good[:1000])

        def fails(pieces):
            network.compute = compute
            raise RunError("out of memory")

        network.compute = fails
        with pytest.raises(RunError):
            stream.accept(good[1000:2000])
        stream.accept(good[2000:])
        same(stream.finish(), whole(good))

    @pytest.mark.parametrize("chunk_seconds", [0.02, 5])
    def test_the_end_can_be_tried_again(self, chunk_seconds):
        network, good = LevelsNetwork(4), recording()
        stream, compute = session(network, chunk_seconds=chunk_seconds), network.compute
        stream.accept(good)

        def fails(pieces):
            network.compute = compute
            raise RunError("out of memory")

        network.compute = fails
        with pytest.raises(RunError):
            stream.finish()
        with pytest.raises(InputError, match="The stream has ended"):
            stream.accept(good)
        same(stream.finish(), whole(good))

    def test_dropped_sessions_leave_nothing(self):
        network = LevelsNetwork()
        streams = []
        for _ in range(10_000):
            stream = session(network)
            stream.accept(np.zeros(100, np.float32))
            streams.append(weakref.ref(stream))
        del stream
        gc.collect()
        assert not any(one() for one in streams)
