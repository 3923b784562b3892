"""Work on many files at once, and how far it is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from open_seq2seq.native_build.cpu import available_cores

CHUNK = 64
# The work waits for the disk or the network more than it computes.
_THREADS_PER_CORE = 4


class Stopped(Exception):
    """The work of a thread is given up, as another one's failed or the user interrupts it."""


class _Amount(ProgressColumn):
    """`120/1383`, or megabytes."""

    def render(self, task: Task) -> Text:
        scale = 1e6 if task.fields["unit"] == "bytes" else 1
        total = "?" if task.total is None else f"{task.total / scale:.0f}"
        return Text(f"{task.completed / scale:.0f}/{total}{' MB' if scale > 1 else ''}")


_display = Progress(
    *(TextColumn("{task.description}"), BarColumn(), _Amount(), TimeRemainingColumn()),
    console=Console(stderr=True),
    disable=not sys.stderr.isatty(),
    transient=True,
)
_open_bars: list[str] = []
_stopped = threading.Event()
_lock = threading.Lock()

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    function: Callable[[Sequence[T]], list[R]],
    items: Sequence[T],
    what: str,
    chunk: int | None = None,
) -> Iterator[tuple[Sequence[T], list[R]]]:
    """Runs `function` on chunks of `items` in threads, and shows how far it is.

    Args:
      function: takes a chunk of items.
      what: is done, for the display.
      chunk: items in a chunk; None: as many as suit work that is done in a moment.

    Yields:
      Each chunk with its result, in the order of `items`. What is not yet begun is given up
      when the caller stops.
    """
    chunk = chunk or CHUNK
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    threads = max(1, min(len(chunks), _THREADS_PER_CORE * available_cores()))
    executor = ThreadPoolExecutor(threads, thread_name_prefix="import")
    try:
        with progress(what, len(items)) as advance:
            for part, result in zip(chunks, executor.map(function, chunks)):
                yield part, result
                advance(len(part))
    finally:
        executor.shutdown(cancel_futures=True)


def together(jobs: Sequence[Callable[[], object]], threads: int) -> None:
    """Runs long jobs, so many at a time; when one fails, the others are given up too.

    They stop where they next say how far they are (`progress`).
    """
    executor = ThreadPoolExecutor(threads, thread_name_prefix="job")
    try:
        for future in as_completed([executor.submit(job) for job in jobs]):
            future.result()
    except BaseException:
        _stopped.set()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        _stopped.clear()


@contextmanager
def progress(
    what: str, total: int | None, done: int = 0, unit: str = ""
) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal; nothing where stderr is no terminal.

    Bars of several threads share the terminal.

    Args:
      total: of the whole task; None: it is not known.
      done: how many were done before.
      unit: "bytes", or "" for things that are counted.

    Yields:
      A function that takes how many more are done.
    """
    with _lock:
        if not _open_bars:
            _display.start()
        _open_bars.append(what)
        task = _display.add_task(what, total=total, completed=done, unit=unit)

    def advance(count: int) -> None:
        if _stopped.is_set():
            raise Stopped
        _display.advance(task, count)

    try:
        yield advance
    finally:
        with _lock:
            _display.remove_task(task)
            _open_bars.remove(what)
            if not _open_bars:
                _display.stop()
