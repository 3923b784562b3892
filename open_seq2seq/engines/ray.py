"""Workers of a cluster of Ray's (https://docs.ray.io)."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from open_seq2seq.data.extras import needed
from open_seq2seq.engines.engine import AHEAD, RETRIES, Part, Result, lost_workers
from open_seq2seq.errors import InputError, Problem

# For an answer of a cluster.
_SECONDS = 10


class RayEngine:
    """An `Engine` of Ray's workers, which do a part again if one of them dies.

    Args:
      address: of the cluster, `auto` or `host:6379`; None: what `RAY_ADDRESS` says, or a cluster of
        this machine's.

    Raises:
      MissingPackage: Ray is not installed.
      InputError: there is no cluster.
    """

    def __init__(self, address: str | None = None):
        self._ray = needed("ray", "ray", "--engine=ray", "an engine")
        # A program may have begun with Ray itself, and goes on with it.
        self._is_own = not self._ray.is_initialized()
        try:
            if self._is_own:
                _try(address or os.environ.get("RAY_ADDRESS", ""))
                self._ray.init(address, log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            where = f"--engine_address={address}" if address else "RAY_ADDRESS"
            found = str(error).strip().splitlines()[0]
            remedy = "Start one with `ray start --head`."
            problem = Problem(where, found, "a cluster of Ray's, as host:6379", remedy)
            raise InputError("The engine cannot be used:", [problem]) from error

    @property
    def described(self) -> str:
        """See `Engine`."""
        return f"{self._cores} cores of {len(self._ray.nodes())} machines of Ray's"

    @property
    def _cores(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 1))

    def results(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine`."""
        remote = self._ray.remote(max_retries=RETRIES)(_call)
        function = self._ray.put(work)
        rest = iter(range(len(parts)))
        waiting: dict[Any, int] = {}
        while True:
            for number in itertools.islice(rest, max(AHEAD * self._cores - len(waiting), 0)):
                waiting[remote.remote(function, parts[number])] = number
            if not waiting:
                return
            (done,), _ = self._ray.wait(list(waiting), num_returns=1)
            number = waiting.pop(done)
            try:
                result = self._ray.get(done)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from error  # what `work` raised
            except (
                self._ray.exceptions.WorkerCrashedError,
                self._ray.exceptions.OutOfMemoryError,
                self._ray.exceptions.NodeDiedError,
            ) as error:
                raise lost_workers(number, type(error).__name__) from error
            yield number, result

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._is_own:
            self._ray.shutdown()


def _try(address: str) -> None:
    """Connects to `host:port`; Ray itself waits for minutes, and then ends the process.

    Raises:
      OSError: nothing answers.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in address:
        socket.create_connection((host, int(port)), timeout=_SECONDS).close()


def _call(work: Callable[[Part], Result], part: Part) -> Result:
    return work(part)
