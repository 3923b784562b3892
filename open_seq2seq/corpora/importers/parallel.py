"""Work on many files at once, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from open_seq2seq.data.headers import available_cores

CHUNK = 64
# The work waits for the disk or the network more than it computes.
_THREADS_PER_CORE = 4

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    function: Callable[[Sequence[T]], list[R]], items: Sequence[T], what: str
) -> Iterator[tuple[Sequence[T], list[R]]]:
    """Runs `function` on chunks of `items` in threads, and shows how far it is.

    Args:
      function: takes a chunk of items.
      what: is done, for the display.

    Yields:
      Each chunk with its result, in the order of `items`. What is not yet begun is given up
      when the caller stops.
    """
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    threads = max(1, min(len(chunks), _THREADS_PER_CORE * available_cores()))
    executor = ThreadPoolExecutor(threads, thread_name_prefix="import")
    try:
        with progress(what, len(items)) as advance:
            for chunk, result in zip(chunks, executor.map(function, chunks)):
                yield chunk, result
                advance(len(chunk))
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal; nothing where stderr is no terminal.

    Yields:
      A function that takes how many more are done.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
