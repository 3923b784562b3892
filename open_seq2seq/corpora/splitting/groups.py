"""Utterances that must not be separated: of one speaker, one text, one recording."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from open_seq2seq.corpora.doctor.duplicates import plain_text
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.speakers import speaker_of

# What may be kept on one side: from its name to what tells it (None: it is not known).
KEYS: dict[str, Callable[[Utterance], str | None]] = {
    "speaker": speaker_of,
    "text": lambda one: plain_text(one.transcript or "") or None,
    "recording": lambda one: os.path.realpath(one.path),
}


@dataclass(frozen=True)
class Group:
    """Utterances that stay together.

    Args:
      rows: their places in the manifest, in its order.
      seconds: how long they are together.
      speakers: how many speak, where that is known.
    """

    rows: tuple[int, ...]
    seconds: float
    speakers: int


def grouped(utterances: Sequence[Utterance], keys: Sequence[str]) -> list[Group]:
    """The smallest groups such that no two share a speaker, text or recording.

    Args:
      utterances: with durations.
      keys: of `KEYS`: what groups must not share.

    Returns:
      In an order that does not depend on that of the utterances.
    """
    leaders = list(range(len(utterances)))

    def leader(row: int) -> int:
        while leaders[row] != row:
            leaders[row] = leaders[leaders[row]]
            row = leaders[row]
        return row

    for key in keys:
        first: dict[str, int] = {}
        for row, utterance in enumerate(utterances):
            value = KEYS[key](utterance)
            if value is not None:
                leaders[leader(row)] = leader(first.setdefault(value, row))
    members: dict[int, list[int]] = {}
    for row in range(len(utterances)):
        members.setdefault(leader(row), []).append(row)
    groups = [_group(utterances, rows) for rows in members.values()]
    return sorted(groups, key=lambda group: min(_name(utterances[row]) for row in group.rows))


def _group(utterances: Sequence[Utterance], rows: Sequence[int]) -> Group:
    some = [utterances[row] for row in rows]
    speakers = {speaker_of(one) for one in some} - {None}
    return Group(tuple(rows), sum(one.duration or 0.0 for one in some), len(speakers))


def _name(utterance: Utterance) -> tuple[str, str, str]:
    return utterance.name, utterance.segment, utterance.transcript or ""


def shared(utterances: Sequence[Utterance], others: Sequence[Utterance], key: str) -> int:
    """How many different speakers, texts or recordings two splits have in common."""
    find = KEYS[key]
    return len(({*map(find, utterances)} & {*map(find, others)}) - {None})


def most_common(utterances: Sequence[Utterance], rows: Sequence[int], key: str) -> str | None:
    """The speaker, text or recording that most of some utterances have; None: it is not known."""
    counts = Counter(value for row in rows if (value := KEYS[key](utterances[row])) is not None)
    return counts.most_common(1)[0][0] if counts else None
