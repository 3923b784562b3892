"""What everyone knows of a vocabulary: the texts of a network's symbols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from ctc_decoder_with_lm.separated import PIECE_SPACE, is_separated, without_mark

__all__ = [
    "PIECE_SPACE",
    "SymbolTable",
    "SymbolTexts",
    "Vocabulary",
    "is_separated",
    "without_mark",
]


class SymbolTexts(Protocol):
    """The symbols of a network, in the order of its classes; the blank comes after them."""

    @property
    def symbols(self) -> Sequence[str]:
        """The text of each class."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of label ids (no blanks)."""


class Vocabulary(SymbolTexts, Protocol):
    """Symbols that transcripts can be written with too."""

    @property
    def size(self) -> int:
        """How many symbols; the blank is the class of this number."""

    def encode(self, text: str) -> np.ndarray:
        """The label ids of a text, [label] int32; an `InputError` names what has none."""

    def unknown(self, text: str) -> list[tuple[int, str]]:
        """(column from 1, character) of every character that has no label."""


class SymbolTable:
    """Symbols alone: characters or SentencePiece pieces, without the model that made them.

    Args:
      symbols: the text of each class, without the blank.
    """

    def __init__(self, symbols: Iterable[str]):
        self.symbols = list(symbols)
        self.size = len(self.symbols)
        self._pieces = any(PIECE_SPACE in symbol for symbol in self.symbols)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of label ids (no blanks): of pieces without the spaces around it."""
        text = "".join([self.symbols[index] for index in ids])
        return text.replace(PIECE_SPACE, " ").strip() if self._pieces else text
