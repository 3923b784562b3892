"""Transcripts of phonemes: symbols of any length with spaces between them."""

import numpy as np
import pytest

from open_seq2seq.data.speech2text.params import SPEECH2TEXT_DATA
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.decoders.greedy import greedy_decode, greedy_decode_numpy
from open_seq2seq.errors import InputError
from open_seq2seq.vocabulary import SymbolTable, is_separated


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "phonemes.txt"
    path.write_text("HH\nAH\n\nL\nOW\n|\n")
    return load_vocabulary(str(path), False, " ")


def test_encodes_and_decodes(vocabulary):
    assert vocabulary.size == 5
    assert vocabulary.encode("HH AH L OW").tolist() == [0, 1, 2, 3]
    assert vocabulary.encode("").tolist() == []
    assert vocabulary.decode([3, 4, 0]) == "OW | HH"
    assert is_separated(vocabulary.symbols) and not is_separated([" ", "▁a"])
    # What knows the symbols alone writes the same text.
    assert SymbolTable(vocabulary.symbols).decode([3, 4, 0]) == "OW | HH"


def test_names_unknown_symbols(vocabulary):
    assert vocabulary.unknown("HH AH0 L AH0 AH") == [(4, "AH0"), (10, "AH0")]
    with pytest.raises(InputError, match=r"transcript column 4: found 'AH0' \(2 times\)"):
        vocabulary.encode("HH AH0 L AH0 AH")


def test_greedy_text_is_symbols_with_times(vocabulary):
    logits = np.eye(6, dtype=np.float32)[None, [0, 0, 1, 5, 1, 2]] * 9
    for decode in (greedy_decode, greedy_decode_numpy):
        (found,) = decode(logits, np.array([6]), vocabulary, 0.1)
        assert found.text == "HH AH AH L"
        assert [(word.text, round(word.start, 3)) for word in found.words] == [
            ("HH", 0.0),
            ("AH", 0.2),
            ("AH", 0.4),
            ("L", 0.5),
        ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("HH\nHH AH\n", ":2: found 'HH AH'"), ("HH\nHH\n", "first in line 1"), ("\n", "no symbols")],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "phonemes.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_vocabulary(str(path), False, " ")


def test_not_with_pieces():
    with pytest.raises(InputError, match="remove symbol_separator"):
        SPEECH2TEXT_DATA.parse(
            {
                "vocab_file": "v",
                "bpe": True,
                "symbol_separator": " ",
                "input_type": "logfbank",
                "num_audio_features": 64,
            }
        )
