"""Choosing from n-best lists by a weighted sum of scores, and finding the weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from open_seq2seq.language_models.nbest import NBest
from open_seq2seq.metrics.error_rate import align_words

# The first grid of weights, and how often it is then made finer around the best one.
_LM = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
_NLM = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3)
_WORDS = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
_REFINEMENTS = 2


@dataclass(frozen=True)
class Weights:
    """Of the parts of a hypothesis's score, all natural logs.

    score = acoustic_score + lm * lm_score + nlm * (log probability) + words * (words in it)
    """

    lm: float = 1.0
    nlm: float = 0.0
    words: float = 0.0


# The decoder's score alone; OpenSeq2Seq's external_lm_rescore added the neural one to it.
DECODER = Weights()
OPENSEQ2SEQ = Weights(lm=1.0, nlm=1.0, words=0.0)


class Candidates:
    """All hypotheses of all utterances as arrays.

    Args:
      lists: the n-best lists.
      nlm_scores: for each the natural log probability of each hypothesis.
    """

    def __init__(self, lists: Sequence[NBest], nlm_scores: Sequence[Sequence[float]]):
        self.lists = lists
        most = max([1, *(len(one.hypotheses) for one in lists)])
        self.acoustic = np.full((len(lists), most), -np.inf)
        self.lm, self.nlm, self.words = (np.zeros((len(lists), most)) for _ in range(3))
        for row, (one, scores) in enumerate(zip(lists, nlm_scores, strict=True)):
            for column, (hypothesis, score) in enumerate(zip(one.hypotheses, scores, strict=True)):
                self.acoustic[row, column] = hypothesis.acoustic_score
                self.lm[row, column] = hypothesis.lm_score
                self.nlm[row, column] = score
                self.words[row, column] = len(hypothesis.text.split())

    def scores(self, weights: Weights) -> np.ndarray:
        """[utterance, hypothesis] weighted sums, -inf where there is no hypothesis."""
        return (
            self.acoustic
            + weights.lm * self.lm
            + weights.nlm * self.nlm
            + weights.words * self.words
        )

    def best(self, weights: Weights) -> np.ndarray:
        """[utterance] the column of the best hypothesis, the first among equals."""
        return self.scores(weights).argmax(axis=1)

    def texts(self, columns: np.ndarray) -> list[str]:
        """The text of one hypothesis of each utterance, "" where it has none."""
        return [
            one.hypotheses[column].text if one.hypotheses else ""
            for one, column in zip(self.lists, columns.tolist())
        ]


class WordErrors:
    """The word errors of every hypothesis against its reference, counted once.

    Args:
      lists: n-best lists with references.
    """

    def __init__(self, lists: Sequence[NBest]):
        rows, references, texts = [], [], []
        for row, one in enumerate(lists):
            for hypothesis in [h.text for h in one.hypotheses] or [""]:
                rows.append(row)
                references.append(one.reference or "")
                texts.append(hypothesis)
        aligned = align_words(references, texts)
        width = max([1, *(len(one.hypotheses) for one in lists)])
        self.errors = np.full((len(lists), width), np.iinfo(np.int64).max)
        self.totals = np.zeros(len(lists), np.int64)
        column, before = 0, -1
        for row, alignment in zip(rows, aligned):
            column = column + 1 if row == before else 0
            before = row
            self.errors[row, column] = alignment.counts.errors
            self.totals[row] = alignment.counts.total

    def count(self, columns: np.ndarray, rows: np.ndarray | None = None) -> int:
        """Errors of the hypotheses in `columns`, of all utterances or of those in `rows`."""
        chosen = self.errors[np.arange(len(self.errors)), columns]
        return int(chosen.sum() if rows is None else chosen[rows].sum())

    def rate(self, columns: np.ndarray, rows: np.ndarray | None = None) -> float:
        """The word error rate of these."""
        totals = self.totals if rows is None else self.totals[rows]
        return self.count(columns, rows) / max(int(totals.sum()), 1)

    def oracle(self) -> np.ndarray:
        """[utterance] the column with the fewest errors."""
        return self.errors.argmin(axis=1)


def tune(candidates: Candidates, errors: WordErrors, rows: np.ndarray | None = None) -> Weights:
    """The weights with the fewest word errors: a grid, made finer around its best point twice.

    Among equals the weights nearest to the decoder's own are taken, so that a neural model
    that does not help gets no weight.

    Args:
      rows: utterances to look at; None: all.
    """
    axes = [_LM, _NLM, _WORDS]
    steps = np.array([0.25, 0.1, 1.0])
    best = DECODER
    fewest = errors.count(candidates.best(best), rows)
    for round in range(_REFINEMENTS + 1):
        if round:
            steps = steps / 2
            around = zip(astuple(best), steps.tolist())
            axes = [tuple(max(v + k * s, 0.0) if i < 2 else v + k * s for k in (-1, 0, 1))
                    for i, (v, s) in enumerate(around)]  # fmt: skip
        for values in itertools.product(*axes):
            weights = Weights(*values)
            count = errors.count(candidates.best(weights), rows)
            if (count, _distance(weights)) < (fewest, _distance(best)):
                best, fewest = weights, count
    return replace(best)


def _distance(weights: Weights) -> float:
    return abs(weights.lm - 1) + abs(weights.nlm) + 0.1 * abs(weights.words)
