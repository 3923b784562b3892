"""Batches: what a data layer hands to a training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features.waveforms import Waveforms


class Unit(NamedTuple):
    """What data is measured in: seconds of audio, or tokens.

    Args:
      short: after a speed in a line, "s audio" in `12 s audio/s`.
      plural: in a sentence.
      tag: in the names of summaries.
    """

    short: str
    plural: str
    tag: str


class LeftOut(NamedTuple):
    """An utterance whose recording could not be read when its turn came.

    Args:
      row: in the data layer's `utterances`.
      problem: what is wrong with the recording; `where` is the manifest's row.
    """

    row: int
    problem: Problem


@dataclass
class Batch:
    """Utterances of like length.

    Args:
      features: [batch, time, feature] float32, 0 past each length; or the `Waveforms` that the
        device computes them of (`features_on_device`).
      feature_lengths: [batch] int32, frames.
      labels: [batch, label] int32, 0 past each length; no labels in inference.
      label_lengths: [batch] int32.
      indices: [batch] int64, rows in the data layer's `utterances`.
      audio_seconds: recorded seconds in the batch; 0 in a padding batch.
      is_padding: there were fewer utterances than workers, and this is a copy of another worker's:
        it is there so that all workers take part in a step, and counts nothing. So is a batch of
        which no recording could be read: noise stands in its place.
      left_out: the planned utterances that are not in it, as they could not be read.
    """

    UNIT: ClassVar[Unit] = Unit("s audio", "seconds of audio", "audio_seconds")

    features: np.ndarray | Waveforms
    feature_lengths: np.ndarray
    labels: np.ndarray
    label_lengths: np.ndarray
    indices: np.ndarray
    audio_seconds: float
    is_padding: bool = False
    left_out: Sequence[LeftOut] = ()

    @property
    def arrays(self) -> tuple[Any, ...]:
        """Inputs and their lengths, labels and theirs: what a step takes."""
        return self.features, self.feature_lengths, self.labels, self.label_lengths

    @property
    def units(self) -> float:
        """How much data it is, in `UNIT`s: a padding batch has none."""
        return self.audio_seconds


@dataclass
class TextBatch:
    """Lines of text of like length.

    Args:
      tokens: [batch, time] int32, what the model is given at each step: the line's first token
        is the beginning's; 0 past each length.
      targets: [batch, time] int32, the token after each of them, the line's last the end's.
      lengths: [batch] int32, tokens of a line with its end.
      indices: [batch] int64, rows in the data layer's `utterances`.
      is_padding: as `Batch.is_padding`.
    """

    UNIT: ClassVar[Unit] = Unit("tokens", "tokens", "tokens")

    tokens: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray
    indices: np.ndarray
    is_padding: bool = False
    left_out: ClassVar[Sequence[LeftOut]] = ()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """As `Batch.arrays`."""
        return self.tokens, self.lengths, self.targets, self.lengths

    @property
    def units(self) -> float:
        """How much data it is, in `UNIT`s: a padding batch has none."""
        return 0.0 if self.is_padding else float(self.lengths.sum())
