"""An epoch's batches, and what of them one worker takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from open_seq2seq.data.draws import Draws

# (samples [n], speed factors [n], samples of pauses [n]) -> frames [n].
CountFrames = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


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

    Frames are counted again for the rows of a batch: kept for all, they would be most of the plan.

    Args:
      samples: [utterance, voice] recorded lengths.
      count_frames: from these to frames.
      draws: what the epoch has drawn.
      order: [utterance] rows, batch after batch.
      ends: [batch] where each batch ends in `order`.
      lengths: [batch] frames each is padded to.
      steps: [step] which batch each of the worker's steps takes.
      total_frames: of all utterances.
      rank, world_size: the worker takes rows[rank::world_size] of each batch.
    """

    samples: np.ndarray
    count_frames: CountFrames
    draws: Draws
    order: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray
    steps: np.ndarray
    total_frames: int
    rank: int = 0
    world_size: int = 1

    def __len__(self) -> int:
        return len(self.steps)

    def batch(self, step: int) -> PlannedBatch:
        """The worker's part of the batch at `step`, in constant time."""
        position = self.steps[step]
        start = self.ends[position - 1] if position else 0
        whole = self.order[start : self.ends[position]].astype(np.int64)
        is_padding = self.rank >= len(whole)
        rows = whole[:1] if is_padding else whole[self.rank :: self.world_size]
        return self._planned(rows, int(self.lengths[position]), is_padding)

    def alone(self, row: int) -> PlannedBatch:
        """One utterance as a batch without padding."""
        return self._planned(np.array([row]), None)

    def _planned(
        self, rows: np.ndarray, length: int | None, is_padding: bool = False
    ) -> PlannedBatch:
        drawn = self.draws.of(rows)
        recorded = self.samples[rows, drawn.voices].astype(np.int64)
        frames = self.count_frames(recorded, drawn.factors, drawn.pauses.sum(axis=1))
        return PlannedBatch(
            rows=rows,
            voices=drawn.voices,
            speed_factors=drawn.factors,
            forms=drawn.forms,
            pauses=drawn.pauses,
            length=int(frames.max()) if length is None else length,
            frames=frames,
            is_padding=is_padding,
        )

    @property
    def padding_share(self) -> float:
        """The part of all workers' batches that is padding: 1 - frames / padded frames.

        Padding batches are not in it.
        """
        sizes = np.diff(self.ends, prepend=0)
        return 1.0 - float(self.total_frames) / float(sizes @ self.lengths)
