"""Recordings that a model is quantised with, and what quantising did to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes import LoadedModel
from open_seq2seq.inference.runtimes.session import NUM_SAMPLES, SAMPLES

# Whose divergence is measured: enough, and fast.
_MEASURED = 16


@dataclass(frozen=True)
class Calibration:
    """Recordings of training, on which ranges of values and losses are measured.

    Args:
      model: the trained model.
      recordings: `[n]` float32 each, of several lengths, at the model's rate.
    """

    model: TrainedModel
    recordings: tuple[np.ndarray, ...]

    @cached_property
    def log_probs(self) -> list[np.ndarray]:
        """What the trained model says of the first recordings, `[time, class]` each."""
        return [self.model.log_probs(samples) for samples in self.recordings[:_MEASURED]]

    def divergence(self, path: Path, runtime: str) -> float:
        """That of a model's file; see `divergence_of`.

        Args:
          path: the model's file.
          runtime: a name of `RUNTIMES`.
        """
        return self.divergence_of(LoadedModel(path, runtime).log_probs)

    def divergence_of(self, log_probs: Callable[[np.ndarray], np.ndarray]) -> float:
        """How far a model's probabilities are from those of the trained one.

        Args:
          log_probs: the model: samples `[n]` -> `[time, class]`.

        Returns:
          The Kullback-Leibler divergence, in nats: the mean over all frames.
        """
        parts = [
            (np.exp(expected) * (expected - log_probs(samples))).sum(axis=-1)
            for expected, samples in zip(self.log_probs, self.recordings)
        ]
        return float(np.concatenate(parts).mean())


def inputs_of(samples: np.ndarray) -> dict[str, np.ndarray]:
    """What a model takes of one recording `[n]`, by name."""
    return {SAMPLES: samples[None], NUM_SAMPLES: np.array([len(samples)], np.int32)}
