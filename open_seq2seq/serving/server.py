"""What listens: uvicorn, with an end that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.serving.app import make_app
from open_seq2seq.serving.service import Service
from open_seq2seq.serving.web_socket import BalancedWebSocket

_LOOK = 0.1
# Bytes of a request's line and headers.
_MOST_HEADERS = 32 * 1024
_BACKLOG = 2048


class _PatientProtocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a request's headers.

    uvicorn has a limit between requests only, until the first byte of the next one.
    """

    SECONDS = 20.0

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self.loop.call_later(self.SECONDS, self._look, transport, None)

    def _look(self, transport: Any, before: Any) -> None:
        if transport.get_protocol() is not self or transport.is_closing():
            return
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self.cycle is before:
            transport.close()
            return
        self.loop.call_later(self.SECONDS, self._look, transport, self.cycle if waits else self)


class _Server(uvicorn.Server):
    """The first SIGTERM or Ctrl-C has streams and uploads end; a second one ends all at once."""

    def __init__(self, config: uvicorn.Config, service: Service, say: Callable[[str], None]):
        super().__init__(config)
        self._service, self._say = service, say
        self._drain: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn."""
        if self._service.draining:
            self.should_exit = self.force_exit = True
            return
        self._service.draining = True
        loop = asyncio.get_running_loop()
        self._drain = loop.create_task(self._drained())

    async def _drained(self) -> None:
        service, seconds = self._service, self._service.limits.drain_seconds
        if service.busy:
            self._say(f"Stopping: {seconds:g} s for what goes on; again: at once.")
        loop = asyncio.get_running_loop()
        for reason, until in (
            ("", loop.time() + seconds),
            ("the server stops", loop.time() + seconds + 5),
        ):
            for one in service.connections if reason else ():
                one.end(reason)
            while service.busy and loop.time() < until:
                await asyncio.sleep(_LOOK)
        self.should_exit = True


def listening_socket(host: str, port: int) -> socket.socket:
    """The socket of an address, bound.

    Args:
      host: a name or an address.
      port: 0: any that is free.

    Raises:
      InputError: it cannot be listened on.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        found = getattr(error, "strerror", None) or str(error)
        remedy = "Another server may use it: choose another --port."
        problem = Problem(f"--host={host} --port={port}", found, "an address that is free", remedy)
        raise InputError("The server cannot listen:", [problem]) from error
    bound.set_inheritable(True)
    return bound


def run_server(
    service: Service,
    listening: socket.socket,
    say: Callable[[str], None],
    certificate: str | None = None,
    certificate_key: str | None = None,
) -> None:
    """Serves until it is told to stop; SIGHUP loads the models again.

    Args:
      service: what is served.
      listening: from `listening_socket`.
      say: gets what the user should know.
      certificate, certificate_key: PEM files, for TLS.

    Raises:
      InputError: they cannot be used.
    """
    limits = service.limits
    config = uvicorn.Config(
        make_app(service),
        http=_PatientProtocol,
        ws=BalancedWebSocket,
        ws_max_size=limits.message_bytes,
        # Pings show that the other side is there. That no pong comes shows nothing: of a stream
        # that is behind nothing is read meanwhile.
        ws_ping_interval=20.0,
        ws_ping_timeout=None,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=_MOST_HEADERS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="critical",
        ssl_certfile=certificate,
        ssl_keyfile=certificate_key,
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        problem = Problem(
            f"--certificate={certificate}", str(error), "PEM files of a certificate and its key"
        )
        raise InputError("TLS cannot be used:", [problem]) from error
    server = _Server(config, service, say)
    _run(_serve(server, service, listening), config.get_loop_factory())


def _run(
    work: Coroutine[Any, Any, None],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> None:
    """`asyncio.run` in a loop of that kind: uvloop's, where it is installed."""
    if sys.version_info < (3, 11):  # which has no such choice
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work)


async def _serve(server: _Server, service: Service, listening: socket.socket) -> None:
    loop, reloads = asyncio.get_running_loop(), set()

    def reload() -> None:
        task = loop.create_task(service.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    # What asyncio raises in another thread (of a test), uvloop raises there, and Windows.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGHUP, reload)
    await server.serve(sockets=[listening])
