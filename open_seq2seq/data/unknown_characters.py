"""What a transcript has that no symbol of a vocabulary stands for."""

from __future__ import annotations

import unicodedata

from open_seq2seq import vocabulary as protocol
from open_seq2seq.data.vocabulary_file import describe_character
from open_seq2seq.errors import InputError, Problem


def normalisation_hint(text: str, vocabulary: protocol.Vocabulary) -> str:
    """What to do about unknown characters in `text`: NFC where that removes some."""
    composed = unicodedata.normalize("NFC", text)
    if composed != text and len(vocabulary.unknown(composed)) < len(vocabulary.unknown(text)):
        return "Normalise the transcripts to Unicode NFC."
    signs = [sign for sign in "|▁_" if sign in vocabulary.symbols]
    if signs and vocabulary.unknown(" ") and not vocabulary.unknown(text.replace(" ", "")):
        return f"In the vocabulary write a line with one space in place of {signs[0]!r}."
    for other, case in ((text.lower(), "lower case"), (text.upper(), "capitals")):
        if other != text and len(vocabulary.unknown(other)) < len(vocabulary.unknown(text)):
            return f"Write the transcripts in {case}, as the vocabulary does."
    return "Correct the transcript, or add the character to the vocabulary."


def unknown_characters(vocabulary: protocol.Vocabulary, text: str, source: str = "") -> InputError:
    """The error that lists every unknown character of `text` (each once, where it is first)."""
    return InputError(
        f"A transcript has characters outside the vocabulary: {text!r}",
        unknown_problems(vocabulary, text, source),
    )


def unknown_problems(vocabulary: protocol.Vocabulary, text: str, source: str) -> list[Problem]:
    """One problem for each different unknown character of `text`, at its first column."""
    found: dict[str, list[int]] = {}
    for column, character in vocabulary.unknown(text):
        found.setdefault(character, []).append(column)
    if not found:
        return []
    remedy = normalisation_hint(text, vocabulary)
    problems = []
    for character, columns in found.items():
        times = f" ({len(columns)} times)" if len(columns) > 1 else ""
        problems.append(
            Problem(
                f"{source}{', ' if source else ''}transcript column {columns[0]}",
                describe_character(character) + times,
                "a character of the vocabulary",
                remedy,
                kind=describe_character(character),
            )
        )
    return problems
