"""Whose upload is computed next: clients take turns, however many each has waiting."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from open_seq2seq.serving.refusal import Refused

_Turn = asyncio.Future[None]


class FairQueue:
    """Places for jobs of clients, given in turn.

    Args:
      places: jobs at the same time.
      most: that wait, of all clients; most_per_client: of one.
    """

    def __init__(self, places: int, most: int, most_per_client: int):
        self._free, self._most, self._most_per_client = places, most, most_per_client
        self._waiting: OrderedDict[str, deque[_Turn]] = OrderedDict()
        self.running = 0

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return sum(len(turns) for turns in self._waiting.values())

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Waits for a place, and keeps it inside of the block.

        Raises:
          Refused: too many wait.
        """
        await self._wait(client)
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._give_on()

    async def _wait(self, client: str) -> None:
        if self._free:
            self._free -= 1
            return
        turns = self._waiting.get(client, deque())
        if self.waiting >= self._most or len(turns) >= self._most_per_client:
            text = "Too many uploads wait for their turn."
            raise Refused(429, text, "queue_full", retry_after=10)
        self._waiting[client] = turns
        turn: _Turn = asyncio.get_running_loop().create_future()
        turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_on()  # it came, and nobody is there to take it
            elif turn in turns:
                turns.remove(turn)
                if not turns:
                    self._waiting.pop(client, None)
            raise

    def _give_on(self) -> None:
        """A place is free: it is the next client's, who goes to the end of the line."""
        while self._waiting:
            client, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[client] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
