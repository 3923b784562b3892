"""Worker threads that load batches ahead of the training step.

Decoding, resampling, noise and the features run in libraries that release Python's lock, so
threads can do the work of processes. Measured on two cores, they, processes and the threads and
processes of `grain` are level (`python benchmarks/loader.py --compare`; figures in
docs/benchmarks.md). Threads start at once wherever an epoch is entered, hold the corpus once,
copy nothing, stop within one utterance, and need no further package.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Finished batches that may wait for the consumer, beside those being worked on.
PREFETCH = 2


class Stopped(Exception):
    """Raised by a load function that saw `stop` set; never reaches the consumer."""


def load_in_order(
    load: Callable[[Item, threading.Event], Result],
    items: Iterable[Item],
    workers: int,
    prefetch: int = PREFETCH,
) -> Generator[Result, None, None]:
    """Yields `load(item, stop)` for each item, in the items' order.

    At most `workers + prefetch` results exist or are being made at a time. The first
    exception of a load is raised when its turn comes. Closing the iterator, or dropping it,
    stops the workers: `load` should look at `stop` now and then and raise `Stopped`.

    Args:
      load: called in the worker threads.
      items: what to load; taken one by one as there is room.
      workers: number of threads; 0 loads in the consumer's thread when asked.
      prefetch: results that may wait.
    """
    stop = threading.Event()
    if workers == 0:
        for item in items:
            yield load(item, stop)
        return
    executor = ThreadPoolExecutor(workers, thread_name_prefix="loader")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(load, item, stop))
            if len(pending) >= workers + prefetch:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stop.set()
        executor.shutdown(wait=True, cancel_futures=True)
