"""Utterances of a stream end where rules say so, wherever its samples are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.streaming import EndpointRule, StreamPool
from tests.exported_models import FRAME_SHIFT, HOP, SYMBOLS, speech, spoken
from tests.streaming.levels import LevelsNetwork, decoder, session

RULES = (
    EndpointRule("nothing_said", trailing_silence=0.5, needs_text=False),
    EndpointRule("after_speech", trailing_silence=0.25),
    EndpointRule("too_long", needs_text=False, length=1.5),
)


def talk(rng):
    """Words between pauses of all lengths, silence at the ends too."""
    path = ""
    for _ in range(6):
        path += "-" * int(rng.integers(0, 90)) + spoken(
            str(rng.choice(["ab", "c ab", "bcab"])), rng
        )
    return speech(path + "-" * int(rng.integers(0, 90)), rng)


def ended(stream):
    """What has ended: text, times and rule of each, and where its words lie."""
    found = []
    while (end := stream.endpoint()) is not None:
        result = stream.end_utterance()
        words = [(word.text, word.start, word.end) for word in result.words]
        found.append((end.rule, round(end.start, 6), round(end.end, 6), result.text, words))
    return found


def segments(stream, samples, sizes):
    """All utterances of samples that come in pieces of these sizes."""
    found, done, number = [], 0, 0
    while done < len(samples):
        size = sizes[number % len(sizes)]
        stream.accept(samples[done : done + size])
        found += ended(stream)
        done, number = done + size, number + 1
    stream.end_input()
    found += ended(stream)
    return [*found, stream.finish().text]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=5),
    delay=st.integers(0, 30),
    chunk_seconds=st.sampled_from([0, 0.05, 0.32, 5]),
    beam=st.booleans(),
)
def test_segments_do_not_depend_on_cuts(seed, sizes, delay, chunk_seconds, beam):
    samples = talk(np.random.default_rng(seed))
    params = {"use_language_model": True, "beam_width": 8} if beam else {}
    row_by_row = session(LevelsNetwork(), params, chunk_seconds=0, endpoint_rules=RULES)
    expected = segments(row_by_row, samples, [HOP])
    network = LevelsNetwork(delay)
    stream = session(network, params, chunk_seconds=chunk_seconds, endpoint_rules=RULES)
    assert segments(stream, samples, sizes) == expected
    stream.reset()
    assert segments(stream, samples, [len(samples)]) == expected
    assert len(expected) > 3
    assert all(end - start < 1.5 + FRAME_SHIFT for _, start, end, *_ in expected[:-1])


def test_segments_of_a_pool():
    recordings = [talk(np.random.default_rng(seed)) for seed in range(4)]
    pool = StreamPool(LevelsNetwork(7), decoder(), SYMBOLS, FRAME_SHIFT)
    streams = [pool.stream(endpoint_rules=RULES) for _ in recordings]
    found = [[] for _ in recordings]
    for first in range(0, max(map(len, recordings)), 5000):
        pool.accept(streams, [one[first : first + 5000] for one in recordings])
        for texts, stream in zip(found, streams):
            texts += ended(stream)
    for texts, stream, samples in zip(found, streams, recordings):
        stream.end_input()
        texts += [*ended(stream), stream.finish().text]
        alone = session(LevelsNetwork(), chunk_seconds=0, endpoint_rules=RULES)
        assert texts == segments(alone, samples, [HOP])


def test_who_does_not_mind_them_loses_nothing():
    """Without `end_utterance` it is one text, as late as without rules."""
    samples = talk(np.random.default_rng(5))
    minded, free = (session(chunk_seconds=0.05, endpoint_rules=rules) for rules in (RULES, ()))
    for first in range(0, len(samples), 300):
        minded.accept(samples[first : first + 300])
        free.accept(samples[first : first + 300])
    assert minded.finish() == free.finish()


def test_rows_that_wait_are_stored():
    """Behind an endpoint that nobody has asked for yet."""
    samples = talk(np.random.default_rng(6))
    options = {"chunk_seconds": 0.05, "endpoint_rules": RULES, "resumable": True}
    first, second = session(**options), session(**options)
    first.accept(samples[:40000])
    second.restore(first.state())
    assert len(first.state()["unheard"])
    expected = [ended(first), segments(first, samples[40000:], [700])]
    assert [ended(second), segments(second, samples[40000:], [700])] == expected


def test_words_that_are_not_finished(tmp_path):
    """A rule that asks the decoder holds at the same row, however rows come."""
    (tmp_path / "words.txt").write_text("ab\nabba\n")
    params = {
        "use_language_model": True,
        "beam_width": 8,
        "lm_scoring": "flashlight",
        "lexicon_path": str(tmp_path / "words.txt"),
    }
    rules = [EndpointRule("word", trailing_silence=0.1, max_end_cost=0.5)]
    path = "aa" + "-" * 30 + "bb" + "-" * 30 + "aa-bb" + "-" * 30
    samples, found = speech(path), []
    for size in (HOP, 1700, len(samples)):
        stream = session(None, params, chunk_seconds=0, endpoint_rules=rules)
        found.append(segments(stream, samples, [size]))
    assert found[0] == found[1] == found[2]
    assert [one[3] for one in found[0][:-1]] == ["ab", "ab"]


def test_the_end_of_the_input_may_be_said_twice():
    stream = session()
    stream.accept(speech("aa-b"))
    first = stream.end_input()
    assert stream.end_input() == first
    assert first.text == "ab" == stream.finish().text
    with pytest.raises(Exception, match="finished"):
        stream.end_input()
