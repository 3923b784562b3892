"""What both protocols over WebSockets share: the handshake, and how a connection ends."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from open_seq2seq.serving.connections import Connection, Ended, Gone
from open_seq2seq.serving.places import place_of
from open_seq2seq.serving.refusal import Refused
from open_seq2seq.serving.service import Service

_log = logging.getLogger(__name__)

# Codes of WebSockets (RFC 6455, 7.4.1): what the client did; the server; it stops; too large.
_NORMAL, _POLICY, _FAILED, _STOPS, _LARGE = 1000, 1008, 1011, 1012, 1009


async def served(
    socket: WebSocket,
    serve: Callable[[Connection], Awaitable[None]],
    subprotocol: str | None = None,
) -> None:
    """Serves one connection to its end.

    Args:
      socket: its handshake is not answered yet.
      serve: what is done with it.
      subprotocol: of the answer.
    """
    service: Service = socket.app.state.service
    try:
        with service.connections.one_more(socket) as connection:
            await socket.accept(subprotocol)
            code, reason = await _outcome(connection, serve, service)
            await connection.close(code, reason)
    except Refused as refused:  # before it was accepted
        service.metrics.count("errors_total", kind=refused.code)
        await socket.send_denial_response(
            JSONResponse(refused.body(), refused.status, dict(refused.headers()))
        )


async def _outcome(
    connection: Connection, serve: Callable[[Connection], Awaitable[None]], service: Service
) -> tuple[int, str]:
    """The code and the reason to close it with."""
    try:
        await serve(connection)
        return _NORMAL, ""
    except Gone:
        service.metrics.count("errors_total", kind="client_gone")
        return _NORMAL, ""
    except Ended as ended:
        return _STOPS, str(ended)
    except Refused as refused:
        told = refused
    except Exception as error:
        _log.error("Stream %s failed: %s", connection.socket.state.id, place_of(error))
        told = Refused(500, "The recognition failed.", "failed")
    service.metrics.count("errors_total", kind=told.code)
    try:
        await connection.send(json.dumps({"type": "error", **told.body()}))
    except Gone:
        return _NORMAL, ""
    code = _FAILED if told.status >= 500 else _LARGE if told.status == 413 else _POLICY
    return code, told.code
