"""What all requests of a server share."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.serving.api_keys import ApiKeys
from open_seq2seq.serving.connections import Connections
from open_seq2seq.serving.fair_queue import FairQueue
from open_seq2seq.serving.limits import Limits
from open_seq2seq.serving.metrics import Metrics
from open_seq2seq.serving.models import Models
from open_seq2seq.serving.origins import Origins
from open_seq2seq.serving.rates import Rates
from open_seq2seq.serving.refusal import Refused

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Service:
    """Models, limits and counts of a server.

    Args:
      models: what it serves.
      limits: what clients may ask for.
      origins: which pages may use it.
      keys: of its clients; None: everyone may use it.
    """

    def __init__(
        self, models: Models, limits: Limits, origins: Origins, keys: ApiKeys | None = None
    ):
        self.models, self.limits, self.origins, self.keys = models, limits, origins, keys
        self.metrics, self.rates = Metrics(), Rates(limits.starts_per_minute)
        self.connections = Connections(limits)
        self.queue = FairQueue(limits.uploads, limits.waiting, limits.waiting_per_client)
        self.draining, self._bodies = False, 0
        self._computing, self._lock = 0, threading.Lock()
        self._live = ThreadPoolExecutor(models.threads, "live")
        self._uploads = ThreadPoolExecutor(limits.uploads, "upload")
        self._other = ThreadPoolExecutor(2, "other")
        begun = time.time()
        self.metrics.gauges |= {
            "sessions": ("Live streams.", lambda: len(self.connections)),
            "uploads": ("Uploads that are computed.", lambda: self.queue.running),
            "queue": ("Uploads that wait.", lambda: self.queue.waiting),
            "ready": ("Whether new requests are taken.", lambda: not self.draining),
            "start_time_seconds": ("When the server began.", lambda: begun),
        }

    async def live(self, work: Callable[[], _Result]) -> _Result:
        """Does a stream's work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._live, self._counted(work))

    async def upload(self, work: Callable[[], _Result]) -> _Result:
        """Does an upload's work in a thread; it has its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._uploads, self._counted(work))

    @contextmanager
    def body(self) -> Iterator[None]:
        """Room on the disk for the body of an upload, from its first byte to its answer.

        Raises:
          Refused: there are as many as may be computed or wait for their turn.
        """
        if self._bodies >= self.limits.uploads + self.limits.waiting:
            raise Refused(503, "Too many uploads at once.", "too_many_uploads", retry_after=10)
        self._bodies += 1
        try:
            yield
        finally:
            self._bodies -= 1

    async def reload(self) -> None:
        """Loads the models again, beside what goes on; a failure leaves all as it was."""
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._other, self.models.reload)
        except OpenSeq2SeqError as error:
            self.metrics.count("reloads_total", outcome="failed")
            _log.error("The models stay as they were: %s", error)
        else:
            self.metrics.count("reloads_total", outcome="done")
            _log.info("The models are loaded again.")

    @property
    def busy(self) -> bool:
        """Whether something goes on that a stop would cut."""
        return bool(len(self.connections) or self._bodies)

    @property
    def computes(self) -> bool:
        """Whether a thread computes; that of a request that was cut does until it is through."""
        return self._computing > 0

    def _counted(self, work: Callable[[], _Result]) -> Callable[[], _Result]:
        def counted() -> _Result:
            with self._lock:
                self._computing += 1
            try:
                return work()
            finally:
                with self._lock:
                    self._computing -= 1

        return counted

    def close(self) -> None:
        """Ends the threads."""
        for one in (self._live, self._uploads, self._other):
            one.shutdown(wait=False, cancel_futures=True)
