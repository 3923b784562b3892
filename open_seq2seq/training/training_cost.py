"""What a training has cost so far, over all its sessions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from open_seq2seq.files import JsonObject


class TrainingCost:
    """Wall time and data of a training; a checkpoint holds it, so it goes on with the training.

    Time runs from the first step on (the model is built and the data checked by then), with the
    compilation of the step and the writing of checkpoints. What was lost by a kill, after the
    checkpoint that training goes on from, is not in it.

    Args:
      clock: seconds; for tests.

    Attributes:
      units: seconds of audio (or tokens) trained on, of all workers.
      sessions: how often training was started or continued.
      counted_from: the step that counting began at: not 0 where the first sessions left no record.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._before = 0.0
        self._started: float | None = None
        self.evaluation_seconds = 0.0
        self.units = 0.0
        self.sessions = 0
        self.counted_from = 0

    @property
    def seconds(self) -> float:
        """Wall time, evaluations included."""
        running = 0.0 if self._started is None else self._clock() - self._started
        return self._before + running

    def start(self) -> None:
        """A session begins."""
        self.sessions += 1
        self._started = self._clock()

    def stop(self) -> None:
        """A session ends."""
        self._before, self._started = self.seconds, None

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """The time of the block is that of an evaluation."""
        started = self._clock()
        try:
            yield
        finally:
            self.evaluation_seconds += self._clock() - started

    def state(self) -> JsonObject:
        """All of it, for a checkpoint; the names are those of all versions' checkpoints."""
        return {
            "seconds": self.seconds,
            "evaluation_seconds": self.evaluation_seconds,
            "amount": self.units,
            "sittings": self.sessions,
            "counted_from": self.counted_from,
        }

    def restore(self, state: JsonObject | None, step: int) -> None:
        """Goes on from a checkpoint.

        Args:
          state: what `state` returned; None: the checkpoint has none.
          step: the checkpoint's.
        """
        if state is None:
            self.counted_from = step
            return
        self._before = state["seconds"]
        self.evaluation_seconds = state["evaluation_seconds"]
        self.units, self.sessions = state["amount"], state["sittings"]
        self.counted_from = state["counted_from"]
