"""What a report on an evaluation says: which utterances and which words go wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from open_seq2seq.metrics.error_rate import (
    Alignment,
    ErrorCounts,
    ErrorRate,
    align_words,
    character_errors,
)

# Seconds: an utterance belongs to the length that begins at or below its own.
LENGTHS: tuple[float, ...] = (0, 1, 2, 5, 10, 15, 20, 30, 60, math.inf)


@dataclass(frozen=True)
class EvaluatedUtterance:
    """One utterance with what was said and what was recognised.

    Args:
      name: as in the manifest.
      reference, hypothesis: transcripts.
      duration: seconds, if known.
      confidence: 0 to 1, if the decoder gives one.
      speaker: who speaks, if known.
      unit: what the transcripts' words are: "word", or "phoneme".
      path, offset: its audio file, and where in it it begins in seconds (None: it is the whole
        file); "" where the sound is not at hand.
    """

    name: str
    reference: str
    hypothesis: str
    duration: float | None = None
    confidence: float | None = None
    speaker: str | None = None
    path: str = ""
    offset: float | None = None
    unit: str = "word"


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
class Group:
    """Some utterances of the set, counted together.

    Args:
      name: what they have in common.
      errors: their counts.
      seconds: summed duration of those that have one.
    """

    name: str
    errors: ErrorCounts
    seconds: float


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
      speakers: one group for each speaker, the highest word error rate first; none where no
        utterance has one.
      lengths: one group for each of `LENGTHS` that occurs, the shortest first.
      unit: of the utterances.
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
    speakers: list[Group]
    lengths: list[Group]
    unit: str


def score(utterances: Sequence[EvaluatedUtterance]) -> list[ScoredUtterance]:
    """Aligns and counts each utterance."""
    references = [utterance.reference for utterance in utterances]
    hypotheses = [utterance.hypothesis for utterance in utterances]
    alignments = align_words(references, hypotheses)
    characters = character_errors(references, hypotheses)
    return [ScoredUtterance(*parts) for parts in zip(utterances, alignments, characters)]


def analyse(utterances: Sequence[EvaluatedUtterance]) -> Analysis:
    """Aligns and counts."""
    scored = score(utterances)
    alignments = [one.alignment for one in scored]
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
        ErrorCounts(
            sum((one.words for one in scored), ErrorRate()),
            sum((one.characters for one in scored), ErrorRate()),
        ),
        wrong,
        right,
        [Mistake(pair, n, said[pair[0]]) for pair, n in _most_common(changed)],
        [Mistake(word, n, said[word]) for word, n in _most_common(deleted)],
        [Mistake(word, n, heard[word]) for word, n in _most_common(inserted)],
        sum(durations) if durations else None,
        _mean(one.utterance.confidence for one in right),
        _mean(one.utterance.confidence for one in wrong),
        _by_speaker(scored),
        _by_length(scored),
        utterances[0].unit if utterances else "word",
    )


def _group(name: str, scored: Sequence[ScoredUtterance]) -> Group:
    words = sum((one.words for one in scored), ErrorRate())
    characters = sum((one.characters for one in scored), ErrorRate())
    seconds = math.fsum(one.utterance.duration or 0.0 for one in scored)
    return Group(name, ErrorCounts(words, characters), seconds)


def _by_speaker(scored: Sequence[ScoredUtterance]) -> list[Group]:
    by_name: dict[str | None, list[ScoredUtterance]] = {}
    for one in scored:
        by_name.setdefault(one.utterance.speaker, []).append(one)
    if not any(by_name):
        return []
    groups = [_group(name or "not known", some) for name, some in by_name.items()]
    return sorted(groups, key=lambda group: (-group.errors.words.rate, group.name))


def _by_length(scored: Sequence[ScoredUtterance]) -> list[Group]:
    groups = []
    for low, high in pairwise(LENGTHS):
        some = [
            one
            for one in scored
            if one.utterance.duration is not None and low <= one.utterance.duration < high
        ]
        if some:
            name = f"{low:g} s and longer" if math.isinf(high) else f"{low:g} to {high:g} s"
            groups.append(_group(name, some))
    return groups


def _most_common(counter: Counter[Key]) -> list[tuple[Key, int]]:
    """Like `most_common`, equal counts in alphabetical order."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
