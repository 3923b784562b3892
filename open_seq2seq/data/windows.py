"""The order of an epoch over shards: read from front to back, mixed within windows.

Whole shards come in random order; behind each other they are cut into windows of so many
utterances, and batches are made of one window's by length. So what is read at a time lies together,
as with WebDataset's shuffle of shards and its buffer, while each epoch has every utterance once and
any batch of it is known without the ones before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from open_seq2seq.data.draws import Stream, generator


@dataclass(frozen=True)
class Windows:
    """Cuts a corpus of shards into windows.

    Args:
      shard_ends: [shard] the row behind each shard's last.
      size: utterances of a window.
      seed: of the order of the shards.
      shuffle: else shards stay in their order.
      same_each_epoch: the windows have the same rows in all epochs (their order is drawn), because
        the sizes of their batches depend on these.
    """

    shard_ends: np.ndarray
    size: int
    seed: int
    shuffle: bool
    same_each_epoch: bool

    def rows(self, epoch: int) -> np.ndarray:
        """All rows in the order in which shards are read, int32 where that holds them."""
        count = int(self.shard_ends[-1])
        kind = np.int32 if count < 1 << 31 else np.int64
        if not self.shuffle:
            return np.arange(count, dtype=kind)
        rng = generator(Stream.SHARDS, self.seed, 0 if self.same_each_epoch else epoch)
        starts = np.concatenate([[0], self.shard_ends[:-1]])
        rows = np.empty(count, kind)
        place = 0
        for shard in rng.permutation(len(starts)):
            start, end = int(starts[shard]), int(self.shard_ends[shard])
            rows[place : place + end - start] = np.arange(start, end)
            place += end - start
        return rows

    def order(
        self, epoch: int, keys: np.ndarray, sizes: np.ndarray, sort_batches: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows batch after batch, and the order in which batches are taken.

        Args:
          keys: [utterance] which bucket, or with `shuffle` off how long.
          sizes: [batch] of the windows' batches, behind each other.
          sort_batches: those of a window come from the shortest to the longest.
        """
        rows, ends = self.rows(epoch), np.cumsum(sizes)
        rng = generator(Stream.ORDER, self.seed, epoch)
        steps, first = [], 0
        for start in range(0, len(rows), self.size):
            window = rows[start : start + self.size]
            if self.shuffle:
                places = np.lexsort((rng.random(len(window)), keys[window]))
            else:
                places = np.argsort(keys[window], kind="stable")
            window[:] = window[places]
            behind = int(np.searchsorted(ends, start + len(window))) + 1
            batches = np.arange(first, behind)
            if not self.shuffle:
                begins = ends[batches] - sizes[batches] - start
                batches = batches[np.argsort(np.minimum.reduceat(window, begins))]
            elif not sort_batches:
                batches = rng.permutation(batches)
            steps.append(batches)
            first = behind
        if self.shuffle and self.same_each_epoch:
            steps = [steps[number] for number in rng.permutation(len(steps))]
        return rows, np.concatenate(steps)
