"""What a run writes when it begins: nothing of a start that is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from open_seq2seq.checkpoints.best import mend_best
from open_seq2seq.commands.job import Job
from open_seq2seq.console import OutputCopy, say
from open_seq2seq.runs.record import store_old_style_logs, store_run
from open_seq2seq.runs.summary import mend_curve


class Start:
    """The beginning of a run, from its first check to its first batch.

    While it is entered, what there is to write is collected; `begin` writes it, once all checks
    have passed. With `--enable_logs` stdout and stderr are copied from the first line on.

    Args:
      job: what the command line asks for.
    """

    def __init__(self, job: Job):
        self.job = job
        self._writes = job.group.is_rank_zero and not job.flags.benchmark
        self._later: list[Callable[[], Any]] = []
        self._stack = ExitStack()
        self._copy: OutputCopy | None = None

    def __enter__(self) -> Start:
        if self._writes and self.job.flags.enable_logs:
            self._copy = self._stack.enter_context(OutputCopy())
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def later(self, write: Callable[[], Any]) -> None:
        """Has something written when the run begins; by the first worker only."""
        self._later.append(write)

    def begin(self) -> None:
        """Everything is checked: writes the run's record and what was asked for, at all workers.

        Raises:
          RunError: it cannot be written; at the other workers RankStopped.
        """
        self.job.group.run_on_rank_zero(self._begin)

    def _begin(self) -> None:
        if not self._writes:
            return
        job, root = self.job, self.job.logdir.root
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        store_run(root, stamp, job.config.path, job.arguments, job.filled)
        if self._copy is not None:
            store_old_style_logs(root, stamp, job.arguments, job.config.path)
            self._copy.keep(root, stamp)
        if job.trains:
            for note in [*mend_curve(job.logdir.checkpoints), *mend_best(job.logdir.best)]:
                say(note)
        for write in self._later:
            write()
