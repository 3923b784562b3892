"""What every decoder returns for an utterance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One recognised word.

    Args:
      text: the word.
      start, end: seconds from the start of the recording.
      confidence: in [0, 1]; how it comes about depends on the decoder.
    """

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class DecodeResult:
    """The text of an utterance and what is known about it.

    Args:
      text: the best hypothesis.
      score: its log probability, natural logarithm; comparable between hypotheses of
        one utterance.
      words: its words in order.
      nbest: the best hypotheses, best first; empty when the decoder finds only one.
    """

    text: str
    score: float
    words: tuple[Word, ...]
    nbest: tuple[DecodeResult, ...] = ()
