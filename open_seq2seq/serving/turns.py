"""Streams of a model take turns at its network: a chunk of each, computed together.

Who brings more than a chunk waits for another turn behind the others, so that a client that sends
faster than people speak delays nobody. One thread computes a batch, as many batches at once as
there are cores: the most streams for what a core does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import numpy as np

from open_seq2seq.streaming import Finished, StreamPartial, UtteranceStream

Heard = tuple[StreamPartial, list[Finished]]
# Does work in a thread: `Service.live`.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]

# Where turns come closer than this, in seconds, they are gathered for so long: a batch costs half
# of what its streams cost one by one.
WINDOW = 0.04


class _Turn(NamedTuple):
    stream: UtteranceStream
    samples: np.ndarray
    heard: asyncio.Future[Heard]


class Turns:
    """Whose chunk is computed next; for the event loop.

    Args:
      most_together: streams of a batch.
      batches: that are computed at the same time.
    """

    def __init__(self, most_together: int, batches: int):
        self._most, self._free = most_together, batches
        self._waiting: deque[_Turn] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last = -WINDOW

    async def accept(
        self, stream: UtteranceStream, samples: np.ndarray, in_thread: InThread
    ) -> Heard:
        """`UtteranceStream.accept`, together with others.

        Args:
          stream: one of the model's; it has one turn at a time.
          samples: a chunk of it, or less.
          in_thread: what computes.

        Raises:
          OpenSeq2SeqError: as `UtteranceStream.accept`.
        """
        loop = asyncio.get_running_loop()
        turn = _Turn(stream, samples, loop.create_future())
        self._waiting.append(turn)
        now, before = loop.time(), self._last
        self._last = now
        if self._timer is None and self._free:
            delay = WINDOW if now - before < WINDOW else 0.0
            self._timer = loop.call_later(delay, self._begin, in_thread)
        return await turn.heard

    def _begin(self, in_thread: InThread) -> None:
        self._timer = None
        while self._free and self._waiting:
            count = min(len(self._waiting), self._most)
            batch = [self._waiting.popleft() for _ in range(count)]
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._computed(batch, in_thread))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _computed(self, batch: list[_Turn], in_thread: InThread) -> None:
        streams, samples = [one.stream for one in batch], [one.samples for one in batch]
        try:
            found = await in_thread(lambda: UtteranceStream.accept_each(streams, samples))
        except BaseException as error:
            found = [error] * len(batch)
        for turn, one in zip(batch, found):
            if turn.heard.done():  # its client is gone
                continue
            if isinstance(one, BaseException):
                turn.heard.set_exception(one)
            else:
                turn.heard.set_result(one)
        self._free += 1
        self._begin(in_thread)  # those who came meanwhile have waited
