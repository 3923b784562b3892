"""Vocabularies of symbols with several characters that transcripts separate, such as phonemes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.data.unknown_characters import unknown_characters
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.vocabulary import PIECE_SPACE, without_mark


class SeparatedVocabulary:
    """Symbols between which transcripts have a space: `HH AH L OW`.

    `symbols` have SentencePiece's mark before them: a space comes before each in a text. So all
    that knows a vocabulary by its symbols alone (decoders, exported models) writes the space too.

    Args:
      names: the symbols without the mark.
    """

    def __init__(self, names: Sequence[str]):
        self.symbols = [PIECE_SPACE + name for name in names]
        self.size = len(self.symbols)
        self._ids = {name: index for index, name in enumerate(names)}

    def encode(self, text: str) -> np.ndarray:
        """The label ids of `text`, [label] int32.

        Raises:
          InputError: naming every symbol that is not in the vocabulary.
        """
        try:
            return np.array([self._ids[name] for name in text.split()], np.int32)
        except KeyError:
            raise unknown_characters(self, text) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of label ids (no blanks)."""
        return " ".join([without_mark(self.symbols[index]) for index in ids])

    def unknown(self, text: str) -> list[tuple[int, str]]:
        """(column from 1, symbol) of every symbol that has no label."""
        found, place = [], 0
        for name in text.split():
            place = text.index(name, place)
            if name not in self._ids:
                found.append((place + 1, name))
            place += len(name)
        return found


def read_separated(path: str) -> SeparatedVocabulary:
    """Reads a file with a symbol in each line; the lines' order gives the ids.

    Raises:
      InputError: it cannot be read; or naming every line with white space inside, or a symbol that
        is there twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, str(error), "a UTF-8 text file with a symbol in each line")
        raise InputError("The vocabulary cannot be read:", [problem]) from None
    seen: dict[str, int] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        symbol = line.strip()
        where = f"{path}:{number}"
        if not symbol:
            continue
        if len(symbol.split()) > 1:
            expected = "one symbol without spaces (symbol_separator is a space)"
            problems.append(Problem(where, repr(line), expected))
        elif symbol in seen:
            found = f"{symbol!r} again (first in line {seen[symbol]})"
            problems.append(Problem(where, found, "each symbol once"))
        else:
            seen[symbol] = number
    if not seen and not problems:
        problems.append(Problem(path, "no symbols", "one symbol per line"))
    if problems:
        raise InputError("The vocabulary cannot be used:", problems)
    return SeparatedVocabulary(list(seen))
