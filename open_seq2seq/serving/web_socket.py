"""WebSockets of clients that take nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class BalancedWebSocket(WebSocketsSansIOProtocol):
    """Reads nothing from a client that takes nothing, and does not wait for it in the end.

    Otherwise pongs for its pings would pile up in memory, and a connection whose buffer is full
    would stay: closing it waits for the buffer.
    """

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def send(self, message: Any) -> None:
        """See ASGI."""
        await super().send(message)
        if self.close_timer is not None:  # as uvicorn has it, but to the end
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is through with it."""
        super().on_task_complete(task)
        if not self.close_sent:  # it could not even be told
            self.transport.abort()
