"""Recordings that cannot be read when their turn comes: left out, listed, counted, limited."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.data.batch import LeftOut
from open_seq2seq.data.checks import CheckReport
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import append_text

_log = logging.getLogger(__name__)


# Where recordings lie seems to be gone when half of so many could not be read.
_RECENT = 100
_GONE_SHARE = 0.5
_SHOWN = 10
_MET = "Left out when their turn came, as they could not be read:"


def recordings(count: int) -> str:
    """`1 recording`, `2 recordings`."""
    return f"{count} recording{'' if count == 1 else 's'}"


class LeftOutList:
    """The text file that lists a data set's rows that are left out, and why.

    Args:
      path: the file; None: nothing is written.
    """

    def __init__(self, path: Path | None):
        self.path = path

    def start(self, report: CheckReport, goes_on: bool = False) -> bool:
        """Writes what a data check found, in place of what is there.

        Args:
          goes_on: the run is continued: what was met before stays listed.

        Returns:
          Whether there is anything to list.
        """
        if self.path is None:
            return False
        met = self._met() if goes_on else []
        found = bool(report.problems or report.filtered)
        if not found and not met:
            self.path.unlink(missing_ok=True)  # an earlier run's
            return False
        report.write(self.path)
        self._append([_MET, *met] if met else [])
        return found

    def add(self, problems: Sequence[Problem], when: str) -> None:
        """Lists what was met, and when; what is listed already is not listed again."""
        if self.path is None:
            return
        met = self._met()
        listed = {line.rpartition(" (")[0] for line in met}
        new = [line for line in (f"  {problem}" for problem in problems) if line not in listed]
        if new:
            self._append([*([] if met else [_MET]), *(f"{line} ({when})" for line in new)])

    def _met(self) -> list[str]:
        if self.path is None or not self.path.exists():
            return []
        _, mark, met = self.path.read_text(encoding="utf-8", errors="replace").partition(
            f"{_MET}\n"
        )
        return met.splitlines() if mark else []

    def _append(self, lines: Sequence[str]) -> None:
        assert self.path is not None
        append_text(self.path, "".join(f"{line}\n" for line in lines))


class LeftOutGuard:
    """Counts the recordings that could not be read, each once; a run ends with too many.

    A batch is computed without them, and what is planned stays as it is: neither the other
    utterances nor the steps change. A recording that can be read in a later epoch is used then.

    Args:
      listed: where they are listed.
      what: "Training" or "Evaluation", for messages.
      count_all: utterances of the data set.
      max_share: of them, rounded up, may be left out.
      group: those that work together; the first one writes for all.
    """

    def __init__(
        self,
        listed: LeftOutList,
        what: str,
        count_all: int,
        max_share: float,
        group: ProcessGroup = ALONE,
    ):
        self.listed, self.what, self.count_all = listed, what, count_all
        self.max_share, self.group = max_share, group
        self._rows: set[int] = set()
        self._recent: deque[bool] = deque(maxlen=_RECENT)

    @property
    def count(self) -> int:
        """Utterances that were left out at least once."""
        return len(self._rows)

    def check_step(
        self, step: int, loaded: int, left_out: Sequence[LeftOut], in_all: float
    ) -> None:
        """Looks at a training step.

        Args:
          loaded: utterances of this worker's batch that could be read.
          left_out: those that could not.
          in_all: how many could not in all workers' batches.

        Raises:
          InputError: too many could not; at the other workers RankStopped.
        """
        self._recent.extend([False] * loaded + [True] * len(left_out))
        if not in_all:  # the same in all workers, so that they meet in what follows
            return
        gathered = self.group.gather((list(left_out), sum(self._recent)))
        recent = sum(count for _, count in gathered) / (_RECENT * self.group.size)
        self.add(f"step {step}", [one for of_worker, _ in gathered for one in of_worker])
        if recent > max(_GONE_SHARE, self.max_share):
            raise self._error(
                f"step {step}", f"{recent:.0%} of the last {_RECENT * self.group.size} recordings"
            )

    def add(self, when: str, left_out: Sequence[LeftOut]) -> None:
        """Lists recordings, at all workers with the same arguments.

        Args:
          when: `step 7`.

        Raises:
          InputError: they are too many now; at the other workers RankStopped.
        """
        new = list({one.row: one for one in left_out if one.row not in self._rows}.values())
        if self.group.is_rank_zero:
            self.listed.add([one.problem for one in new], when)
        for one in new[: max(_SHOWN - self.count, 0)]:
            _log.info(f"{self.what}, {when}: left out: {one.problem}")
        self._rows.update(one.row for one in new)
        # Of a small data set one is a large share.
        if self.count > math.ceil(self.max_share * self.count_all):
            raise self._error(when, f"{self.count} of {recordings(self.count_all)}")

    def _error(self, when: str, how_many: str) -> OpenSeq2SeqError:
        where = f" All are listed in {self.listed.path}." if self.listed.path else ""
        return self.group.stop(
            InputError(
                f"{self.what} stopped at {when}: {how_many} could not be read, more than "
                f"max_damaged_share={self.max_share:g} allows.{where} See whether the folders are "
                "still there and fetch damaged files again, or leave these rows out "
                "(scripts/check_data.py --write_clean writes the manifest without them)."
            )
        )
