"""Where errors are: by speaker, length and frequency of the words, confused sounds, two results.

A report on one evaluation (`analysis`) shows its utterances; this asks what they have in common,
and what another decoding of the same recordings (with a language model, say) mends and breaks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from open_seq2seq.metrics.analysis import ScoredUtterance
from open_seq2seq.metrics.error_rate import Alignment, align_words

# Groups of words by their characters, and by their occurrences in training: first and last number.
WORD_LENGTHS: Mapping[str, tuple[float, float]] = {
    "1 to 2 characters": (1, 2),
    "3 to 4 characters": (3, 4),
    "5 to 6 characters": (5, 6),
    "7 to 8 characters": (7, 8),
    "9 characters and more": (9, math.inf),
}
OCCURRENCES: Mapping[str, tuple[float, float]] = {
    "never": (0, 0),
    "once": (1, 1),
    "2 to 5 times": (2, 5),
    "6 to 20 times": (6, 20),
    "21 times and more": (21, math.inf),
}
# What is said for a word: its phonemes, or its letters.
Sounds = Callable[[str], Sequence[str] | None]


@dataclass(frozen=True)
class WordGroup:
    """Words of the references that have something in common.

    Args:
      name: what it is.
      words: how many of them the references have.
      wrong: for each result, how many of these it substitutes or deletes.
    """

    name: str
    words: int
    wrong: tuple[int, ...]


@dataclass(frozen=True)
class Confusions:
    """What is heard in place of sounds, within the stretches of words that are wrong.

    Args:
      pairs: (sound of the reference, of the hypothesis) and their number; "" where a sound was
        deleted or inserted.
      sounds: how often each sound is in the references.
      left_out: words whose sounds are not known, and whose stretches are not counted.
    """

    pairs: Counter[tuple[str, str]]
    sounds: Counter[str]
    left_out: Counter[str]


@dataclass(frozen=True)
class Changes:
    """Words of the references in a first and a second result.

    Args:
      right, wrong: how many are so in both.
      mended: of the words that only the second result has right: (word, what the first has in its
        place); "" where it was deleted.
      broken: the same of those that only the first result has right.
    """

    right: int
    wrong: int
    mended: Counter[tuple[str, str]]
    broken: Counter[tuple[str, str]]


def by_word_length(results: Sequence[Sequence[ScoredUtterance]]) -> list[WordGroup]:
    """The words by their number of characters.

    Args:
      results: of the same utterances in the same order, by each decoding.
    """
    return _grouped(results, len, WORD_LENGTHS)


def by_occurrences(
    results: Sequence[Sequence[ScoredUtterance]], counts: Mapping[str, int]
) -> list[WordGroup]:
    """The words by how often they are in the training transcripts; arguments as above."""
    return _grouped(results, lambda word: counts.get(word, 0), OCCURRENCES)


def confusions(scored: Sequence[ScoredUtterance], sounds: Sounds) -> Confusions:
    """Aligns the sounds of each stretch of wrong words with those that were heard there."""
    found = Confusions(Counter(), Counter(), Counter())
    references, hypotheses = [], []
    for one in scored:
        for word in (reference for reference, _ in one.alignment.pairs if reference):
            found.sounds.update(sounds(word) or ())
        for reference, hypothesis in _stretches(one.alignment):
            spelled = {word: sounds(word) for word in (*reference, *hypothesis)}
            unknown = [word for word, its in spelled.items() if its is None]
            found.left_out.update(unknown)
            if not unknown:
                references.append(" ".join(s for word in reference for s in spelled[word] or ()))
                hypotheses.append(" ".join(s for word in hypothesis for s in spelled[word] or ()))
    for alignment in align_words(references, hypotheses):
        found.pairs.update((r or "", h or "") for r, h in alignment.pairs if r != h)
    return found


def changes(first: Sequence[ScoredUtterance], second: Sequence[ScoredUtterance]) -> Changes:
    """Compares two results of the same utterances, word by word of the references."""
    right = wrong = 0
    mended: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    for a, b in zip(first, second, strict=True):
        for (word, before), (_, after) in zip(_said(a), _said(b), strict=True):
            if word == before == after:
                right += 1
            elif word == after:
                mended[word, before] += 1
            elif word == before:
                broken[word, after] += 1
            else:
                wrong += 1
    return Changes(right, wrong, mended, broken)


def _said(scored: ScoredUtterance) -> list[tuple[str, str]]:
    """Each word of the reference, and what was heard in its place."""
    return [(word, heard or "") for word, heard in scored.alignment.pairs if word is not None]


def _grouped(
    results: Sequence[Sequence[ScoredUtterance]],
    key: Callable[[str], int],
    groups: Mapping[str, tuple[float, float]],
) -> list[WordGroup]:
    said = [[pair for one in scored for pair in _said(one)] for scored in results]
    found = []
    for name, (low, high) in groups.items():
        chosen = [place for place, (word, _) in enumerate(said[0]) if low <= key(word) <= high]
        wrong = tuple(sum(pairs[i][0] != pairs[i][1] for i in chosen) for pairs in said)
        found.append(WordGroup(name, len(chosen), wrong))
    return [group for group in found if group.words]


def _stretches(alignment: Alignment) -> list[tuple[list[str], list[str]]]:
    """The words of reference and hypothesis of each stretch without a right word."""
    return [
        ([r for r, _ in pairs if r is not None], [h for _, h in pairs if h is not None])
        for right, group in groupby(alignment.pairs, key=lambda pair: pair[0] == pair[1])
        if not right
        for pairs in [list(group)]
    ]
