"""What a training tells a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from open_seq2seq.tensors import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The two curves of a run.
TRAIN, EVAL = "train", "eval"


class Logger:
    """A backend for a run's figures, texts, pictures and sounds.

    What a backend has no place for it leaves out: docs/training.md has the table.
    `step` counts updates of the weights; `part` is `TRAIN` or `EVAL`.
    """

    def config(self, values: Mapping[str, Any]) -> None:
        """The parameters of the run, once."""

    def scalars(self, step: int, values: Mapping[str, float], part: str = TRAIN) -> None:
        """Figures by name."""

    def histograms(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """The distribution of each tensor, by name."""

    def text(self, step: int, name: str, text: str) -> None:
        """A text in Markdown."""

    def figure(self, step: int, name: str, figure: Figure) -> None:
        """A picture of matplotlib."""

    def audio(self, step: int, name: str, samples: np.ndarray, sample_freq: int) -> None:
        """A recording: `[n]` float32 in [-1, 1] at `sample_freq` Hz."""

    def flush(self) -> None:
        """Makes what was told visible to others now."""

    def close(self) -> None:
        """Ends the run; nothing is told afterwards."""
