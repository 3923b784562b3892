"""Vocabularies: characters, SentencePiece, and what is said about unknown characters."""

from __future__ import annotations

import io
import unicodedata

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.data.text import Vocabulary, load_vocabulary, unknown_problems
from open_seq2seq.errors import InputError

ENGLISH = " abcdefghijklmnopqrstuvwxyz'"


def vocabulary_file(tmp_path, content: bytes | str) -> str:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_first_character_of_each_line_counts(tmp_path):
    path = vocabulary_file(tmp_path, " \n\na\nbcd\n\n'")
    vocabulary = load_vocabulary(path, bpe=False)
    assert vocabulary.symbols == [" ", "a", "b", "'"]
    assert vocabulary.size == 4


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_newlines(tmp_path, start, newline):
    path = vocabulary_file(tmp_path, start + newline.join([" ", "a", "", "ß", ""]).encode())
    assert load_vocabulary(path, bpe=False).symbols == [" ", "a", "ß"]


def test_line_separators_are_symbols(tmp_path):
    path = vocabulary_file(tmp_path, "a\n\u2028\nb\n")
    assert load_vocabulary(path, bpe=False).symbols == ["a", "\u2028", "b"]


def test_duplicates(tmp_path):
    path = vocabulary_file(tmp_path, "a\nb\na\nbb\n")
    with pytest.raises(InputError) as caught:
        load_vocabulary(path, bpe=False)
    first, second = map(str, caught.value.problems)
    assert first.startswith(
        f"{path}:3: found 'a' U+0061 LATIN SMALL LETTER A again (first in line 1)"
    )
    assert second.startswith(f"{path}:4:")


def test_decomposed_letter_is_named(tmp_path):
    path = vocabulary_file(tmp_path, "a\n" + unicodedata.normalize("NFD", "é") + "\n")
    with pytest.raises(InputError, match=r"U\+00E9 LATIN SMALL LETTER E WITH ACUTE.*NFC"):
        load_vocabulary(path, bpe=False)


def test_missing_empty_and_binary_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_vocabulary(str(tmp_path / "none.txt"), bpe=False)
    with pytest.raises(InputError, match="no symbols"):
        load_vocabulary(vocabulary_file(tmp_path, "\n\n"), bpe=False)
    with pytest.raises(InputError, match=r"vocab\.txt:2: found byte 0xFF.*bpe to True"):
        load_vocabulary(vocabulary_file(tmp_path, b"a\n\xff\n"), bpe=False)
    with pytest.raises(InputError, match="bpe to False"):
        load_vocabulary(vocabulary_file(tmp_path, "a\nb\n"), bpe=True)


@given(st.text(ENGLISH))
def test_encode_and_decode(text):
    vocabulary = Vocabulary(ENGLISH)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == [ENGLISH.index(character) for character in text]
    assert vocabulary.decode(ids) == text
    assert vocabulary.unknown(text) == []


def test_unknown_characters():
    vocabulary = Vocabulary(ENGLISH)
    assert vocabulary.unknown("café, née") == [(4, "é"), (5, ","), (8, "é")]
    first, second = map(str, unknown_problems(vocabulary, "café, née", "a.csv:7"))
    assert first.startswith(
        "a.csv:7, transcript column 4: found 'é' U+00E9 LATIN SMALL LETTER E WITH ACUTE (2 times)"
    )
    assert "column 5: found ',' U+002C COMMA" in second
    with pytest.raises(InputError, match=r"column 4: .*\n.*column 5: "):
        vocabulary.encode("café, née")


def test_hints():
    vocabulary = Vocabulary(ENGLISH + "é")
    decomposed = unicodedata.normalize("NFD", "né")
    (problem,) = unknown_problems(vocabulary, decomposed, "a.csv:7")
    assert "U+0301 COMBINING ACUTE ACCENT" in problem.found
    assert "NFC" in problem.remedy
    (problem,) = unknown_problems(vocabulary, "No", "a.csv:7")
    assert "lower case" in problem.remedy
    # Normalising would not help here.
    (problem,) = unknown_problems(Vocabulary(ENGLISH), decomposed, "a.csv:7")
    assert "NFC" not in problem.remedy


@pytest.fixture(scope="module")
def sentencepiece_path(tmp_path_factory):
    model = io.BytesIO()
    text = ["the cat sat on the mat", "a dog sat on a log", "hello world", "quick brown fox"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text * 5),
        model_writer=model,
        vocab_size=40,
        hard_vocab_limit=False,
        model_type="bpe",
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("spm") / "a.model"
    path.write_bytes(model.getvalue())
    return str(path)


def test_sentencepiece(sentencepiece_path):
    reference = sentencepiece.SentencePieceProcessor(model_file=sentencepiece_path)
    vocabulary = load_vocabulary(sentencepiece_path, bpe=True)
    assert vocabulary.size == len(reference) == len(vocabulary.symbols)
    ids = vocabulary.encode("the cat sat on a dog")
    assert ids.dtype == np.int32
    assert ids.tolist() == reference.encode("the cat sat on a dog")
    assert len(ids) < len("the cat sat on a dog")
    assert vocabulary.decode(ids) == "the cat sat on a dog"
    assert vocabulary.encode("").shape == (0,)


def test_sentencepiece_unknown(sentencepiece_path):
    vocabulary = load_vocabulary(sentencepiece_path, bpe=True)
    assert vocabulary.unknown("the cat") == []
    assert vocabulary.unknown("thé cat Zoé") == [(3, "é"), (9, "Z"), (11, "é")]
    with pytest.raises(InputError, match=r"U\+00E9"):
        vocabulary.encode("thé cat")
