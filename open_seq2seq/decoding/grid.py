"""WER over a grid of alpha and beta without decoding at every point.

A hypothesis' score is linear in alpha and beta:

    score(alpha, beta) = score(alpha0, beta0) + (alpha - alpha0) ngram + (beta - beta0) count

So the n-best list of a point (alpha0, beta0) that was decoded also gives an estimate of what
would be found near it. It is an estimate, as the beam at another point keeps other hypotheses;
docs/decoding.md has how far it is off. It shows where to look: the point that comes out as the
best was decoded, and so were those around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from open_seq2seq.decoders.decode_result import DecodeResult
from open_seq2seq.metrics.error_rate import (
    ErrorCounts,
    ErrorRate,
    align_words,
    character_errors,
)

Decode = Callable[[float, float, int], list[DecodeResult]]


@dataclass(frozen=True)
class GridPoint:
    """Error rates at one alpha and beta.

    Args:
      alpha, beta: the weights.
      errors: word and character counts over all utterances.
      exact: whether they are those of a decoding with these weights, not an estimate.
    """

    alpha: float
    beta: float
    errors: ErrorCounts
    exact: bool

    @property
    def wer(self) -> float:
        return self.errors.words.rate

    @property
    def cer(self) -> float:
        return self.errors.characters.rate


def grid_values(start: float, stop: float | None, step: float) -> list[float]:
    """start, start + step, ... up to `stop`, which belongs to them; only start without a stop."""
    if stop is None:
        return [start]
    # A tenth of a step more: sums of steps may come out just above `stop`.
    count = int(np.floor((stop - start + step / 10) / step)) + 1
    return [round(start + index * step, 9) for index in range(max(count, 1))]


def anchor_points(alphas: Sequence[float], betas: Sequence[float]) -> list[tuple[float, float]]:
    """A coarse grid within a grid, its corners included: every third value or so, at most 5."""
    return [(alpha, beta) for alpha in _spread(alphas) for beta in _spread(betas)]


def _spread(values: Sequence[float]) -> list[float]:
    count = min(len(values), 5, -(-len(values) // 3) + 1)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, count)]


@dataclass(frozen=True)
class _Anchor:
    """The n-best lists of a point that was decoded.

    Args:
      alpha, beta: the point.
      texts: [utterance][hypothesis].
      scores, ngrams, counts: [utterance] of [hypothesis]: what texts score at the point, and
        what alpha and beta multiply.
    """

    alpha: float
    beta: float
    texts: list[list[str]]
    scores: list[np.ndarray]
    ngrams: list[np.ndarray]
    counts: list[np.ndarray]

    def best_at(self, alpha: float, beta: float) -> list[str]:
        """The text of each utterance that has the highest score at another point."""
        more, bonus = alpha - self.alpha, beta - self.beta
        parts = zip(self.texts, self.scores, self.ngrams, self.counts)
        return [
            texts[int((scores + more * ngrams + bonus * counts).argmax())]
            for texts, scores, ngrams, counts in parts
        ]


class GridSearch:
    """Error rates at every point of a grid.

    Args:
      references: [utterance] texts.
      alphas, betas: the grid's values, ascending.
      decode: decodes all utterances at (alpha, beta, nbest).
      weights: of the language models, which alpha multiplies.
      nbest: hypotheses taken at each anchor.
    """

    def __init__(
        self,
        references: Sequence[str],
        alphas: Sequence[float],
        betas: Sequence[float],
        decode: Decode,
        weights: Sequence[float] = (),
        nbest: int = 16,
    ):
        self.references, self.alphas, self.betas = list(references), list(alphas), list(betas)
        self._decode, self._weights, self._nbest = decode, weights, nbest
        self._counter = _ErrorCounter(self.references)
        self.results: dict[tuple[float, float], list[DecodeResult]] = {}
        self.points: dict[tuple[float, float], GridPoint] = {}

    @property
    def best(self) -> GridPoint:
        """The point with the lowest WER; of equal ones that with the lowest CER, then the first."""
        return min(self.points.values(), key=lambda point: (point.wer, point.cer))

    def decode_all(self) -> None:
        """Decodes every point: all numbers are exact."""
        for alpha in self.alphas:
            for beta in self.betas:
                self._decode_point(alpha, beta)

    def estimate_and_decode(self) -> None:
        """Decodes at some points, estimates the others, then decodes the best and those around it.

        It ends when the point with the lowest WER is one that was decoded: the best WER is
        never an estimate, and no estimate is below it.
        """
        anchors = [self._anchor(*point) for point in anchor_points(self.alphas, self.betas)]
        for alpha in self.alphas:
            for beta in self.betas:
                if (alpha, beta) not in self.points:
                    texts = self._nearest(anchors, alpha, beta).best_at(alpha, beta)
                    errors = self._counter.count(texts)
                    self.points[alpha, beta] = GridPoint(alpha, beta, errors, False)
        self.points = {(a, b): self.points[a, b] for a in self.alphas for b in self.betas}
        while not (self.best.exact and self._neighbours_are_exact(self.best)):
            best = self.best
            if not best.exact:
                self._decode_point(best.alpha, best.beta)
                continue
            for alpha, beta in self._neighbours(best):
                if not self.points[alpha, beta].exact:
                    self._decode_point(alpha, beta)

    def _anchor(self, alpha: float, beta: float) -> _Anchor:
        results = self._decode(alpha, beta, self._nbest)
        self._store(alpha, beta, results)
        lists = [result.nbest or (result,) for result in results]
        return _Anchor(
            alpha,
            beta,
            [[one.text for one in found] for found in lists],
            [np.array([one.score for one in found]) for found in lists],
            [np.array([self._ngram(one) for one in found]) for found in lists],
            [np.array([one.bonus_count for one in found]) for found in lists],
        )

    def _nearest(self, anchors: Sequence[_Anchor], alpha: float, beta: float) -> _Anchor:
        """The anchor with the fewest steps between, each axis counted as of length 1."""
        row, column = self.alphas.index(alpha), self.betas.index(beta)

        def distance(anchor: _Anchor) -> float:
            rows = (self.alphas.index(anchor.alpha) - row) / len(self.alphas)
            columns = (self.betas.index(anchor.beta) - column) / len(self.betas)
            return rows**2 + columns**2

        return min(anchors, key=distance)

    def _ngram(self, result: DecodeResult) -> float:
        scores = result.ngram_scores
        weights = self._weights or [1.0] * len(scores)
        return float(sum(weight * score for weight, score in zip(weights, scores)))

    def _decode_point(self, alpha: float, beta: float) -> None:
        self._store(alpha, beta, self._decode(alpha, beta, 1))

    def _store(self, alpha: float, beta: float, results: list[DecodeResult]) -> None:
        errors = self._counter.count([result.text for result in results])
        self.results[alpha, beta] = results
        self.points[alpha, beta] = GridPoint(alpha, beta, errors, True)

    def _neighbours(self, point: GridPoint) -> Iterable[tuple[float, float]]:
        row, column = self.alphas.index(point.alpha), self.betas.index(point.beta)
        for alpha in self.alphas[max(row - 1, 0) : row + 2]:
            for beta in self.betas[max(column - 1, 0) : column + 2]:
                yield alpha, beta

    def _neighbours_are_exact(self, point: GridPoint) -> bool:
        return all(self.points[place].exact for place in self._neighbours(point))


class _ErrorCounter:
    """Counts errors against fixed references, each pair of texts once.

    Neighbouring points of a grid share nearly all hypotheses.
    """

    def __init__(self, references: Sequence[str]):
        self._references = list(references)
        self._known: list[dict[str, tuple[int, ...]]] = [{} for _ in references]

    def count(self, hypotheses: Sequence[str]) -> ErrorCounts:
        texts = [text.lower() for text in hypotheses]
        new = [index for index, text in enumerate(texts) if text not in self._known[index]]
        errors = utterance_errors([self._references[i] for i in new], [texts[i] for i in new])
        for index, one in zip(new, errors):
            self._known[index][texts[index]] = astuple(one.words) + astuple(one.characters)
        rows = [known[text] for known, text in zip(self._known, texts)]
        total = np.sum(rows, axis=0).tolist()
        half = len(total) // 2
        return ErrorCounts(ErrorRate(*total[:half]), ErrorRate(*total[half:]))


def utterance_errors(references: Sequence[str], hypotheses: Sequence[str]) -> list[ErrorCounts]:
    """Word and character errors of each utterance."""
    words = [alignment.counts for alignment in align_words(references, hypotheses)]
    characters = character_errors(references, hypotheses)
    return [ErrorCounts(*pair) for pair in zip(words, characters)]
