"""Vocabularies of symbols of any length, as JSON: what an imported network's classes stand for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.data.unknown_characters import unknown_characters
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole
from open_seq2seq.vocabulary import PIECE_SPACE

SUFFIX = ".json"
# How a text is written with the symbols: one after the other; SentencePiece's pieces, in which
# a mark stands for a space; BERT's word pieces, of which those inside a word begin with ##.
KINDS = ("labels", "pieces", "word_pieces")
_INSIDE = "##"


class SymbolVocabulary:
    """Symbols of one or more characters as labels.

    A text is written with the longest symbol that fits at each place. A symbol that is there twice
    (of several tokenizers, say) is written with its first id.

    Args:
      symbols: the text of each class, without the blank.
      kind: one of `KINDS`.
    """

    def __init__(self, symbols: Iterable[str], kind: str = "labels"):
        self.symbols, self.kind = list(symbols), kind
        self.size = len(self.symbols)
        self._ids: dict[str, int] = {}
        for index, symbol in enumerate(self.symbols):
            self._ids.setdefault(symbol, index)
        self._longest = max(map(len, self.symbols), default=0)

    def encode(self, text: str) -> np.ndarray:
        """The label ids of `text`, [label] int32.

        Raises:
          InputError: naming every character that no symbol fits.
        """
        ids, unknown = self._encoded(text)
        if unknown:
            raise unknown_characters(self, text)
        return np.array(ids, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of label ids (no blanks)."""
        found = [self.symbols[index] for index in ids]
        if self.kind == "labels":
            return "".join(found)
        if self.kind == "pieces":
            return "".join(found).replace(PIECE_SPACE, " ").lstrip(" ")
        return " ".join(found).replace(f" {_INSIDE}", "").removeprefix(_INSIDE)

    def unknown(self, text: str) -> list[tuple[int, str]]:
        """(column from 1, character) of every character that no symbol fits."""
        return self._encoded(text)[1]

    def _encoded(self, text: str) -> tuple[list[int], list[tuple[int, str]]]:
        ids: list[int] = []
        unknown: list[tuple[int, str]] = []
        place = 0
        while place < len(text):
            size = self._fitting(text, place)
            if size:
                ids.append(self._ids[self._symbol(text, place, size)])
            elif not (self.kind == "word_pieces" and text[place] == " "):
                unknown.append((place + 1, text[place]))
            place += max(size, 1)
        return ids, unknown

    def _fitting(self, text: str, place: int) -> int:
        """Characters of the longest symbol that the text goes on with; 0: there is none."""
        for size in range(min(self._longest, len(text) - place), 0, -1):
            if self._symbol(text, place, size) in self._ids:
                return size
        return 0

    def _symbol(self, text: str, place: int, size: int) -> str:
        """The symbol that would stand for a part of a text."""
        part = text[place : place + size]
        starts = place == 0 or text[place - 1] == " "
        if self.kind == "labels":
            return part
        if self.kind == "word_pieces":
            return part if starts else _INSIDE + part
        part = part.replace(" ", PIECE_SPACE)
        return PIECE_SPACE + part if place == 0 else part


def write_symbols(path: Path, symbols: Sequence[str], kind: str) -> None:
    """Writes a file for `vocab_file`."""
    content = {"kind": kind, "symbols": list(symbols)}
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=0) + "\n")


def read_symbols(path: str) -> SymbolVocabulary:
    """Reads a file of `write_symbols`.

    Raises:
      InputError: it can't be read, or is something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, symbols = content["kind"], content["symbols"]
        fits = kind in KINDS and isinstance(symbols, list) and len(symbols) > 0
        fits = fits and all(isinstance(one, str) and one for one in symbols)
        found = "other content"
    except OSError as error:
        found, fits = error.strerror or str(error), False
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        found, fits = f"{type(error).__name__}: {error}", False
    if not fits:
        expected = f'JSON with "kind" ({", ".join(KINDS)}) and "symbols", a list of texts'
        problem = Problem(path, found, expected)
        raise InputError("The vocabulary cannot be read:", [problem])
    return SymbolVocabulary(symbols, kind)
