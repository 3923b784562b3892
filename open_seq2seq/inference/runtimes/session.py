"""What every runtime makes of a model file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

# The tensors of every exported model, by these names in each format.
SAMPLES, NUM_SAMPLES, LOG_PROBS, LENGTHS = "samples", "num_samples", "log_probs", "lengths"


class Session(Protocol):
    """A model that a runtime has loaded; threads may share it.

    Its class is made from a path and a number of threads, and raises whatever its package does.
    `PACKAGE` is the name that is imported, `EXTRA` that of `pip install 'open-seq2seq[...]'`,
    "" where it always comes along.
    """

    PACKAGE: ClassVar[str]
    EXTRA: ClassVar[str]

    def __init__(self, path: Path, threads: int): ...

    def run(self, samples: np.ndarray, num_samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log-probabilities of recordings.

        Args:
          samples: `[batch, n]` float32, in one piece of memory.
          num_samples: `[batch]` int32, those that count.

        Returns:
          `log_probs` `[batch, time, class]` float32 and `lengths` `[batch]` int32.
        """
