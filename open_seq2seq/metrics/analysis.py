"""What a report on an evaluation says: which utterances and which words go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from open_seq2seq.metrics.error_rate import (
    Alignment,
    ErrorCounts,
    ErrorRate,
    align_words,
    character_errors,
)


@dataclass(frozen=True)
class EvaluatedUtterance:
    """One utterance with what was said and what was recognised.

    Args:
      name: as in the manifest.
      reference, hypothesis: transcripts.
      duration: seconds, if known.
      confidence: 0 to 1, if the decoder gives one.
    """

    name: str
    reference: str
    hypothesis: str
    duration: float | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class ScoredUtterance:
    """An utterance with its word alignment and its counts."""

    utterance: EvaluatedUtterance
    alignment: Alignment
    characters: ErrorRate

    @property
    def words(self) -> ErrorRate:
        return self.alignment.counts


Key = TypeVar("Key", str, tuple[str, str])


@dataclass(frozen=True)
class Mistake(Generic[Key]):
    """A word, or a pair (reference word, hypothesis word), that goes wrong.

    Args:
      key: the word or the pair.
      count: how often it goes wrong in this way.
      occurrences: how often the word is in the references; for an inserted one, in the
        hypotheses.
    """

    key: Key
    count: int
    occurrences: int


@dataclass(frozen=True)
class Analysis:
    """Everything that a report shows.

    Args:
      errors: counts of the whole set.
      wrong: the utterances with errors, those with the most errors first.
      right: the utterances without, in their order.
      substitutions, deletions, insertions: most frequent first.
      seconds: summed duration of the utterances that have one, None when none has.
      confidence_right, confidence_wrong: mean confidence of the utterances without and
        with errors, None when there is none.
    """

    errors: ErrorCounts
    wrong: list[ScoredUtterance]
    right: list[ScoredUtterance]
    substitutions: list[Mistake[tuple[str, str]]]
    deletions: list[Mistake[str]]
    insertions: list[Mistake[str]]
    seconds: float | None
    confidence_right: float | None
    confidence_wrong: float | None


def analyse(utterances: Sequence[EvaluatedUtterance]) -> Analysis:
    """Aligns and counts."""
    references = [utterance.reference for utterance in utterances]
    hypotheses = [utterance.hypothesis for utterance in utterances]
    alignments = align_words(references, hypotheses)
    characters = character_errors(references, hypotheses)
    scored = [ScoredUtterance(*parts) for parts in zip(utterances, alignments, characters)]
    wrong = [one for one in scored if one.words.errors]
    wrong.sort(key=lambda one: (-one.words.errors, -one.words.rate))
    right = [one for one in scored if not one.words.errors]
    said = Counter(r for a in alignments for r, _ in a.pairs if r is not None)
    heard = Counter(h for a in alignments for _, h in a.pairs if h is not None)
    changed = Counter((r, h) for a in alignments for r, h in a.pairs if r and h and r != h)
    deleted = Counter(r for a in alignments for r, h in a.pairs if r and h is None)
    inserted = Counter(h for a in alignments for r, h in a.pairs if h and r is None)
    durations = [u.duration for u in utterances if u.duration is not None]
    return Analysis(
        ErrorCounts(sum((one.words for one in scored), ErrorRate()), sum(characters, ErrorRate())),
        wrong,
        right,
        [Mistake(pair, n, said[pair[0]]) for pair, n in _most_common(changed)],
        [Mistake(word, n, said[word]) for word, n in _most_common(deleted)],
        [Mistake(word, n, heard[word]) for word, n in _most_common(inserted)],
        sum(durations) if durations else None,
        _mean(one.utterance.confidence for one in right),
        _mean(one.utterance.confidence for one in wrong),
    )


def _most_common(counter: Counter[Key]) -> list[tuple[Key, int]]:
    """Like `most_common`, equal counts in alphabetical order."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
