"""WER over a grid of alpha and beta without decoding at every point.

WER is a smooth function of alpha and beta, but for the noise of single words. So some points are
decoded, a spline through them estimates the others, and then the point that comes out as the best
is decoded and those around it. docs/inference.md has how far estimates are off.

Rescoring n-best lists, whose scores are linear in alpha and beta, would seem more exact. It was
measured to be worse: at another point the beam keeps other hypotheses, and the lists of a few
points hold too few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.metrics.error_rate import (
    ErrorCounts,
    ErrorRate,
    align_words,
    character_errors,
)

# What of two rates is the arithmetic's.
_ROUNDING = 1e-9

Decode = Callable[[float, float], list[DecodeResult]]


@dataclass(frozen=True)
class GridPoint:
    """Error rates at one alpha and beta.

    Args:
      alpha, beta: the weights.
      wer, cer: over all utterances.
      errors: the counts behind them; None: the rates are estimates.
    """

    alpha: float
    beta: float
    wer: float
    cer: float
    errors: ErrorCounts | None = None

    @property
    def exact(self) -> bool:
        """Whether the rates are those of a decoding with these weights."""
        return self.errors is not None


def grid_values(start: float, stop: float | None, step: float) -> list[float]:
    """start, start + step, ... up to `stop`, which belongs to them; only start without a stop."""
    if stop is None:
        return [start]
    # A tenth of a step more: sums of steps may come out just above `stop`.
    count = int(np.floor((stop - start + step / 10) / step)) + 1
    return [round(start + index * step, 9) for index in range(max(count, 1))]


def _spread(values: Sequence[float]) -> list[float]:
    """Every third value or so, the first and the last one included, at most 5."""
    count = min(len(values), 5, -(-len(values) // 3) + 1)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, count)]


def interpolate(
    rows: Sequence[float],
    columns: Sequence[float],
    values: np.ndarray,
    all_rows: Sequence[float],
    all_columns: Sequence[float],
) -> np.ndarray:
    """A surface through values on a coarse grid, at all points of a fine one.

    It is cubic along each axis, of lower degree where there are fewer than four values.

    Args:
      rows, columns: ascending coordinates of the coarse grid.
      values: [row, column] there.
      all_rows, all_columns: coordinates of the fine grid, in the range of the coarse one.

    Returns:
      [all_rows, all_columns].
    """
    along_rows = _spline(rows, values, all_rows)
    return _spline(columns, along_rows.T, all_columns).T


def _spline(places: Sequence[float], values: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    if len(places) == 1:
        return np.repeat(values, len(wanted), axis=0)
    # Takes half a second to import, which a single point need not wait.
    from scipy.interpolate import make_interp_spline

    return make_interp_spline(places, values, k=min(3, len(places) - 1))(wanted)


def middle(plateau: np.ndarray) -> tuple[int, int]:
    """The place of a plateau that is farthest from all that is not on it, the border included.

    Of several such places it is the one nearest to their mean.

    Args:
      plateau: [row, column] bool, True somewhere.
    """
    inside = np.pad(plateau, 1)
    depth = np.zeros(plateau.shape, int)
    while (core := inside[1:-1, 1:-1]).any():
        depth += core
        # A place stays when it and the eight around it are inside.
        around = [np.roll(inside, (r, c), (0, 1)) for r in (-1, 0, 1) for c in (-1, 0, 1)]
        inside = np.logical_and.reduce(around)
    deepest = np.argwhere(depth == depth.max())
    distances = ((deepest - deepest.mean(axis=0)) ** 2).sum(axis=1)
    row, column = deepest[np.argmin(np.round(distances, 9))]
    return int(row), int(column)


class GridSearch:
    """Error rates at every point of a grid.

    Args:
      references: [utterance] texts.
      alphas, betas: the grid's values, ascending.
      decode: decodes all utterances at (alpha, beta).
      lower: how transcripts are lower-cased.
    """

    def __init__(
        self,
        references: Sequence[str],
        alphas: Sequence[float],
        betas: Sequence[float],
        decode: Decode,
        lower: Callable[[str], str] = str.lower,
    ):
        self.references, self.alphas, self.betas = list(references), list(alphas), list(betas)
        self._decode = decode
        self._counter = _ErrorCounter(self.references, lower)
        self.results: dict[tuple[float, float], list[DecodeResult]] = {}
        self.points: dict[tuple[float, float], GridPoint] = {}

    @property
    def best(self) -> GridPoint:
        """The point with the lowest WER, of equal ones that with the lowest CER.

        Of several with the same rates it is the middle of the widest place that they cover: that
        choice is the least affected by other data.
        """
        row, column = middle(self.plateau())
        return self.points[self.alphas[row], self.betas[column]]

    def plateau(self) -> np.ndarray:
        """[alpha, beta] bool: the points that have the best point's error rates."""
        rates = {place: (point.wer, point.cer) for place, point in self.points.items()}
        lowest = min(rates.values())
        return np.array([[rates.get((a, b)) == lowest for b in self.betas] for a in self.alphas])

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
        rows, columns = _spread(self.alphas), _spread(self.betas)
        for alpha in rows:
            for beta in columns:
                self._decode_point(alpha, beta)
        estimates = []
        for rate in ("wer", "cer"):
            known = [[getattr(self.points[a, b], rate) for b in columns] for a in rows]
            surface = interpolate(rows, columns, np.array(known), self.alphas, self.betas)
            # A spline may swing below what rates can be, and next to what it goes through.
            lowest = np.min(known)
            surface[np.abs(surface - lowest) < _ROUNDING] = lowest
            estimates.append(np.maximum(surface, 0.0))
        points = {}
        for row, alpha in enumerate(self.alphas):
            for column, beta in enumerate(self.betas):
                wer, cer = (float(surface[row, column]) for surface in estimates)
                known_point = self.points.get((alpha, beta))
                points[alpha, beta] = known_point or GridPoint(alpha, beta, wer, cer)
        self.points = points
        while not (self.best.exact and self._neighbours_are_exact(self.best)):
            best = self.best
            if not best.exact:
                self._decode_point(best.alpha, best.beta)
                continue
            for alpha, beta in self._neighbours(best):
                if not self.points[alpha, beta].exact:
                    self._decode_point(alpha, beta)

    def _decode_point(self, alpha: float, beta: float) -> None:
        results = self._decode(alpha, beta)
        errors = self._counter.count([result.text for result in results])
        rates = errors.words.rate, errors.characters.rate
        self.results[alpha, beta] = results
        self.points[alpha, beta] = GridPoint(alpha, beta, *rates, errors)

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

    def __init__(self, references: Sequence[str], lower: Callable[[str], str]):
        self._references, self._lower = list(references), lower
        self._known: list[dict[str, tuple[int, ...]]] = [{} for _ in references]

    def count(self, hypotheses: Sequence[str]) -> ErrorCounts:
        texts = [self._lower(text) for text in hypotheses]
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
