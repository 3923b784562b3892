"""The plan of an epoch: which utterances form which batch, padded to which length.

Utterances of like length share a batch, and a batch is padded to one of a few bucket
lengths, so little is computed on padding and a model sees few different shapes. All
randomness comes from (seed, epoch): any batch of any epoch is found without
going through the ones before it, and every worker derives the same plan.

One epoch has every utterance exactly once. Several workers share a plan in one of two ways:

* in training, N devices (of all workers together) with batch size B have the plan of one device
  with batch size N * B. Worker r of n gets rows[r::n] of each batch, and all pad it to the same
  length and take as many steps. Where a batch has fewer rows than there are workers (the last of
  an epoch, or of the longest utterances under a limit on the duration; or there are fewer
  utterances than workers), the others get a copy of its first row as padding, which takes part
  in the step and counts nothing;
* in evaluation worker r of n takes the whole batches r::n of the plan of one device.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from open_seq2seq.errors import InputError, Problem

# More candidates for bucket lengths than these would not make the padding less.
_MAX_CANDIDATES = 512
# Bucket lengths are fitted to at least so many (possibly speed-perturbed) lengths.
_FIT_SAMPLES = 4096


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


def generator(stream: Stream, seed: int, epoch: int = 0, index: int = 0) -> np.random.Generator:
    """The random generator of (stream, seed, epoch, index)."""
    # Negative seeds are allowed in configs, not in NumPy.
    return np.random.default_rng([stream, seed % 2**64, epoch, index])


@dataclass(frozen=True)
class PlannedBatch:
    """One batch.

    Args:
      rows: [batch] int64, rows in the corpus.
      voices: [batch] int64, which synthetic voice; 0 where there is no choice.
      speed_factors: [batch] float64, length change of each utterance.
      forms: [batch] int64, which form of the utterance's augmentation it is.
      pauses: [batch, 3] int64, samples of silence before, within and after the utterance.
      length: frames that the batch is padded to.
      frames: [batch] int64, the planned frames of each utterance.
      is_padding: the batch is a copy of another worker's row, because there is none for this one.
    """

    rows: np.ndarray
    voices: np.ndarray
    speed_factors: np.ndarray
    forms: np.ndarray
    pauses: np.ndarray
    length: int
    frames: np.ndarray
    is_padding: bool = False


@dataclass(frozen=True)
class EpochPlan:
    """All batches of one epoch, and what of them one worker takes.

    Args:
      order: [utterance] rows, batch after batch.
      ends: [batch] where each batch ends in `order`.
      lengths: [batch] frames each is padded to.
      steps: [step] which batch each of the worker's steps takes.
      frames, voices, speed_factors, forms: [utterance], by row.
      pauses: [utterance, 3], by row.
      rank, world_size: the worker takes rows[rank::world_size] of each batch.
    """

    order: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray
    steps: np.ndarray
    frames: np.ndarray
    voices: np.ndarray
    speed_factors: np.ndarray
    forms: np.ndarray
    pauses: np.ndarray
    rank: int = 0
    world_size: int = 1

    def __len__(self) -> int:
        return len(self.steps)

    def batch(self, step: int) -> PlannedBatch:
        """The worker's part of the batch at `step`, in constant time."""
        position = self.steps[step]
        start = self.ends[position - 1] if position else 0
        whole = self.order[start : self.ends[position]]
        is_padding = self.rank >= len(whole)
        rows = whole[:1] if is_padding else whole[self.rank :: self.world_size]
        return self._planned(rows, int(self.lengths[position]), is_padding)

    def alone(self, row: int) -> PlannedBatch:
        """One utterance as a batch without padding."""
        return self._planned(np.array([row]), int(self.frames[row]))

    def _planned(self, rows: np.ndarray, length: int, is_padding: bool = False) -> PlannedBatch:
        return PlannedBatch(
            rows=rows,
            voices=self.voices[rows],
            speed_factors=self.speed_factors[rows],
            forms=self.forms[rows],
            pauses=self.pauses[rows],
            length=length,
            frames=self.frames[rows],
            is_padding=is_padding,
        )

    @property
    def padding_share(self) -> float:
        """The part of all workers' batches that is padding: 1 - frames / padded frames.

        Padding batches are not in it.
        """
        sizes = np.diff(self.ends, prepend=0)
        return 1.0 - float(self.frames.sum()) / float(sizes @ self.lengths)


