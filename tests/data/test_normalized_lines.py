"""Many lines at once: each as it is by itself."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from open_seq2seq.data import normalized_lines as module
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.data.normalized_lines import normalized_lines

# Letters, spaces of all kinds, and all signs that mean something to a normalisation.
CHARACTERS = st.text(
    st.sampled_from("aAbB  '''`.-,\t\r\v\x01\x1c0129$%&+@#_éÉ’“İıαΩ\n"), max_size=30
)
WORDS = st.lists(
    st.sampled_from(
        [
            "the",
            "The",
            "don't",
            "'tis",
            "boys'",
            "O'Neil",
            "Mr.",
            "Mr",
            "mrs",
            "Dr.",
            "St.",
            "St",
            "Still",
            "Main",
            "Elm",
            "etc",
            "&c",
            "prof.",
            "Prof",
            "co.",
            "Co",
            "gen.",
            "chapter",
            "IV",
            "iv",
            "Chapter",
            "XX",
            "2nd",
            "1868",
            "$5",
            "3/4",
            "no.7",
            "a.m.",
            "semi-barbarity",
            "''",
            "'",
            "--",
            "café",
            "naïve",
            "l’été",
            "Jan.",
            "St's",
            "'St'",
            "_St",
            "st.",
            "prof.x",
            "x.prof",
            "Lt.",
        ]
    ),
    max_size=8,
).map(" ".join)
LINES = st.lists(CHARACTERS | WORDS, max_size=12)


@pytest.mark.parametrize("name", [None, *NORMALIZERS])
@settings(max_examples=60)
@given(lines=LINES)
@example(lines=["'''", "a '' b", " ' ' ' ", "a'''b", "''a'", "`a`", "", "\x01", "a\nb"])
@example(lines=["Main St. Paul", "Main St's x", "St", "prof.", "St\tx", "&c", "chapter iv"])
def test_each_line_is_what_it_is_by_itself(name, lines):
    normalize = NORMALIZERS[name] if name else str
    assert normalized_lines(name, lines) == [normalize(line) for line in lines]


@pytest.mark.parametrize("name", NORMALIZERS)
def test_lines_of_several_blocks(name, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 6)
    lines = [f"Line {'x' * number}, Mr. é" if number % 7 else "a - b" for number in range(40)]
    assert normalized_lines(name, lines) == [NORMALIZERS[name](line) for line in lines]
