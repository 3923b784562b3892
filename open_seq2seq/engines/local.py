"""Processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from open_seq2seq.engines.engine import AHEAD, RETRIES, Part, Result, lost_workers
from open_seq2seq.native_build.cpu import available_cores


class LocalEngine:
    """An `Engine` of processes.

    Args:
      workers: how many; None: one for each core.
    """

    def __init__(self, workers: int | None = None):
        self._workers = workers or available_cores()
        self._pool = self._new_pool()

    @property
    def described(self) -> str:
        """See `Engine`."""
        return f"{self._workers} processes of this machine"

    def results(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine`."""
        rest: Iterator[int] = iter(range(len(parts)))
        died: Counter[int] = Counter()
        suspects: list[int] = []
        while True:
            waiting: dict[Future[Result], int] = {}
            try:
                while suspects:
                    # Alone, so that no other part is blamed for what this one does.
                    result = self._pool.submit(work, parts[suspects[0]]).result()
                    yield suspects.pop(0), result
                yield from self._until_one_dies(work, parts, rest, waiting)
                return
            except BrokenProcessPool as error:
                # With one process all are ended; nobody knows which part the dead one had.
                suspects = suspects or sorted(waiting.values())
                died.update(suspects if waiting else suspects[:1])
                if died[suspects[0]] > RETRIES:
                    raise lost_workers(suspects[0], error) from error
                self._pool.shutdown()
                self._pool = self._new_pool()

    def _until_one_dies(
        self,
        work: Callable[[Part], Result],
        parts: Sequence[Part],
        rest: Iterator[int],
        waiting: dict[Future[Result], int],
    ) -> Iterator[tuple[int, Result]]:
        """Gives out `rest`; `waiting` has the numbers of what is given out and not done."""
        while True:
            while len(waiting) < AHEAD * self._workers and (number := next(rest, None)) is not None:
                try:
                    waiting[self._pool.submit(work, parts[number])] = number
                except BrokenProcessPool:
                    waiting[Future()] = number
                    raise
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                yield waiting.pop(future), result

    def _new_pool(self) -> ProcessPoolExecutor:
        # Started anew: a fork would inherit locks of threads that it does not have.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=context)

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._pool.shutdown(cancel_futures=True)
