"""Lexicons in flashlight's format, as sources and as results: word, TAB, symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.pronunciations.spelling import Spelling, distinct, without_stress

_SHOWN = 10


class Dictionary:
    """A `Source`: a file with a line for each pronunciation.

    Args:
      path: word, white space, symbols separated by spaces; a TAB behind the word or, as CMUdict
        has it, spaces.
      stress: whether digits behind symbols stay.

    Raises:
      InputError: it cannot be read, or has lines without symbols.
    """

    def __init__(self, path: str, stress: bool = True):
        self.name = Path(path).name
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(path, str(error), "a UTF-8 text file: word, TAB, symbols")
            raise InputError("The dictionary cannot be read:", [problem]) from None
        self._spellings: dict[str, list[Spelling]] = {}
        problems = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            word, *symbols = line.split()
            if not symbols:
                found = f"{word!r} without symbols"
                problems.append(Problem(f"{path}:{number}", found, "word, TAB, symbols"))
                continue
            spelling = tuple(symbols) if stress else without_stress(symbols)
            self._spellings.setdefault(word, []).append(spelling)
        if problems:
            raise InputError("The dictionary cannot be used:", problems[:_SHOWN])

    def spell(self, words: Sequence[str]) -> dict[str, list[Spelling]]:
        """See `Source`."""
        return {word: distinct(self._spellings[word]) for word in words if word in self._spellings}


def lexicon_text(spellings: Mapping[str, Sequence[Spelling]]) -> str:
    """The content of a lexicon file."""
    return "".join(
        f"{word}\t{' '.join(one)}\n" for word, given in spellings.items() for one in given
    )
