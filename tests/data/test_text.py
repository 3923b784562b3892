"""Vocabularies: characters, SentencePiece, and what is said about unknown characters."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from unittest import mock

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.data.text import Vocabulary, load_vocabulary
from open_seq2seq.data.unknown_characters import unknown_problems
from open_seq2seq.errors import InputError

ENGLISH = " abcdefghijklmnopqrstuvwxyz'"


def vocabulary_file(tmp_path, content: bytes | str) -> str:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_one_character_in_each_line(tmp_path):
    path = vocabulary_file(tmp_path, " \n\na\nb  \t\n\n'\n\t\n")
    vocabulary = load_vocabulary(path, bpe=False)
    assert vocabulary.symbols == [" ", "a", "b", "'", "\t"]
    assert vocabulary.size == 5


def test_the_vocabulary_that_openseq2seq_ships(tmp_path):
    path = vocabulary_file(tmp_path, "\n".join([" ", *ENGLISH[1:], ""]))
    assert load_vocabulary(path, bpe=False).symbols == list(ENGLISH)


def test_deepspeech_alphabets(tmp_path):
    lines = ["# Each line is a label.", "#", "# `\\#` is one.", " ", "a", "\\#", "b", "# The end."]
    path = vocabulary_file(tmp_path, "\n".join([*lines, ""]))
    assert load_vocabulary(path, bpe=False).symbols == [" ", "a", "#", "b"]
    # Without a comment it is a symbol, as for OpenSeq2Seq.
    path = vocabulary_file(tmp_path, " \na\n#\n")
    assert load_vocabulary(path, bpe=False).symbols == [" ", "a", "#"]


LONG_LINES = {
    "<blank>": "'<blank>', which is no character of a text, expected one character. Remove the "
    "line: the blank has none",
    "<blank> 0": "Remove the line: the blank has none",
    "[PAD]": "Remove the line",
    "<unk>": "Remove the line: texts have no unknown characters",
    "<space>": "expected a space. Write a line with one space",
    "a 12": "a symbol with its number, expected one character, 'a' U+0061 LATIN SMALL LETTER A. "
    "Write only the symbol",
    "  1": "a symbol with its number, expected one character, ' ' U+0020 SPACE",
    "a\t-3.25": "Write only the symbol",
    "g\u0303": "a letter with a mark for which Unicode has no single character, expected one "
    "character. Give each a line: 'g' and U+0303, as transcripts in NFC have them",
    "e\u0323\u0301": "Give each a line: 'ẹ' and U+0301",
    "e\u0301": "one character, 'é' U+00E9 LATIN SMALL LETTER E WITH ACUTE. Normalise to NFC",
    "ch": "'ch', 2 characters, expected one character. Give each character its line",
}


@pytest.mark.parametrize("line", LONG_LINES)
def test_longer_lines_are_refused_by_what_they_are(tmp_path, line):
    path = vocabulary_file(tmp_path, f" \n{line}\nx\n")
    with pytest.raises(InputError) as caught:
        load_vocabulary(path, bpe=False)
    (problem,) = caught.value.problems
    assert problem.where == f"{path}:2"
    assert LONG_LINES[line] in str(problem)


def test_the_remedies_for_longer_lines_work(tmp_path):
    lines = ["<blank>", "<space>", "a 1", "b 2", "g\u0303", "e\u0301"]
    mended = [" ", "a", "b", "g", "\u0303", "é"]
    with pytest.raises(InputError) as caught:
        load_vocabulary(vocabulary_file(tmp_path, "\n".join(lines)), bpe=False)
    assert len(caught.value.problems) == len(lines)
    vocabulary = load_vocabulary(vocabulary_file(tmp_path, "\n".join(mended)), bpe=False)
    assert vocabulary.decode(vocabulary.encode("ab g\u0303é")) == "ab g\u0303é"


def test_vocabularies_of_other_toolkits(tmp_path):
    for content, message in [
        ('{"|": 0, "a": 1, "<pad>": 2}', "found JSON, as Hugging Face's tokenizers write it"),
        ('["a", "b"]', "Write its characters into a file, one in each line"),
        ("<unk>\t0\n▁the\t-3.2\nx\t-4.1\n", "Name the model beside it (.model) in vocab_file"),
        ("a\0b\n", "a binary file"),
    ]:
        with pytest.raises(InputError, match=re.escape(message)):
            load_vocabulary(vocabulary_file(tmp_path, content), bpe=False)
    # Brackets are characters too.
    assert load_vocabulary(vocabulary_file(tmp_path, "{\n}\n[\n]"), False).symbols == list("{}[]")


def test_what_a_hugging_face_vocabulary_is_told_to_become_works(tmp_path):
    numbers = {"<pad>": 0, "|": 1, "b": 3, "a": 2, "[UNK]": 4}
    with pytest.raises(InputError, match=r"a space for '\|'.*in brackets \(<pad>, \[UNK\]\)"):
        load_vocabulary(vocabulary_file(tmp_path, json.dumps(numbers)), bpe=False)
    ordered = [name.replace("|", " ") for name in sorted(numbers, key=numbers.get)]
    lines = [name for name in ordered if name[0] not in "<["]
    path = vocabulary_file(tmp_path, "\n".join(lines) + "\n")
    assert load_vocabulary(path, bpe=False).symbols == [" ", "a", "b"]


def test_a_sign_for_the_space(tmp_path):
    vocabulary = load_vocabulary(vocabulary_file(tmp_path, "|\na\nb\n"), bpe=False)
    (problem,) = unknown_problems(vocabulary, "a b", "a.csv:7")
    assert problem.remedy == "In the vocabulary write a line with one space in place of '|'."


def test_a_vocabulary_that_cannot_be_read(tmp_path):
    path = vocabulary_file(tmp_path, "a\n")
    denied = mock.patch("builtins.open", side_effect=PermissionError(13, "Permission denied"))
    with denied, pytest.raises(InputError, match="found Permission denied, expected a file"):
        load_vocabulary(path, bpe=False)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_newlines(tmp_path, start, newline):
    path = vocabulary_file(tmp_path, start + newline.join([" ", "a", "", "ß", ""]).encode())
    assert load_vocabulary(path, bpe=False).symbols == [" ", "a", "ß"]


def test_line_separators_are_symbols(tmp_path):
    path = vocabulary_file(tmp_path, "a\n\u2028\nb\n")
    assert load_vocabulary(path, bpe=False).symbols == ["a", "\u2028", "b"]


def test_duplicates(tmp_path):
    path = vocabulary_file(tmp_path, "a\nb\na\nb\n")
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
