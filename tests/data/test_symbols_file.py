"""Symbols of several characters: texts become ids and ids texts."""

import json

import pytest

from open_seq2seq.data.symbols_file import SymbolVocabulary, write_symbols
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.errors import InputError


@pytest.mark.parametrize(
    ("kind", "symbols", "text", "ids"),
    [
        ("labels", ["a", "sch", "s", "h", " "], "sch ah", [1, 4, 0, 3]),
        ("pieces", ["▁a", "b", "▁b", "▁", "ab"], "ab b", [0, 1, 2]),
        ("word_pieces", ["play", "##ing", "##s", "a"], "playing a plays", [0, 1, 3, 0, 2]),
    ],
)
def test_the_longest_symbol_that_fits_is_taken(kind, symbols, text, ids, tmp_path):
    write_symbols(tmp_path / "symbols.json", symbols, kind)
    vocabulary = load_vocabulary(str(tmp_path / "symbols.json"), bpe=False)
    assert vocabulary.symbols == symbols
    assert vocabulary.encode(text).tolist() == ids
    assert vocabulary.decode(ids) == text


def test_of_two_equal_symbols_the_first_is_written():
    vocabulary = SymbolVocabulary(["a", "b", "a"], "labels")
    assert vocabulary.encode("aba").tolist() == [0, 1, 0]
    assert vocabulary.decode([2, 1]) == "ab"


def test_what_no_symbol_fits_is_named():
    with pytest.raises(InputError, match="'x' U"):
        SymbolVocabulary(["a", "bc"]).encode("abcx")
    assert SymbolVocabulary(["a", "bc"]).unknown("ab") == [(2, "b")]


@pytest.mark.parametrize(
    "content", [{"symbols": []}, {"kind": "labels", "symbols": [1]}, {"symbols": "a"}]
)
def test_other_content_is_refused(content, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"a\.json"):
        load_vocabulary(str(tmp_path / "a.json"), bpe=False)
