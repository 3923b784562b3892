"""Lines with watched words are those that splitting finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.data.watched_words import WatchedWords

WORDS = {"a", "ab", "mr", "chapter", "\x01"}
# Parts of words are likely to make one, or one with something before or behind it.
word = st.lists(st.sampled_from(["a", "b", "mr", "chapter", "\x01", "'s"]), max_size=3).map("".join)
line = st.lists(word, max_size=4).map(lambda words: " ".join(filter(None, words)))


@given(st.lists(line, min_size=1, max_size=6))
def test_lines_are_those_that_splitting_finds(lines):
    found = WatchedWords(WORDS).lines("\n".join(lines).encode())
    assert found == [n for n, one in enumerate(lines) if WORDS & set(one.split(" "))]


@pytest.mark.parametrize("words", [["chapters"], [""]], ids=["eight characters", "none"])
def test_words_that_do_not_fit(words):
    with pytest.raises(AssertionError):
        WatchedWords(words)
