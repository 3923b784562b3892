"""Word and character error rates, with the counts behind them.

An error rate is the number of substitutions, deletions and insertions of the smallest
edit (Levenshtein distance; the alignment is jiwer's) over the length of the reference.
Rates of a set are sums over sums: how it was split in batches or among workers makes no
difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jiwer


@dataclass(frozen=True)
class ErrorRate:
    """Edit counts of one utterance or of a set, in words or in characters.

    They add up: `a + b`, and `sum(rates, ErrorRate())`. To merge among workers, add
    `dataclasses.astuple` of each element by element.

    Args:
      substitutions, deletions, insertions: of the smallest edit.
      total: length of the references.
      utterances: how many were compared.
      wrong_utterances: how many of them have an error.
      empty_references: how many have an empty reference; all they can add is insertions.
    """

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    total: int = 0
    utterances: int = 0
    wrong_utterances: int = 0
    empty_references: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors over reference length, 0 to infinity; over 1 where the references are empty."""
        return self.errors / max(self.total, 1)

    @property
    def utterance_rate(self) -> float:
        """Share of utterances with an error (the sentence error rate)."""
        return self.wrong_utterances / max(self.utterances, 1)

    def __add__(self, other: ErrorRate) -> ErrorRate:
        return ErrorRate(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.total + other.total,
            self.utterances + other.utterances,
            self.wrong_utterances + other.wrong_utterances,
            self.empty_references + other.empty_references,
        )


@dataclass(frozen=True)
class ErrorCounts:
    """Both error rates of an utterance or of a set; they add up like `ErrorRate`."""

    words: ErrorRate = ErrorRate()
    characters: ErrorRate = ErrorRate()

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(self.words + other.words, self.characters + other.characters)


@dataclass(frozen=True)
class Alignment:
    """A reference and a hypothesis side by side, and their counts.

    Args:
      pairs: (reference word, hypothesis word) in order; None where a word was inserted
        (no reference) or deleted (no hypothesis).
      counts: of the edit that `pairs` shows.
    """

    pairs: tuple[tuple[str | None, str | None], ...]
    counts: ErrorRate


def align_words(references: Sequence[str], hypotheses: Sequence[str]) -> list[Alignment]:
    """One alignment in words for each utterance; words are what whitespace separates.

    Raises:
      ValueError: if there are not as many hypotheses as references.
    """
    return [
        Alignment(tuple(_pairs(reference, hypothesis, chunks)), _count(reference, chunks))
        for reference, hypothesis, chunks in _process("words", references, hypotheses)
    ]


def character_errors(references: Sequence[str], hypotheses: Sequence[str]) -> list[ErrorRate]:
    """Counts in characters for each utterance; one space between words is a character.

    A character is a Unicode code point.

    Raises:
      ValueError: if there are not as many hypotheses as references.
    """
    processed = _process("characters", references, hypotheses)
    return [_count(reference, chunks) for reference, _, chunks in processed]


def count_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorCounts:
    """Word and character errors of a set.

    Raises:
      ValueError: if there are not as many hypotheses as references.
    """
    words = _process("words", references, hypotheses)
    return ErrorCounts(
        sum((_count(reference, chunks) for reference, _, chunks in words), ErrorRate()),
        sum(character_errors(references, hypotheses), ErrorRate()),
    )


def _process(
    units: str, references: Sequence[str], hypotheses: Sequence[str]
) -> Iterator[tuple[list[str], list[str], list[jiwer.AlignmentChunk]]]:
    """Reference units, hypothesis units and the edit between them, for each utterance."""
    if len(references) != len(hypotheses):
        raise ValueError(
            "There must be one hypothesis for each reference. "
            f"Received: {len(references)} references, {len(hypotheses)} hypotheses"
        )
    if not references:
        return iter(())
    # An exported model is run without it.
    import jiwer

    process = jiwer.process_words if units == "words" else jiwer.process_characters
    output = process([_normal(text) for text in references], [_normal(text) for text in hypotheses])
    return zip(output.references, output.hypotheses, output.alignments)


def _normal(text: str) -> str:
    """Words with one space between: other whitespace is neither a word nor a character."""
    return " ".join(text.split())


def _count(reference: list[str], chunks: Sequence[jiwer.AlignmentChunk]) -> ErrorRate:
    counts = dict.fromkeys(("equal", "substitute", "delete", "insert"), 0)
    for chunk in chunks:
        length = max(
            chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
        )
        counts[chunk.type] += length
    return ErrorRate(
        substitutions=counts["substitute"],
        deletions=counts["delete"],
        insertions=counts["insert"],
        total=len(reference),
        utterances=1,
        wrong_utterances=int(any(chunk.type != "equal" for chunk in chunks)),
        empty_references=int(not reference),
    )


def _pairs(
    reference: list[str], hypothesis: list[str], chunks: Sequence[jiwer.AlignmentChunk]
) -> Iterator[tuple[str | None, str | None]]:
    for chunk in chunks:
        yield from zip_longest(
            reference[chunk.ref_start_idx : chunk.ref_end_idx],
            hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx],
        )
