"""Cutting long recordings: nothing is lost, nothing is too long, and cuts are in quiet places."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.inference import pieces
from open_seq2seq.inference.pauses import frame_levels, thresholds
from open_seq2seq.inference.pieces import Rules, cut, plan

STEP = 160
RULES = Rules(longest=200, target=80, min_pause=10, long_pause=50, margin=8, overlap=40,
              above_floor=10.0, chapter=600)  # fmt: skip
SOUND, FLOOR = 0.1, 0.0005


def recording(parts, seed=0):
    """Sound and pauses in turn, of so many frames each: sound, noise floor, sound, ..."""
    rng = np.random.default_rng(seed)
    levels = np.concatenate([
        np.full(count * STEP, FLOOR if index % 2 else SOUND) for index, count in enumerate(parts)
    ])  # fmt: skip
    return (levels * rng.standard_normal(len(levels))).astype(np.float32)


def blocks_of(samples, size):
    return (samples[first : first + size] for first in range(0, len(samples), size))


def cut_all(samples, size=4000, rules=RULES):
    return list(cut(blocks_of(samples, size), STEP, rules))


def check(found, samples, rules=RULES):
    """What holds for every recording."""
    count = -(-len(samples) // STEP)
    spans = [piece.span for piece in found]
    assert spans[0].first == 0 and spans[0].shared == 0 and spans[-1].last == count
    for before, span in pairwise(spans):
        assert span.first == before.last - span.shared
        assert not span.shared or (before.sound and span.sound)
    for piece in found:
        span = piece.span
        if span.sound:
            assert 0 < span.last - span.first <= rules.longest
            assert span.last - span.first > span.shared
            expected = samples[span.first * STEP : span.last * STEP]
            np.testing.assert_array_equal(piece.samples, expected)
        else:
            assert not len(piece.samples)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=30), st.integers(0, STEP - 1))
@settings(max_examples=60)
def test_every_sample_is_in_a_piece_and_none_is_too_long(parts, rest):
    samples = recording(parts)
    samples = samples[: max(len(samples) - rest, 1)]
    found = cut_all(samples)
    check(found, samples)
    # Sound is never taken for silence.
    levels = frame_levels(samples, STEP)
    for piece in found:
        if not piece.span.sound:
            assert levels[piece.span.first : piece.span.last].max(initial=-120) < -50


@given(st.lists(st.integers(1, 150), min_size=1, max_size=20), st.integers(1, 100_000))
@settings(max_examples=30)
def test_blocks_make_no_difference(parts, size):
    samples = recording(parts)
    spans = [piece.span for piece in cut_all(samples)]
    assert [piece.span for piece in cut_all(samples, size)] == spans


@given(st.lists(st.tuples(st.integers(30, 90), st.integers(12, 40)), min_size=5, max_size=20))
@settings(max_examples=60)
def test_cuts_are_in_pauses_where_there_are_any(parts):
    lengths = [count for pair in parts for count in pair]
    samples = recording(lengths)
    found = cut_all(samples)
    check(found, samples)
    edges = np.cumsum([0, *lengths])
    pauses = [(edges[i], edges[i + 1]) for i in range(1, len(lengths), 2)]
    for piece in found[:-1]:
        assert not piece.span.shared
        assert any(first <= piece.span.last <= last for first, last in pauses)


def test_a_long_pause_is_left_out_but_for_its_margins():
    samples = recording([60, 300, 60])
    spans = [(p.span.first, p.span.last, p.span.sound) for p in cut_all(samples)]
    assert spans == [(0, 68, True), (68, 352, False), (352, 420, True)]


def test_digital_silence_is_left_out_whole():
    samples = recording([60, 100, 60])
    samples[60 * STEP : 160 * STEP] = 0
    spans = [(p.span.first, p.span.last, p.span.sound) for p in cut_all(samples)]
    assert spans == [(0, 60, True), (60, 160, False), (160, 220, True)]


def test_silence_before_and_behind_is_left_out():
    samples = np.concatenate([recording([1, 400])[STEP:], recording([70, 400], 1)])
    spans = [(p.span.first, p.span.last, p.span.sound) for p in cut_all(samples)]
    assert spans == [(0, 392, False), (392, 478, True), (478, 870, False)]


@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_nothing_but_silence_or_noise(scale):
    samples = (scale * np.random.default_rng(0).standard_normal(3000 * STEP)).astype(np.float32)
    found = cut_all(samples)
    check(found, samples)
    # Noise may be speech: it is listened to.
    assert all(piece.span.sound == (scale > 0) for piece in found)


def test_where_there_is_no_pause_pieces_overlap():
    samples = recording([1000])
    found = cut_all(samples)
    check(found, samples)
    assert [piece.span.shared for piece in found] == [0] + [40] * (len(found) - 1)
    assert {piece.span.last - piece.span.first for piece in found[:-1]} == {200}


def test_the_floor_is_the_recordings_own():
    """The same recording 14 dB quieter, or with a constant offset, is cut at the same places."""
    samples = recording([60, 30, 70, 25, 50, 40, 60])
    spans = [piece.span for piece in cut_all(samples)]
    assert len(spans) > 3
    assert [piece.span for piece in cut_all(samples / 5)] == spans
    assert [piece.span for piece in cut_all(samples + np.float32(0.25))] == spans


def test_levels_and_thresholds():
    levels = frame_levels(np.concatenate([np.full(160, 0.1), np.tile([0.1, -0.1], 120)]), STEP)
    np.testing.assert_allclose(levels, [-120, -20, -20], atol=1e-6)
    limits = thresholds(np.repeat([-60.0, -20.0], 50), 10)
    assert (limits.pause, limits.quiet) == (-50, -55)
    # Half way to the speech at most, and never where speech cannot be told from the floor.
    limits = thresholds(np.repeat([-40.0, -28.0], 50), 10)
    assert (limits.pause, limits.quiet) == (-34, -37)
    assert thresholds(np.full(100, -30.0), 10).pause == -90


def test_target_and_longest_follow_training_or_the_config():
    params = {"max_duration": None, "target_duration": None, "min_pause": 0.2, "long_pause": 1.0,
              "pause_threshold": 10.0, "overlap": 2.0}  # fmt: skip
    rules = Rules.of(params, {"longest": 24.5, "mean": 12.3}, 0.02)
    assert (rules.longest, rules.target, rules.overlap) == (1225, 615, 100)
    rules = Rules.of({**params, "max_duration": 9.0}, {"longest": 24.5, "mean": 12.3}, 0.02)
    assert (rules.longest, rules.target) == (450, 300)
    rules = Rules.of(params, None, 0.02)
    assert rules.longest == round(pieces.USUAL_LONGEST / 0.02)
    # Short words: what is shared is less than half of a piece.
    assert Rules.of(params, {"longest": 2.0, "mean": 0.5}, 0.02).overlap < 50


def test_what_is_held_does_not_grow_with_the_recording():
    """Blocks are asked for only as they are needed: at most a chapter and a block ahead."""
    given = []

    def blocks():
        for index in range(200):
            given.append(4000)
            yield recording([25], index)

    most = 0
    for piece in cut(blocks(), STEP, RULES):
        most = max(most, sum(given) - piece.span.first * STEP)
    assert sum(given) == 200 * 4000
    assert most <= (RULES.chapter + RULES.longest) * STEP + 2 * 4000


def test_a_plan_that_is_not_final_leaves_its_end_open():
    levels = frame_levels(recording([60, 30] * 10), STEP)
    spans, following, shared = plan(levels, RULES, final=False)
    assert spans and following == spans[-1].last and shared == 0
    assert len(levels) - following <= RULES.ahead
