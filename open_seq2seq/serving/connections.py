"""Live connections: how many there are, and which the server ends."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from open_seq2seq.serving.limits import Limits
from open_seq2seq.serving.refusal import Refused

# Between two looks at which clients are silent, in seconds.
_LOOK = 1.0


class Gone(Exception):
    """The client is gone, or takes nothing."""


class Ended(Exception):
    """The server ends the connection; the text says why."""


class Connection:
    """One WebSocket.

    Args:
      socket: its handshake is not answered yet.
      limits: how long is waited for it.
    """

    def __init__(self, socket: WebSocket, limits: Limits):
        self.socket, self._limits = socket, limits
        # Since when a message is waited for; infinite: the last one is computed.
        self.listens_since = math.inf
        self._end: str | None = None
        self._listener: asyncio.Task[Any] | None = None

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
          Gone: there is none.
          Ended: the server ends the connection.
        """
        self.listens_since = time.monotonic()
        try:
            message = await self._message()
        finally:
            self.listens_since = math.inf
        if message["type"] != "websocket.receive":
            raise Gone
        text = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, text: str) -> None:
        """Sends a message, to a client that takes it in time.

        Raises:
          Gone: it does not, or is not there.
        """
        try:
            await asyncio.wait_for(self.socket.send_text(text), self._limits.send_seconds)
        except (asyncio.TimeoutError, WebSocketDisconnect, RuntimeError, OSError) as error:
            raise Gone from error

    async def close(self, code: int, reason: str = "") -> None:
        """Ends it; of one that is gone nothing is left."""
        with suppress(asyncio.TimeoutError, RuntimeError, OSError):  # it is gone
            await asyncio.wait_for(self.socket.close(code, reason[:100]), self._limits.send_seconds)

    def end(self, why: str) -> None:
        """Has `receive` raise `Ended`.

        The connection's task is cancelled where it waits for a message, and nowhere else: what it
        awaits besides (its text, which is not to be lost) would be cut too. A task that waits for
        either costs more than all else that is done for a message.
        """
        if self._end is None:
            self._end = why
            if self._listener is not None:
                self._listener.cancel()

    async def _message(self) -> Message:
        if self._end is not None:
            raise Ended(self._end)
        self._listener = asyncio.current_task()
        try:
            return await self.socket.receive()
        except asyncio.CancelledError:
            if self._end is None:
                raise
            if sys.version_info >= (3, 11) and self._listener is not None:
                self._listener.uncancel()
            raise Ended(self._end) from None
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error
        finally:
            self._listener = None


class Connections:
    """All live connections.

    Args:
      limits: of their number, and of a client's silence.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._all: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._all))

    @contextmanager
    def one_more(self, socket: WebSocket) -> Iterator[Connection]:
        """A connection that counts inside of the block.

        Raises:
          Refused: there are too many.
        """
        if len(self._all) >= self._limits.sessions:
            text = f"All {self._limits.sessions} streams are in use."
            raise Refused(503, text, "too_many_sessions", retry_after=5)
        connection = Connection(socket, self._limits)
        self._all.add(connection)
        try:
            yield connection
        finally:
            self._all.discard(connection)

    async def watch(self) -> None:
        """Ends those of which nothing is heard; runs as long as the server."""
        while True:
            await asyncio.sleep(_LOOK)
            latest = time.monotonic() - self._limits.receive_seconds
            for one in self:
                if one.listens_since < latest:
                    one.end("nothing was heard")