@dataclass
class BatchPlanner:
    """Plans epochs.

    Args:
      samples: [utterance, voice] int, recorded lengths; the synthetic voices of an utterance are
        the recordings that may stand for it (one column where there is no choice).
      count_frames: (samples [n], speed factors [n], samples of pauses [n]) -> frames [n].
      batch_size: utterances in a device's share of a batch, at most.
      max_batch_frames: padded frames in a device's share of a batch, at most, even if all
        utterances get the longest speed factor and pauses; None: no limit.
      num_buckets: number of lengths that batches are padded to, at most.
      pad_to: bucket lengths are multiples of it (0 as 1).
      rank, world_size: this worker's number, from 0, and how many there are.
      devices: how many each worker has, which divide its rows among them.
      takes_whole_batches: workers take batches of one device in turn, as in evaluation, and may
        have different numbers of them, or none; otherwise each batch is dealt to all workers.
      shuffle: random batches in random order; otherwise batches by length in the order of
        the first rows in them.
      sorted_epochs: so many first epochs take their batches from the shortest utterances to the
        longest (SortaGrad, Amodei et al. 2015, arXiv:1512.02595, section 3.2); only with shuffle.
      draw_speed_factors: (rng, n) -> factors [n]; None: no speed perturbation.
      longest_factor: the upper bound of these factors.
      draw_pauses: (rng, n) -> samples of silence [n, 3]; None: no pauses.
      longest_pauses: the upper bound of an utterance's pauses together, in samples.
      num_forms: number of forms of an utterance, each with pauses of its own; 0: a new one in
        every epoch.

    Raises:
      InputError: no utterances, or one longer than `max_batch_frames`.
    """

    samples: np.ndarray
    count_frames: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    batch_size: int
    max_batch_frames: int | None = None
    num_buckets: int = 8
    pad_to: int = 8
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    devices: int = 1
    takes_whole_batches: bool = False
    shuffle: bool = True
    sorted_epochs: int = 0
    draw_speed_factors: Callable[[np.random.Generator, int], np.ndarray] | None = None
    longest_factor: float = 1.0
    draw_pauses: Callable[[np.random.Generator, int], np.ndarray] | None = None
    longest_pauses: int = 0
    num_forms: int = 0
    bucket_lengths: np.ndarray = field(init=False)
    sizes: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.samples)
        if count == 0:
            problem = Problem("dataset_files", "no utterances", "at least one")
            raise InputError("The data cannot be batched:", [problem])
        factors, pauses = np.full(count, self.longest_factor), np.full(count, self.longest_pauses)
        longest = self.count_frames(self.samples.max(axis=1), factors, pauses)
        self.bucket_lengths = self._fit_buckets(longest)
        self.sizes = self._batch_sizes(longest)
        if not self.shuffle and not self._varies and self.max_batch_frames is None:
            # The batches are known: only their longest utterances count.
            batch_lengths = np.sort(longest)[np.cumsum(self.sizes) - 1]
            lengths = np.repeat(batch_lengths, self.sizes)
            self.bucket_lengths = self._optimal_lengths(lengths)

    @property
    def batches_per_epoch(self) -> int:
        """Batches of this worker in an epoch, the same in all epochs.

        It is the same for all workers too, unless they take whole batches.
        """
        return len(range(len(self.sizes))[self._taken])

    @property
    def batch_limit(self) -> int:
        """Utterances in a batch, all workers' and devices' shares together, at most."""
        return self.batch_size * self._shares

    def epoch(self, epoch: int) -> EpochPlan:
        """The plan of one epoch for this worker."""
        count = len(self.samples)
        voices, factors = self._draw(epoch)
        forms, pauses = self._draw_forms(epoch)
        recorded = self.samples[np.arange(count), voices]
        frames = self.count_frames(recorded, factors, pauses.sum(axis=1))
        buckets = np.searchsorted(self.bucket_lengths, frames)
        rng = generator(Stream.ORDER, self.seed, epoch)
        sizes = self.sizes
        if self.shuffle:
            order = np.lexsort((rng.random(count), buckets))
            if self.max_batch_frames is None:
                # The smaller batch falls on another length each time.
                sizes = np.roll(sizes, int(rng.integers(len(sizes))))
            steps = rng.permutation(len(sizes))
            if epoch < self.sorted_epochs:
                steps.sort()
        else:
            order = np.lexsort((np.arange(count), frames))
        ends = np.cumsum(sizes)
        if not self.shuffle:
            steps = np.argsort(np.minimum.reduceat(order, ends - sizes))
        return EpochPlan(
            order=order,
            ends=ends,
            lengths=self.bucket_lengths[buckets[order[ends - 1]]],
            steps=steps[self._taken],
            frames=frames,
            voices=voices,
            speed_factors=factors,
            forms=forms,
            pauses=pauses,
            rank=0 if self.takes_whole_batches else self.rank,
            world_size=1 if self.takes_whole_batches else self.world_size,
        )

    def padded_length(self, frames: int) -> int:
        """The smallest bucket length that holds `frames`."""
        fitting = self.bucket_lengths[self.bucket_lengths >= frames]
        return int(fitting[0]) if len(fitting) else int(_round_up(frames, max(self.pad_to, 1)))

    @property
    def _taken(self) -> slice:
        """Which of an epoch's batches this worker has a part in, in their order."""
        return slice(self.rank, None, self.world_size) if self.takes_whole_batches else slice(None)

    @property
    def _shares(self) -> int:
        """How many devices divide a batch."""
        return 1 if self.takes_whole_batches else self.world_size * self.devices

    def _draw(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws the voice and the speed factor of each utterance."""
        count, choices = self.samples.shape
        voices = np.zeros(count, np.int64)
        if choices > 1:
            rng = generator(Stream.SYNTHETIC, self.seed, epoch)
            voices[:] = rng.integers(choices, size=count)
        if self.draw_speed_factors is None:
            return voices, np.ones(count)
        rng = generator(Stream.SPEED, self.seed, epoch)
        return voices, self.draw_speed_factors(rng, count)

    def _draw_forms(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws the form of each utterance, and with it its pauses."""
        count = len(self.samples)
        forms = np.full(count, epoch)
        if self.num_forms:
            forms = generator(Stream.FORMS, self.seed, epoch).integers(self.num_forms, size=count)
        pauses = np.zeros((count, 3), np.int64)
        if self.draw_pauses is not None:
            for form in range(self.num_forms) if self.num_forms else [epoch]:
                drawn = self.draw_pauses(generator(Stream.PAUSES, self.seed, form), count)
                pauses[forms == form] = drawn[forms == form]
        return forms, pauses

    def _fit_buckets(self, longest: np.ndarray) -> np.ndarray:
        """Bucket lengths with the least padding for the lengths that epochs will have."""
        samples = self.samples.reshape(-1)
        if self.draw_speed_factors is not None or self.draw_pauses is not None:
            samples = np.tile(samples, -(-_FIT_SAMPLES // len(samples)))
        count, rng = len(samples), generator(Stream.BUCKETS, self.seed)
        factors, pauses = np.ones(count), np.zeros(count, np.int64)
        if self.draw_speed_factors is not None:
            factors = self.draw_speed_factors(rng, count)
        if self.draw_pauses is not None:
            pauses = self.draw_pauses(rng, count).sum(axis=1)
        lengths = self.count_frames(samples, factors, pauses)
        # One of them has to hold the longest utterance at its longest.
        with_longest = np.append(lengths, longest.max())
        return self._optimal_lengths(with_longest)

    def _optimal_lengths(self, lengths: np.ndarray) -> np.ndarray:
        return optimal_lengths(lengths, self.num_buckets, max(self.pad_to, 1))

    @property
    def _varies(self) -> bool:
        """Whether lengths differ from epoch to epoch."""
        draws = self.draw_speed_factors is not None or self.draw_pauses is not None
        return draws or self.samples.shape[1] > 1

    def _batch_sizes(self, longest: np.ndarray) -> np.ndarray:
        """Sizes of the batches, from the shortest utterances to the longest.

        They are chosen for utterances at their longest. The k-th shortest utterance of an
        epoch is never longer than the k-th shortest of these, so the limit holds always.
        """
        count = len(longest)
        if self.max_batch_frames is None:
            sizes = [self.batch_limit] * (count // self.batch_limit)
            sizes += [count % self.batch_limit] if count % self.batch_limit else []
        else:
            padded = np.sort(self.bucket_lengths[np.searchsorted(self.bucket_lengths, longest)])
            if padded[-1] > self.max_batch_frames:
                found = f"room for {self.max_batch_frames} frames"
                expected = f"at least {padded[-1]}, the padded length of the longest utterance"
                remedy = "Raise it, or leave the longest ones out with max_duration."
                problem = Problem("max_batch_duration", found, expected, remedy)
                raise InputError("The data cannot be batched:", [problem])
            sizes = _limited_sizes(padded, self.batch_size, self.max_batch_frames, self._shares)
        return np.array(sizes)


def optimal_lengths(lengths: np.ndarray, number: int, multiple: int) -> np.ndarray:
    """At most `number` lengths to pad to, such that padding `lengths` up adds least.

    Dynamic programming over the sorted distinct lengths (rounded up to `multiple`):
    cost[j] is the least total of padded frames for everything up to length j with k
    buckets, the last of which is j.

    Returns:
      Increasing multiples of `multiple`, the last of them at least `lengths.max()`.
    """
    step = multiple * -(-int(lengths.max()) // (multiple * _MAX_CANDIDATES))
    rounded = _round_up(np.maximum(lengths, 1), max(step, multiple))
    ends, counts = np.unique(rounded, return_counts=True)
    below = np.cumsum(counts)
    # [i, j]: padded frames of the lengths in (i, j] when they are padded to j.
    between = (below[None, :] - below[:, None]) * ends[None, :].astype(np.float64)
    between[np.tril_indices(len(ends))] = np.inf
    cost = below * ends.astype(np.float64)
    previous = []
    for _ in range(1, min(number, len(ends))):
        total = cost[:, None] + between
        previous.append(total.argmin(axis=0))
        cost = total.min(axis=0)
    chosen = [len(ends) - 1]
    for choice in reversed(previous):
        chosen.append(int(choice[chosen[-1]]))
    return ends[chosen[::-1]]


def _limited_sizes(padded: np.ndarray, batch_size: int, limit: int, shares: int) -> list[int]:
    """Cuts increasing padded lengths into batches to be divided into `shares`.

    The largest share has batch_size utterances at most, and longest x count within `limit`.
    """
    sizes = []
    start = 0
    while start < len(padded):
        window = padded[start : start + batch_size * shares]
        counts = np.arange(len(window)) // shares + 1  # of the largest share
        size = int(np.count_nonzero(window * counts <= limit))
        sizes.append(size)
        start += size
    return sizes


_Number = TypeVar("_Number", int, np.ndarray)


def _round_up(value: _Number, multiple: int) -> _Number:
    """`value` rounded up to a multiple of `multiple`."""
    rounded: _Number = -(-value // multiple) * multiple
    return rounded
