"""WER over a grid of alpha and beta from few decodings.

A hypothesis' score is linear in alpha and beta:

    acoustic + alpha * ngram + beta * count + rest

where none of the four depends on them. So the hypotheses that the beam search keeps at some
anchor points of the grid, each with its four numbers, are enough to find the best of them at
every point. What this cannot know are hypotheses that would be kept at a point and were at no
anchor: its WER is an estimate there. The points that are decided on are therefore decoded.
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


@dataclass(frozen=True)
class _Hypotheses:
    """The different texts found for one utterance.

    Args:
      texts: [hypothesis].
      acoustic, ngram, count, rest: [hypothesis], the parts of the score.
    """

    texts: list[str]
    acoustic: np.ndarray
    ngram: np.ndarray
    count: np.ndarray
    rest: np.ndarray

    def best(self, alphas: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """The hypothesis with the highest score at each point: [point]."""
        fixed = self.acoustic + self.rest
        scores = fixed + np.outer(alphas, self.ngram) + np.outer(betas, self.count)
        return scores.argmax(axis=1)


def anchor_points(alphas: Sequence[float], betas: Sequence[float]) -> list[tuple[float, float]]:
    """The corners and the centre of a grid, each once."""
    middle = (alphas[len(alphas) // 2], betas[len(betas) // 2])
    corners = [(a, b) for a in (alphas[0], alphas[-1]) for b in (betas[0], betas[-1])]
    return list(dict.fromkeys([middle, *corners]))


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
        nbest: int = 64,
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
        """Estimates every point from the anchors, then decodes the best and those around it.

        It ends when the point with the lowest WER is one that was decoded: the best WER is
        never an estimate, and no estimate is below it.
        """
        anchors = anchor_points(self.alphas, self.betas)
        found = [self._decode(alpha, beta, self._nbest) for alpha, beta in anchors]
        by_utterance = [
            self._hypotheses(index, anchors, found) for index in range(len(self.references))
        ]
        self._estimate(by_utterance)
        for (alpha, beta), results in zip(anchors, found):
            self._store(alpha, beta, results)
        while not (self.best.exact and self._neighbours_are_exact(self.best)):
            best = self.best
            if not best.exact:
                self._decode_point(best.alpha, best.beta)
                continue
            for alpha, beta in self._neighbours(best):
                if not self.points[alpha, beta].exact:
                    self._decode_point(alpha, beta)

    def _hypotheses(
        self, index: int, anchors: Sequence[tuple[float, float]], found: list[list[DecodeResult]]
    ) -> _Hypotheses:
        """The union of an utterance's hypotheses at all anchors."""
        parts: dict[str, tuple[float, float, int, float]] = {}
        for (alpha, beta), results in zip(anchors, found):
            best = results[index]
            for one in best.nbest or (best,):
                ngram = self._ngram(one)
                rest = one.lm_score - alpha * ngram - beta * one.bonus_count
                acoustic = one.score - one.lm_score
                before = parts.get(one.text)
                # More of a text's alignments were kept where its acoustic score is higher.
                if before is None or acoustic > before[0]:
                    parts[one.text] = (acoustic, ngram, one.bonus_count, rest)
        columns = np.array(list(parts.values()), np.float64).T
        return _Hypotheses(list(parts), *columns)

    def _ngram(self, result: DecodeResult) -> float:
        scores = result.ngram_scores
        weights = self._weights or [1.0] * len(scores)
        return float(sum(weight * score for weight, score in zip(weights, scores)))

    def _estimate(self, by_utterance: Sequence[_Hypotheses]) -> None:
        pairs = [(alpha, beta) for alpha in self.alphas for beta in self.betas]
        alphas, betas = np.array(pairs).T
        chosen = [one.best(alphas, betas) for one in by_utterance]  # [utterance][point]
        for number, (alpha, beta) in enumerate(pairs):
            texts = [one.texts[best[number]] for one, best in zip(by_utterance, chosen)]
            self.points[alpha, beta] = GridPoint(alpha, beta, self._counter.count(texts), False)

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
