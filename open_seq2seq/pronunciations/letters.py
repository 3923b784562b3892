"""Spellings in characters, and in pieces of a SentencePiece model."""

from __future__ import annotations

from collections.abc import Sequence

import sentencepiece

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.pronunciations.spelling import Spelling


class Characters:
    """A `Source`: each word is its characters."""

    name = "characters"

    def spell(self, words: Sequence[str]) -> dict[str, list[Spelling]]:
        """See `Source`."""
        return {word: [tuple(word)] for word in words}


class Pieces:
    """A `Source`: each word as a SentencePiece model writes it.

    Args:
      path: the `.model` file.

    Raises:
      InputError: it is no such file.
    """

    name = "SentencePiece"

    def __init__(self, path: str):
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_file=path)
        except (RuntimeError, OSError) as error:
            problem = Problem("--sentencepiece", f"{path}: {error}", "a SentencePiece model")
            raise InputError("The pieces are not known:", [problem]) from None

    def spell(self, words: Sequence[str]) -> dict[str, list[Spelling]]:
        """See `Source`; words with a character that the model lacks are left out."""
        unknown = self._processor.unk_id()
        found = {}
        for word in words:
            ids = self._processor.encode(word)
            if ids and unknown not in ids:
                found[word] = [tuple(map(self._processor.id_to_piece, ids))]
        return found
