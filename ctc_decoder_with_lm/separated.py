"""Symbols that are words of their own, as phonemes are."""

from __future__ import annotations

from collections.abc import Iterable

# SentencePiece writes the space before a word as this character.
PIECE_SPACE = "\u2581"


def is_separated(symbols: Iterable[str]) -> bool:
    """Whether every symbol is a word of its own in texts, as phonemes are (`symbol_separator`)."""
    return all(symbol.startswith(PIECE_SPACE) for symbol in symbols)


def without_mark(symbol: str) -> str:
    """A symbol of such a vocabulary as files and transcripts have it."""
    return symbol.removeprefix(PIECE_SPACE)
