"""A worker that keeps the others waiting says so itself.

The others wait inside Horovod, whose stall inspector then names, at rank 0, the ranks that are
missing; what they are busy with only they know.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import TypeVar

from open_seq2seq.distributed.launch import launched
from open_seq2seq.messages import EVERY_RANK

_log = logging.getLogger(__name__)

Item = TypeVar("Item")

# Horovod's own setting, so that both speak at the same time; its default too.
SECONDS = "HOROVOD_STALL_CHECK_TIME_SECONDS"


def report_stalls(items: Iterator[Item], what: str) -> Iterator[Item]:
    """The same items; logs a line, with this worker's rank and host, while one is long awaited.

    Args:
      items: an iterator that works while it is asked for the next one.
      what: what it does then, "loading a batch".
    """
    seconds = float(os.environ.get(SECONDS, "60"))
    if launched().size == 1 or seconds <= 0:
        yield from items
        return
    try:
        while True:
            with _Watch(what, seconds):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


class _Watch:
    """Logs a line after so many seconds, and then each time that it has lasted twice as long."""

    def __init__(self, what: str, seconds: float):
        self._what, self._seconds = what, seconds
        self._started = time.monotonic()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        self._start(self._seconds)

    def __exit__(self, *_: object) -> None:
        assert self._timer is not None
        self._timer.cancel()

    def _start(self, wait: float) -> None:
        self._timer = threading.Timer(wait, self._report)
        self._timer.daemon = True
        self._timer.start()

    def _report(self) -> None:
        lasted = time.monotonic() - self._started
        line = f"{launched().name}: {self._what} takes {lasted:.0f} s already; the others wait."
        _log.log(EVERY_RANK, line)
        self._start(lasted)
