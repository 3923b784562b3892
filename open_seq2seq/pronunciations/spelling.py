"""What a source of spellings is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Spelling = tuple[str, ...]
# Each word's spellings, the usual one first.
Spellings = dict[str, list[Spelling]]
_STRESS = str.maketrans("", "", "012")


class Source(Protocol):
    """Where spellings come from.

    `name`: for messages.
    """

    name: str

    def spell(self, words: Sequence[str]) -> Mapping[str, Sequence[Spelling]]:
        """The spellings of those of the words that it knows."""


def without_stress(spelling: Sequence[str]) -> Spelling:
    """ARPAbet's symbols without the digits of stress: AH0, AH1 -> AH."""
    return tuple(symbol.translate(_STRESS) for symbol in spelling)


def distinct(spellings: Sequence[Spelling]) -> list[Spelling]:
    """Each once, in their order."""
    return list(dict.fromkeys(spellings))
