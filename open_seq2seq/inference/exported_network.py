"""The network of an exported model, front-end included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np


class SamplesModel(Protocol):
    """From the samples `[n]` of a recording to its log-probabilities: a `LoadedModel`."""

    def log_probs(self, samples: np.ndarray) -> np.ndarray:
        """`[time, class]` float32, the blank last."""


class ExportedNetwork:
    """A `Network` of samples; its logits are log-probabilities.

    Recordings are computed one by one, each at its own length: padding would cost more than a
    batch saves on a processor's cores.

    Args:
      model: what computes them.
    """

    def __init__(self, model: SamplesModel):
        self.model = model
        # How long it has computed, for benchmarks.
        self.seconds = 0.0

    def compute(
        self, inputs: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None
    ) -> tuple[list[np.ndarray], list[float | None]]:
        """See `Network`; inputs are samples `[n]`. There are no losses."""
        assert labels is None, "an exported network has no loss"
        started = time.perf_counter()
        logits = [self.model.log_probs(one) for one in inputs]
        self.seconds += time.perf_counter() - started
        return logits, [None] * len(inputs)
