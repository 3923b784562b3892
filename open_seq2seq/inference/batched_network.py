"""A network that takes batches of features: recordings of like length together, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from open_seq2seq.data.batch import Batch


class ForwardPass(Protocol):
    """A model's forward pass."""

    def logits(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""

    def logits_and_losses(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same, and the loss of each utterance `[batch]`."""


@dataclass
class BatchedNetwork:
    """A `Network` of features.

    Args:
      forward: what computes a batch.
      batch_size: recordings in a batch.
      most_padded_frames: padded frames in a batch, at most; None: no limit.
    """

    forward: ForwardPass
    batch_size: int
    most_padded_frames: int | None = None

    def compute(
        self, inputs: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None
    ) -> tuple[list[np.ndarray], list[float | None]]:
        """See `Network`; inputs are features `[time, feature]`."""
        logits: list[Any] = [None] * len(inputs)
        losses: list[float | None] = [None] * len(inputs)
        for rows in self._batches([len(one) for one in inputs]):
            own = [inputs[row] for row in rows]
            if labels is None:
                outputs, lengths = self.forward.logits(_batch(own))
            else:
                batch = _batch(own, [labels[row] for row in rows])
                outputs, lengths, values = self.forward.logits_and_losses(batch)
                for row, loss in zip(rows, values.tolist()):
                    losses[row] = loss
            for place, row in enumerate(rows):
                # A copy: a part of the batch would keep all of it in memory.
                logits[row] = outputs[place, : lengths[place]].copy()
        return logits, losses

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Rows that form a batch, from the shortest to the longest."""
        rows: list[int] = []
        for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
            frames = padded_length(lengths[row]) * (len(rows) + 1)
            too_many = self.most_padded_frames is not None and frames > self.most_padded_frames
            if len(rows) == self.batch_size or (rows and too_many):
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows


def padded_length(frames: int) -> int:
    """The frames that a batch with so many is padded to: few different ones, as shapes cost time.

    Eight lengths in each octave, and multiples of 16: at most an eighth of a batch is padding.
    """
    step = 1 << max((frames - 1).bit_length() - 4, 4)
    return -(-frames // step) * step


def _batch(features: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None) -> Batch:
    length = padded_length(max(len(one) for one in features))
    padded = np.zeros((len(features), length, features[0].shape[1]), np.float32)
    for row, one in zip(padded, features):
        row[: len(one)] = one
    lengths = np.array([len(one) for one in features], np.int32)
    labels = labels or [np.zeros(0, np.int32)] * len(features)
    label_lengths = np.array([len(one) for one in labels], np.int32)
    padded_labels = np.zeros((len(features), label_lengths.max(initial=0)), np.int32)
    for row, one in zip(padded_labels, labels):
        row[: len(one)] = one
    return Batch(padded, lengths, padded_labels, label_lengths, np.arange(len(features)), 0.0)
