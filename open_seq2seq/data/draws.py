"""What an epoch draws for each utterance: voice, speed, form and pauses.

Each kind has a stream of random numbers of its own. Rows are drawn a million at a time, the first
million from the stream of the epoch itself, so that a large corpus needs little memory meanwhile.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

# Rows that are drawn, or counted, at a time.
BLOCK = 1 << 20


class Stream(enum.IntEnum):
    """Independent streams of random numbers; the first word of their seeds."""

    BUCKETS = 1
    ORDER = 2
    SPEED = 3
    SYNTHETIC = 4
    UTTERANCE = 5
    FORMS = 6
    PAUSES = 7
    FORM = 8
    STATISTICS = 9
    CHECKED = 10
    SHARDS = 11


def generator(stream: Stream, seed: int, epoch: int = 0, index: int = 0) -> np.random.Generator:
    """The random generator of (stream, seed, epoch, index)."""
    # Negative seeds are allowed in configs, not in NumPy.
    return np.random.default_rng([stream, seed % 2**64, epoch, index])


def blocks(count: int) -> Iterator[tuple[int, slice]]:
    """The number and the rows of each block of a corpus of so many rows."""
    for number, start in enumerate(range(0, count, BLOCK)):
        yield number, slice(start, min(start + BLOCK, count))


@dataclass(frozen=True)
class Draws:
    """What an epoch has drawn, by row; None: all are the same.

    Args:
      count: rows.
      epoch: the form of all, where `forms` is None.
      voices: [utterance] which synthetic voice; else 0.
      factors: [utterance] float64, speed factors; else 1.
      forms: [utterance] which form of the augmentation.
      pauses: [utterance, 3] samples of silence before, within and after; else 0.
    """

    count: int
    epoch: int = 0
    voices: np.ndarray | None = None
    factors: np.ndarray | None = None
    forms: np.ndarray | None = None
    pauses: np.ndarray | None = None

    def of(self, rows: np.ndarray | slice) -> Drawn:
        """What was drawn for some rows."""
        size = len(range(self.count)[rows]) if isinstance(rows, slice) else len(rows)
        return Drawn(
            np.zeros(size, np.int64) if self.voices is None else self.voices[rows].astype(np.int64),
            np.ones(size) if self.factors is None else self.factors[rows],
            np.full(size, self.epoch) if self.forms is None else self.forms[rows].astype(np.int64),
            np.zeros((size, 3), np.int64)
            if self.pauses is None
            else self.pauses[rows].astype(np.int64),
        )


@dataclass(frozen=True)
class Drawn:
    """What was drawn for some rows: arrays as in `Draws`, int64 and float64."""

    voices: np.ndarray
    factors: np.ndarray
    forms: np.ndarray
    pauses: np.ndarray


@dataclass(frozen=True)
class Drawing:
    """Draws for an epoch.

    Args:
      count: rows.
      choices: how many synthetic voices there are for each.
      seed: source of everything random.
      draw_factors: (rng, n) -> factors [n]; None: no speed perturbation.
      draw_pauses: (rng, n) -> samples of silence [n, 3]; None: no pauses.
      num_forms: forms of an utterance, each with pauses of its own; 0: a new one in every epoch.
    """

    count: int
    choices: int
    seed: int
    draw_factors: Callable[[np.random.Generator, int], np.ndarray] | None
    draw_pauses: Callable[[np.random.Generator, int], np.ndarray] | None
    num_forms: int

    def epoch(self, epoch: int) -> Draws:
        """What one epoch draws."""
        voices = factors = forms = pauses = None
        if self.choices > 1:
            voices = np.empty(self.count, np.min_scalar_type(self.choices))
        if self.draw_factors is not None:
            factors = np.empty(self.count)
        if self.num_forms:
            forms = np.empty(self.count, np.min_scalar_type(self.num_forms))
        if self.draw_pauses is not None:
            pauses = np.empty((self.count, 3), np.int32)
        for number, rows in blocks(self.count):
            size = rows.stop - rows.start
            if voices is not None:
                rng = generator(Stream.SYNTHETIC, self.seed, epoch, number)
                voices[rows] = rng.integers(self.choices, size=size)
            if factors is not None and self.draw_factors is not None:
                rng = generator(Stream.SPEED, self.seed, epoch, number)
                factors[rows] = self.draw_factors(rng, size)
            if forms is not None:
                rng = generator(Stream.FORMS, self.seed, epoch, number)
                forms[rows] = rng.integers(self.num_forms, size=size)
            if pauses is not None:
                form = None if forms is None else forms[rows]
                pauses[rows] = self._pauses(epoch, form, number, size)
        return Draws(self.count, epoch, voices, factors, forms, pauses)

    def _pauses(self, epoch: int, forms: np.ndarray | None, number: int, size: int) -> np.ndarray:
        assert self.draw_pauses is not None
        if forms is None:
            return self.draw_pauses(generator(Stream.PAUSES, self.seed, epoch, number), size)
        pauses = np.zeros((size, 3), np.int32)
        for form in range(self.num_forms):
            rng = generator(Stream.PAUSES, self.seed, form, number)
            pauses[forms == form] = self.draw_pauses(rng, size)[forms == form]
        return pauses
