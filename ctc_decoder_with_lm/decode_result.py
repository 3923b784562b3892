"""What every decoder returns for an utterance, at its end and while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


class Word(NamedTuple):
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


class Token(NamedTuple):
    """One symbol of the vocabulary in the best alignment of a hypothesis.

    Args:
      text: the symbol.
      start, end: seconds from the start of the recording.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class DecodeResult:
    """The text of an utterance and what is known about it.

    Args:
      text: the best hypothesis.
      score: its log probability, natural logarithm; comparable between hypotheses of
        one utterance. With a language model, acoustic_score + lm_score.
      words: its words in order.
      nbest: the best hypotheses, best first; empty when only one was asked for or found.
      acoustic_score: the network's part: the log probability of the symbols, natural
        logarithm; None: the decoder does not split the score.
      lm_score: all the rest, weighted: language models, bonus of words, hot words.
      tokens: the symbols with their times; empty when the decoder does not give them.
      ngram_scores: for each language model the sum of its scores, unweighted: what alpha
        (and the model's own weight) multiplies.
      bonus_count: how many times beta was added.
      boost: what hot words added.
    """

    text: str
    score: float
    words: tuple[Word, ...]
    nbest: tuple[DecodeResult, ...] = ()
    acoustic_score: float | None = None
    lm_score: float = 0.0
    tokens: tuple[Token, ...] = ()
    ngram_scores: tuple[float, ...] = ()
    bonus_count: int = 0
    boost: float = 0.0

    def shifted(self, seconds: float) -> DecodeResult:
        """The same with all times so much later."""
        if not seconds:
            return self
        words = tuple(
            [w._replace(start=w.start + seconds, end=w.end + seconds) for w in self.words]
        )
        tokens = tuple(
            [t._replace(start=t.start + seconds, end=t.end + seconds) for t in self.tokens]
        )
        nbest = tuple([one.shifted(seconds) for one in self.nbest])
        return replace(self, words=words, tokens=tokens, nbest=nbest)


class PartialWord(NamedTuple):
    """A word of an utterance that goes on; what comes may still change or lengthen it.

    Args:
      text: the word.
      start, end: seconds from the start of the recording.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Partial:
    """What has been recognised of an utterance that goes on.

    Args:
      text: the best hypothesis at this moment.
      stable_text: its beginning that no later frame can change.
      words: the words of `text` in order.
    """

    text: str
    stable_text: str
    words: tuple[PartialWord, ...] = ()
