"""Transcripts of words as transcripts of symbols, to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.pronunciations.spelling import Spelling


@dataclass(frozen=True)
class Rewritten:
    """Utterances with symbols for transcripts and their words beside them.

    Args:
      utterances: those that could be written.
      left_out: the others' places in their manifest, and their words without a spelling.
    """

    utterances: list[Utterance]
    left_out: list[tuple[str, list[str]]]


def in_symbols(
    utterances: Sequence[Utterance],
    spellings: Mapping[str, Sequence[Spelling]],
    separator: str | None = None,
) -> Rewritten:
    """Writes transcripts with each word's first spelling, a space between symbols.

    Args:
      separator: a symbol to put between words, or None.
    """
    written, left_out = [], []
    between = f" {separator} " if separator else " "
    for one in utterances:
        text = one.transcript or ""
        missing = [word for word in text.split() if word not in spellings]
        if missing:
            left_out.append((one.source, missing))
            continue
        symbols = between.join(" ".join(spellings[word][0]) for word in text.split())
        written.append(replace(one, transcript=symbols, written=None, words=text))
    return Rewritten(written, left_out)
