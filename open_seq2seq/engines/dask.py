"""Workers of a cluster of Dask's (https://distributed.dask.org)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from open_seq2seq.data.extras import needed
from open_seq2seq.engines.engine import AHEAD, Part, Result, lost_workers
from open_seq2seq.errors import InputError, Problem, RunError


class DaskEngine:
    """An `Engine` of Dask's workers, which do a part again if one of them dies.

    Args:
      address: of the scheduler, `tcp://host:8786`; None: what `DASK_SCHEDULER_ADDRESS` says, or a
        cluster of this machine's.

    Raises:
      MissingPackage: Dask is not installed.
      InputError: there is no scheduler.
    """

    def __init__(self, address: str | None = None):
        self._distributed = needed("distributed", "dask", "--engine=dask", "an engine")
        try:
            self._client = self._distributed.Client(address)
        except (OSError, ValueError) as error:
            where = f"--engine_address={address}" if address else "DASK_SCHEDULER_ADDRESS"
            expected = "a scheduler of Dask's, as tcp://host:8786"
            remedy = "Start one with `dask scheduler`, and workers with `dask worker ADDRESS`."
            problem = Problem(where, str(error).strip() or "no answer", expected, remedy)
            raise InputError("The engine cannot be used:", [problem]) from error

    @property
    def described(self) -> str:
        """See `Engine`."""
        workers, address = len(self._client.nthreads()), self._client.scheduler.address
        return f"{workers} workers of Dask's scheduler {address}"

    def results(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine`."""
        rest = iter(range(len(parts)))
        waiting: dict[str, int] = {}

        def more() -> list[Any]:
            # Workers come and go: as many parts as there are threads now.
            free = AHEAD * max(sum(self._client.nthreads().values()), 1) - len(waiting)
            futures = []
            for number in itertools.islice(rest, max(free, 0)):
                # Not pure: the same part of another run is not the same result.
                future = self._client.submit(work, parts[number], pure=False)
                waiting[future.key] = number
                futures.append(future)
            return futures

        done = self._distributed.as_completed(more())
        for future in done:
            number = waiting.pop(future.key)
            try:
                result = future.result()
            except self._distributed.KilledWorker as error:
                raise lost_workers(number, error) from error
            except self._distributed.client.FutureCancelledError as error:
                raise RunError(
                    "The connection to Dask's scheduler is lost. Parts that are done are kept: the "
                    "same command goes on."
                ) from error
            yield number, result
            done.update(more())

    def __enter__(self) -> DaskEngine:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._client.close()
