"""Recordings loaded ahead by threads, as many as fit into the memory that is given to them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from open_seq2seq.errors import InputError

# What the network takes of a recording, or what is wrong with it.
Loaded = np.ndarray | InputError


def load_ahead(
    load: Callable[[int], np.ndarray],
    indices: Sequence[int],
    threads: int,
    most: int,
    most_bytes: int,
) -> Generator[tuple[int, Loaded], None, None]:
    """What the network takes of recordings, in order. Closing the iterator stops the threads.

    Args:
      load: index -> an array; an `InputError` that it raises is the recording's.
      indices: which to load.
      threads: how many load at the same time.
      most: recordings that may wait or be worked on.
      most_bytes: while as many bytes wait, only the recording whose turn it is is begun.
    """
    room = _Room(most_bytes)

    def one(index: int, place: int) -> Loaded:
        if not room.wait_for(place):
            return np.zeros(0, np.float32)  # nobody takes it
        try:
            loaded = load(index)
        except InputError as error:
            return error
        room.add(loaded.nbytes)
        return loaded

    executor = ThreadPoolExecutor(threads, thread_name_prefix="loader")
    pending: deque[tuple[int, Future[Loaded]]] = deque()
    left = enumerate(indices)
    try:
        while True:
            while len(pending) < most and (following := next(left, None)) is not None:
                place, index = following
                pending.append((index, executor.submit(one, index, place)))
            if not pending:
                return
            index, future = pending.popleft()
            loaded = future.result()
            room.take(loaded.nbytes if isinstance(loaded, np.ndarray) else 0)
            yield index, loaded
    finally:
        room.close()
        executor.shutdown(wait=True, cancel_futures=True)


class _Room:
    """How many bytes wait, and whose turn it is."""

    def __init__(self, most: int):
        self._most, self._waiting, self._turn = most, 0, 0
        self._closed = False
        self._changed = threading.Condition()

    def wait_for(self, place: int) -> bool:
        """Waits until there is room or it is this place's turn; False when all is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._waiting < self._most or self._turn == place
            )
            return not self._closed

    def add(self, size: int) -> None:
        with self._changed:
            self._waiting += size

    def take(self, size: int) -> None:
        with self._changed:
            self._waiting -= size
            self._turn += 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
