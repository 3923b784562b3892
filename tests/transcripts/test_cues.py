"""Cues: what subtitles show, held to broadcasters' limits for any words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.decode_result import Word
from open_seq2seq.transcripts.cues import cues_of


def spoken(text, start=0.0, each=0.3, pause=0.1):
    words = []
    for word in text.split():
        words.append(Word(word, start, start + each, 0.9))
        start += each + pause
    return words


def test_a_short_sentence_is_one_line_shown_long_enough():
    (cue,) = cues_of(spoken("good morning"))
    assert cue.lines == ("good morning",)
    assert (cue.start, cue.end) == (0.0, 1.0)  # a second at least
    assert cues_of([]) == []


def test_two_lines_are_even_and_no_longer_than_42_characters():
    text = "the quick brown fox jumps over the lazy dog and runs away"
    (cue,) = cues_of(spoken(text, each=0.2, pause=0.05))
    # Of 57 characters 30 and 26; after "jumps" they would be 25 and 31.
    assert cue.lines == ("the quick brown fox jumps over", "the lazy dog and runs away")


def test_a_pause_ends_a_cue():
    words = [*spoken("one two"), *spoken("three", start=3.0)]
    first, second = cues_of(words)
    assert (first.lines, second.lines) == (("one two",), ("three",))
    assert first.end == pytest.approx(1.0) and second.start == 3.0


def test_a_cue_ends_before_the_next_one_starts():
    words = spoken("word " * 60, each=0.12, pause=0.02)
    cues = cues_of(words)
    assert len(cues) > 2
    for one, following in pairwise(cues):
        assert one.end <= following.start


def test_no_cue_is_longer_than_seven_seconds():
    cues = cues_of(spoken("we wait " * 10, each=0.5, pause=0.7))
    assert len(cues) > 2 and all(cue.end - cue.start <= 7.0 for cue in cues)


def test_writing_without_spaces_is_cut_at_lines():
    text = "".join(chr(0x4E00 + i) for i in range(100))
    cues = cues_of([Word(text, 10.0, 15.0, 0.5)])
    assert "".join(line for cue in cues for line in cue.lines) == text
    assert max(len(line) for cue in cues for line in cue.lines) == 42
    assert cues[0].start == 10.0 and cues[1].start == pytest.approx(14.2)


TIME = st.floats(0, 0.5)


@given(st.lists(st.tuples(st.text("abcdefg", min_size=1, max_size=60), TIME, TIME, st.booleans())))
def test_whatever_is_said(parts):
    words, now = [], 0.0
    for text, length, pause, is_long in parts:
        start = now + pause + (3.0 if is_long else 0.0)
        now = start + length
        words.append(Word(text, start, now, 1.0))
    cues = cues_of(words)
    assert "".join("".join(cue.lines) for cue in cues).replace(" ", "") == "".join(
        word.text for word in words
    )
    last = 0.0
    for cue in cues:
        assert last <= cue.start < cue.end
        assert 1 <= len(cue.lines) <= 2 and all(0 < len(line) <= 42 for line in cue.lines)
        last = cue.end
    # What is shown is not hurried away from, nor shown before it is said.
    for cue in cues:
        assert any(abs(cue.start - word.start) < 3 for word in words)
