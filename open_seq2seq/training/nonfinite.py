"""Losses and gradients that are not finite: named, counted, and limited."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.text_line import TextLine
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import RunError
from open_seq2seq.files import append_text, csv_line

_log = logging.getLogger(__name__)


_WINDOW = 1000
_SHOWN = 10


class NonFiniteGuard:
    """Watches every step; an utterance it finds is in `nonfinite.csv` by name.

    The loss leaves such utterances out of the step's mean and gradient; a step whose
    gradient norm is not finite changes no weight.

    Args:
      log_file: where they are written, one line each; made when the first is found.
      utterances: the data set, for names.
      max_share: `check` raises when more of the last 1000 utterances (of each worker) than
        this share were affected.
      group: those that train together; the first one writes for all.
    """

    def __init__(
        self,
        log_file: Path,
        utterances: Sequence[Utterance | TextLine],
        max_share: float,
        group: ProcessGroup = ALONE,
    ):
        self.log_file, self.utterances, self.max_share = log_file, utterances, max_share
        self.group = group
        self.count = 0
        self._recent: deque[bool] = deque(maxlen=_WINDOW)

    def check(
        self,
        step: int,
        indices: np.ndarray,
        losses: np.ndarray,
        gradient_norm: float,
        bad_in_all: float | None = None,
    ) -> None:
        """Looks at one step.

        Args:
          indices, losses: `[batch]` this worker's rows of the data set and their losses.
          gradient_norm: the norm that decides whether the weights change.
          bad_in_all: losses of all workers that are not finite; None: as in `losses`.

        Raises:
          RunError: too many utterances were affected.
        """
        bad = ~np.isfinite(losses)
        if not np.isfinite(gradient_norm):
            bad[:] = True
        self._recent.extend(bad.tolist())
        any_bad = bad.any() if bad_in_all is None else bad_in_all > 0
        # The same in all workers, so that they meet in what follows.
        if not any_bad and np.isfinite(gradient_norm):
            return
        own = [
            (self.utterances[index].name + self.utterances[index].segment, float(loss))
            for index, loss in zip(indices[bad].tolist(), losses[bad])
        ]
        gathered = self.group.gather((own, sum(self._recent)))
        rows = [row for of_worker, _ in gathered for row in of_worker]
        affected = sum(count for _, count in gathered)
        if self.group.is_rank_zero:
            self._write(step, rows, gradient_norm)
        for name, loss in rows[: max(_SHOWN - self.count, 0)]:
            _log.info(
                f"Step {step}: loss {loss}, gradient norm {gradient_norm:g} at {name}: left out."
            )
        self.count += len(rows)
        window = _WINDOW * self.group.size
        if affected / window > self.max_share:
            names = ", ".join(name for name, _ in rows[:_SHOWN])
            message = (
                f"Training stopped at step {step}: {affected} of the last {window} "
                f"utterances had a loss or gradient that is not finite, more than "
                f"max_nonfinite_share={self.max_share:g} allows. The last ones: {names}. "
                f"All are listed in {self.log_file}. Lower the learning rate, clip with "
                "max_grad_norm, or remove recordings whose transcript does not fit."
            )
            raise self.group.stop(RunError(message))

    def _write(self, step: int, rows: Sequence[tuple[str, float]], norm: float) -> None:
        header = "" if self.log_file.exists() else "step,wav_filename,loss,gradient_norm\n"
        lines = (csv_line((step, name, loss, norm)) for name, loss in rows)
        append_text(self.log_file, header + "".join(lines))
