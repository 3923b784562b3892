"""Losses and gradients that are not finite: named, counted, and limited."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import RunError
from open_seq2seq.training.console import say

_WINDOW = 1000
_SHOWN = 10


class NonFiniteGuard:
    """Watches every step; an utterance it finds is in `nonfinite.csv` by name.

    The loss leaves such utterances out of the step's mean and gradient; a step whose
    gradient norm is not finite changes no weight.

    Args:
      log_file: where they are written, one line each; made when the first is found.
      utterances: the data set, for names.
      max_share: `check` raises when more of the last 1000 utterances than this share
        were affected.
    """

    def __init__(self, log_file: Path, utterances: Sequence[Utterance], max_share: float):
        self.log_file, self.utterances, self.max_share = log_file, utterances, max_share
        self.count = 0
        self._recent: deque[bool] = deque(maxlen=_WINDOW)

    def check(
        self, step: int, indices: np.ndarray, losses: np.ndarray, gradient_norm: float
    ) -> None:
        """Looks at one step.

        Args:
          indices, losses: `[batch]` rows of the data set and their losses.

        Raises:
          RunError: too many utterances were affected.
        """
        bad = ~np.isfinite(losses)
        if not np.isfinite(gradient_norm):
            bad[:] = True
        self._recent.extend(bad.tolist())
        if not bad.any():
            return
        rows = [
            (self.utterances[index].name, float(loss))
            for index, loss in zip(indices[bad].tolist(), losses[bad])
        ]
        self._write(step, rows, gradient_norm)
        for name, loss in rows[: max(_SHOWN - self.count, 0)]:
            say(f"Step {step}: loss {loss}, gradient norm {gradient_norm:g} at {name}: left out.")
        self.count += len(rows)
        share = sum(self._recent) / _WINDOW
        if share > self.max_share:
            names = ", ".join(name for name, _ in rows[:_SHOWN])
            raise RunError(
                f"Training stopped at step {step}: {sum(self._recent)} of the last {_WINDOW} "
                f"utterances had a loss or gradient that is not finite, more than "
                f"max_nonfinite_share={self.max_share:g} allows. The last ones: {names}. "
                f"All are listed in {self.log_file}. Lower the learning rate, clip with "
                "max_grad_norm, or remove recordings whose transcript does not fit."
            )

    def _write(self, step: int, rows: Sequence[tuple[str, float]], norm: float) -> None:
        is_new = not self.log_file.exists()
        with open(self.log_file, "a", encoding="utf-8") as file:
            if is_new:
                file.write("step,wav_filename,loss,gradient_norm\n")
            file.writelines(f"{step},{name},{loss},{norm}\n" for name, loss in rows)
