"""How fast training goes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from open_seq2seq.data.batch import Batch, Unit


class StepTimer:
    """Times of steps: the mean over all from `bench_start` on, and a recent one.

    Args:
      bench_start: the first step of this run that counts for the mean.
      unit: what data is measured in.
      clock: seconds; for tests.
    """

    def __init__(
        self,
        bench_start: int,
        clock: Callable[[], float] = time.monotonic,
        unit: Unit = Batch.UNIT,
    ):
        self._bench_start, self._clock, self.unit = bench_start, clock, unit
        self._steps = 0
        self._total = self._total_units = 0.0
        self._recent: list[tuple[float, float]] = []
        self._interval: list[float] = []
        self._last_end = clock()

    def skip(self) -> None:
        """What happened since the last step (evaluation, a checkpoint) does not count."""
        self._last_end = self._clock()

    def end_step(self, units: float) -> None:
        """A step ended; it began when the last one ended, so loading is included."""
        now = self._clock()
        elapsed = now - self._last_end
        self._last_end = now
        self._steps += 1
        self._recent = [*self._recent[-19:], (elapsed, units)]
        self._interval.append(elapsed)
        if self._steps > self._bench_start:
            self._total += elapsed
            self._total_units += units

    def rate(self) -> float:
        """Data per second, recently: seconds of audio, or tokens."""
        elapsed = sum(t for t, _ in self._recent)
        return sum(a for _, a in self._recent) / elapsed if elapsed else 0.0

    def recent_speed(self) -> str:
        elapsed = sum(t for t, _ in self._recent)
        steps = len(self._recent) / elapsed if elapsed else 0.0
        return f"{steps:.2f} steps/s  {self.rate():.0f} {self.unit.short}/s"

    def interval_text(self) -> str:
        """Mean time per step since the last call, `h:mm:ss.mmm`."""
        mean = float(np.mean(self._interval)) if self._interval else 0.0
        self._interval = []
        return f"{int(mean // 3600)}:{int(mean // 60 % 60):02d}:{mean % 60:06.3f}"

    def summary(self) -> str | None:
        """The mean time of a step; None: there were no more than `bench_start`."""
        timed = self._steps - self._bench_start
        if timed <= 0:
            return None
        return (
            f"Avg time per step: {self._total / timed:.3f} s, "
            f"{self._total_units / self._total:.0f} {self.unit.plural} per second "
            f"(over {timed} steps, loading included)."
        )
