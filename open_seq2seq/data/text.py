"""Vocabularies: between transcripts and label ids.

A vocabulary has the ids 0 .. size - 1; the CTC blank is the class after them, `size`.
Text is taken as it is: nothing is lower-cased, stripped or normalised.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from open_seq2seq import vocabulary as protocol
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.separated_symbols import read_separated
from open_seq2seq.data.symbols_file import SUFFIX, read_symbols
from open_seq2seq.data.unknown_characters import unknown_characters
from open_seq2seq.data.vocabulary_file import read_characters
from open_seq2seq.errors import InputError, Problem


class Vocabulary:
    """Characters as labels.

    Args:
      symbols: one character each; their order gives the ids.
    """

    def __init__(self, symbols: Iterable[str]):
        self.symbols = list(symbols)
        self.size = len(self.symbols)
        self._ids = {symbol: index for index, symbol in enumerate(self.symbols)}

    def encode(self, text: str) -> np.ndarray:
        """The label ids of `text`, [label] int32.

        Raises:
          InputError: naming every character that is not in the vocabulary.
        """
        try:
            return np.array([self._ids[character] for character in text], np.int32)
        except KeyError:
            raise unknown_characters(self, text) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of label ids (no blanks)."""
        return "".join([self.symbols[index] for index in ids])

    def unknown(self, text: str) -> list[tuple[int, str]]:
        """(column from 1, character) of every character that has no label."""
        if self._ids.keys() >= set(text):
            return []
        return [
            (column, character)
            for column, character in enumerate(text, start=1)
            if character not in self._ids
        ]


class SentencePieceVocabulary:
    """Subwords of a SentencePiece model as labels (`bpe: True`).

    The model brings its own text normalisation; `<unk>` and control pieces have ids
    (OpenSeq2Seq's label set) but no text contains them.

    Args:
      path: a `.model` file of SentencePiece.
    """

    def __init__(self, path: str):
        import sentencepiece

        self._processor = sentencepiece.SentencePieceProcessor(model_file=path)
        self.size = self._processor.get_piece_size()
        self.symbols = [self._processor.id_to_piece(index) for index in range(self.size)]

    def encode(self, text: str) -> np.ndarray:
        """The label ids of `text`, [label] int32.

        Raises:
          InputError: naming every character that the model does not know.
        """
        ids = np.array(self._processor.encode(text), np.int32)
        if (ids == self._processor.unk_id()).any():
            raise unknown_characters(self, text)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of label ids (no blanks)."""
        return self._processor.decode([int(index) for index in ids])

    def unknown(self, text: str) -> list[tuple[int, str]]:
        """(column from 1, character) of every character that the model does not know."""
        ids, pieces = self._processor.encode(text), self._processor.encode(text, out_type=str)
        lost = {
            character
            for index, piece in zip(ids, pieces, strict=True)
            if index == self._processor.unk_id()
            for character in piece
        }
        columns = [
            (column, character)
            for column, character in enumerate(text, start=1)
            if not lost.isdisjoint(character + unicodedata.normalize("NFKC", character))
        ]
        # The model's normalisation may join characters: then the column is not known.
        return columns or [(1, character) for character in sorted(lost)]


def load_vocabulary(
    path: str, bpe: bool, symbol_separator: str | None = None
) -> protocol.Vocabulary:
    """Reads a vocabulary file.

    Args:
      path: a text file with one character in each line (`read_characters`; a space is a symbol,
        empty lines and DeepSpeech's comments count nothing), or symbols of any length as JSON
        (`symbols_file`); with `bpe` a SentencePiece model; with a separator a symbol in each line.
      symbol_separator: what transcripts have between symbols, a space; None: nothing.

    Raises:
      InputError: when the file is missing, not what it should be, or has a symbol twice.
    """
    path = config_path(path)
    if not os.path.isfile(path):
        remedy = "Relative paths start from the working directory."
        raise InputError(
            "The vocabulary cannot be read:",
            [Problem(path, "no such file", "the file that vocab_file names", remedy)],
        )
    if bpe:
        return _load_sentencepiece(path)
    if symbol_separator:
        return read_separated(path)
    if path.endswith(SUFFIX) and b'"symbols"' in Path(path).read_bytes():
        return read_symbols(path)
    return Vocabulary(read_characters(path))


def _load_sentencepiece(path: str) -> SentencePieceVocabulary:
    try:
        return SentencePieceVocabulary(path)
    except (RuntimeError, OSError, UnicodeDecodeError) as error:  # pieces may be damaged
        remedy = "For a file with one symbol per line set bpe to False."
        found = str(error).splitlines()[-1] if str(error) else "another kind of file"
        problem = Problem(path, found, "a SentencePiece model (bpe is True)", remedy)
        raise InputError("The vocabulary cannot be read:", [problem]) from error
