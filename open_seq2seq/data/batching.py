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

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from open_seq2seq.data.batch_sizes import equal_sizes, limited_sizes
from open_seq2seq.data.bucket_lengths import optimal_lengths
from open_seq2seq.data.drawn_order import increasing
from open_seq2seq.data.draws import Drawing, Stream, blocks, generator
from open_seq2seq.data.epoch_plan import CountFrames, EpochPlan
from open_seq2seq.data.windows import Windows
from open_seq2seq.errors import InputError, Problem

# Bucket lengths are fitted to at least so many (possibly speed-perturbed) lengths, and to at most
# so many of them where they are drawn.
_FIT_SAMPLES = 4096
_MOST_DRAWN = 1 << 20


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
      shard_ends: [shard] the row behind each shard's last: batches are made within windows of the
        shards behind each other (`windows`); None: of the whole corpus.
      shuffle_buffer: utterances of a window.

    Raises:
      InputError: no utterances, or one longer than `max_batch_frames`.
    """

    samples: np.ndarray
    count_frames: CountFrames
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
    shard_ends: np.ndarray | None = None
    shuffle_buffer: int = 0
    bucket_lengths: np.ndarray = field(init=False)
    sizes: np.ndarray = field(init=False)
    _drawing: Drawing = field(init=False, repr=False)
    _windows: Windows | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = len(self.samples)
        if count == 0:
            problem = Problem("dataset_files", "no utterances", "at least one")
            raise InputError("The data cannot be batched:", [problem])
        self._drawing = Drawing(
            count,
            self.samples.shape[1],
            self.seed,
            self.draw_speed_factors,
            self.draw_pauses,
            self.num_forms,
        )
        self._windows = None
        if self.shard_ends is not None:
            # Whole batches, so that only the last window has a smaller one.
            size = max(self.shuffle_buffer // self.batch_limit, 1) * self.batch_limit
            limited = self.max_batch_frames is not None
            self._windows = Windows(self.shard_ends, size, self.seed, self.shuffle, limited)
        longest = self._longest()
        self.bucket_lengths = self._fit_buckets(longest)
        self.sizes = self._batch_sizes(longest)
        fixed = not self.shuffle and not self._varies and self.max_batch_frames is None
        if fixed and self._windows is None:
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
        draws = self._drawing.epoch(epoch)
        # Only what the order depends on is kept: which bucket, or how long.
        highest = len(self.bucket_lengths) if self.shuffle else self.bucket_lengths[-1]
        keys = np.empty(count, np.min_scalar_type(highest))
        total_frames = 0
        for _, rows in blocks(count):
            drawn = draws.of(rows)
            recorded = self.samples[rows][np.arange(len(drawn.voices)), drawn.voices]
            pauses = drawn.pauses.sum(axis=1)
            frames = self.count_frames(recorded.astype(np.int64), drawn.factors, pauses)
            total_frames += int(frames.sum())
            keys[rows] = np.searchsorted(self.bucket_lengths, frames) if self.shuffle else frames
        rng = generator(Stream.ORDER, self.seed, epoch)
        sizes = self.sizes
        if self._windows is not None:
            sort_batches = epoch < self.sorted_epochs
            order, steps = self._windows.order(epoch, keys, sizes, sort_batches)
        elif self.shuffle:
            order = _in_random_order(keys, len(self.bucket_lengths), rng)
            if self.max_batch_frames is None:
                # The smaller batch falls on another length each time.
                sizes = np.roll(sizes, int(rng.integers(len(sizes))))
            steps = rng.permutation(len(sizes))
            if epoch < self.sorted_epochs:
                steps.sort()
        else:
            order = np.argsort(keys, kind="stable").astype(_row_type(count))
        ends = np.cumsum(sizes)
        last = keys[order[ends - 1]]
        if not self.shuffle:
            last = np.searchsorted(self.bucket_lengths, last)
            if self._windows is None:
                steps = np.argsort(np.minimum.reduceat(order, ends - sizes))
        return EpochPlan(
            samples=self.samples,
            count_frames=self.count_frames,
            draws=draws,
            order=order,
            ends=ends,
            lengths=self.bucket_lengths[last],
            steps=steps[self._taken],
            total_frames=total_frames,
            rank=0 if self.takes_whole_batches else self.rank,
            world_size=1 if self.takes_whole_batches else self.world_size,
        )

    def padded_length(self, frames: int) -> int:
        """The smallest bucket length that holds `frames`."""
        fitting = self.bucket_lengths[self.bucket_lengths >= frames]
        multiple = max(self.pad_to, 1)
        return int(fitting[0]) if len(fitting) else -(-frames // multiple) * multiple

    @property
    def _taken(self) -> slice:
        """Which of an epoch's batches this worker has a part in, in their order."""
        return slice(self.rank, None, self.world_size) if self.takes_whole_batches else slice(None)

    @property
    def _shares(self) -> int:
        """How many devices divide a batch."""
        return 1 if self.takes_whole_batches else self.world_size * self.devices

    def _longest(self) -> np.ndarray:
        """[utterance] frames at the longest factor and pauses."""
        longest = np.empty(len(self.samples), np.int32)
        for _, rows in blocks(len(self.samples)):
            samples = self.samples[rows].max(axis=1).astype(np.int64)
            factors = np.full(len(samples), self.longest_factor)
            pauses = np.full(len(samples), self.longest_pauses)
            longest[rows] = self.count_frames(samples, factors, pauses)
        return longest

    def _fit_buckets(self, longest: np.ndarray) -> np.ndarray:
        """Bucket lengths with the least padding for the lengths that epochs will have."""
        if not self._varies:
            return self._optimal_lengths(longest)
        samples = self.samples.reshape(-1)
        draws = self.draw_speed_factors is not None or self.draw_pauses is not None
        if draws:
            samples = np.tile(samples, -(-_FIT_SAMPLES // len(samples)))
        samples = samples[:: -(-len(samples) // _MOST_DRAWN)].astype(np.int64)
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
        if self.max_batch_frames is None:
            return equal_sizes(len(longest), self.batch_limit)
        buckets = np.searchsorted(self.bucket_lengths, longest)
        counts = np.bincount(buckets, minlength=len(self.bucket_lengths))
        most = int(self.bucket_lengths[np.flatnonzero(counts)[-1]])
        if most > self.max_batch_frames:
            found = f"room for {self.max_batch_frames} frames"
            expected = f"at least {most}, the padded length of the longest utterance"
            remedy = "Raise it, or leave the longest ones out with max_duration."
            problem = Problem("max_batch_duration", found, expected, remedy)
            raise InputError("The data cannot be batched:", [problem])
        if self._windows is None:
            return self._limited_sizes(counts)
        rows, size = self._windows.rows(0), self._windows.size
        windows = [buckets[rows[start : start + size]] for start in range(0, len(rows), size)]
        number = len(self.bucket_lengths)
        return np.concatenate(
            [self._limited_sizes(np.bincount(one, minlength=number)) for one in windows]
        )

    def _limited_sizes(self, counts: np.ndarray) -> np.ndarray:
        """Sizes of batches of so many utterances of each bucket."""
        assert self.max_batch_frames is not None
        there = counts > 0
        limits = self.batch_size, self.max_batch_frames, self._shares
        return limited_sizes(self.bucket_lengths[there], counts[there], *limits)


def _in_random_order(buckets: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """The rows by bucket, and in a random order within each."""
    random = rng.random(len(buckets))
    order = np.empty(len(buckets), _row_type(len(buckets)))
    start = 0
    # A bucket at a time: sorting all at once takes three times the memory.
    for bucket in range(number):
        rows = np.flatnonzero(buckets == bucket)
        order[start : start + len(rows)] = rows[increasing(random[rows])]
        start += len(rows)
    return order


def _row_type(count: int) -> type[np.integer[Any]]:
    return np.int32 if count < 1 << 31 else np.int64
