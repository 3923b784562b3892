"""What every request passes: its id, who asks, how often, how much; a line in the log behind it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from open_seq2seq.serving.refusal import Refused
from open_seq2seq.serving.service import Service

_log = logging.getLogger("open_seq2seq.serving.requests")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What a page of ours may do: nothing outside of this server.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": _PAGE_POLICY,
    "Permissions-Policy": "microphone=(self)",
}
# Paths that need no key: whether it runs, and the page, which asks for one.
_OPEN = ("/healthz", "/readyz", "/favicon.ico")
SUBPROTOCOL = "open-seq2seq"
_KEY = "api-key."


class Gate:
    """An ASGI application around another one.

    Args:
      app: what is behind it.
      service: whom to ask.
      paths: those that there are, for the log and the counts.
    """

    def __init__(self, app: App, service: Service, paths: Sequence[str]):
        self._app, self._service, self._paths = app, service, frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        passing = _Passing(self._service, scope, headers, receive, send)
        try:
            self._check(scope, headers)
        except Refused as refused:
            response = JSONResponse(refused.body(), refused.status, dict(refused.headers()))
            self._service.metrics.count("errors_total", kind=refused.code)
            await response(scope, receive, passing.send)
        else:
            await self._app(scope, passing.receive, passing.send)
        finally:
            passing.log(scope["path"] if scope["path"] in self._paths else "other")

    def _check(self, scope: Scope, headers: Headers) -> None:
        service, path = self._service, scope["path"]
        service.origins.check(headers.get("host"), headers.get("origin"))
        address = scope["client"][0] if scope.get("client") else "local"
        client = f"address {address}"
        starts = scope["type"] == "websocket" or scope["method"] == "POST"
        if service.keys is not None:
            named = service.keys.client_of(_key_of(scope, headers))
            page = path == "/" or path.startswith("/page/")
            is_open = path in _OPEN or (page and not starts) or scope.get("method") == "OPTIONS"
            if named is None and not is_open:
                service.rates.take(client)
                text = "A key is needed: `Authorization: Bearer KEY`."
                raise Refused(401, text, "invalid_api_key")
            client = named or client
        scope["state"]["client"] = client
        if starts:
            service.rates.take(client)
            if service.draining:
                text = "The server stops; ask again, another one may answer."
                raise Refused(503, text, "draining", retry_after=5)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > service.limits.upload_bytes:
            raise too_large(service)


class _Passing:
    """One request on its way through."""

    def __init__(
        self, service: Service, scope: Scope, headers: Headers, receive: Receive, send: Send
    ):
        self._service, self._scope, self._receive, self._send = service, scope, receive, send
        self._begun, self._bytes, self._status = time.monotonic(), 0, 0
        given = headers.get("x-request-id", "")
        self.id = given if _ID.fullmatch(given) else uuid4().hex
        scope["state"] = {**scope.get("state", {}), "id": self.id, "facts": {}}
        self._http = scope["type"] == "http"

    async def receive(self) -> Message:
        """The next part of the request: in time, and not too much."""
        if not self._http or self._bytes < 0:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._service.limits.receive_seconds)
        except asyncio.TimeoutError:
            raise Refused(408, "The request does not go on.", "timeout") from None
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._service.limits.upload_bytes:
            raise too_large(self._service)
        if not message.get("more_body", False):
            self._bytes = -1  # what comes now is only that the client is gone
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer, with the headers of all answers."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start", "websocket.accept"):
            self._status = message.get("status", 101)
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            headers["X-Request-ID"] = self.id
            for name, value in _SAFE_HEADERS.items():
                headers.setdefault(name, value)
            message["headers"] = headers.raw
        if self._http:
            await asyncio.wait_for(self._send(message), self._service.limits.send_seconds)
        else:
            await self._send(message)

    def log(self, path: str) -> None:
        """One line: no text, no names of files, no query."""
        self._service.metrics.count("requests_total", path=path, status=str(self._status))
        facts = {
            "id": self.id,
            "client": self._scope["state"].get("client", ""),
            "method": self._scope.get("method", "WEBSOCKET"),
            "path": path,
            "status": self._status,
            "seconds": round(time.monotonic() - self._begun, 3),
            **self._scope["state"]["facts"],
        }
        _log.info("%s", json.dumps(facts), extra={"facts": facts})


def too_large(service: Service) -> Refused:
    """The refusal of a body that is too large."""
    text = f"The request is larger than {service.limits.upload_bytes} bytes."
    return Refused(413, text, "request_too_large", "file")


def _key_of(scope: Scope, headers: Headers) -> str | None:
    """The key of a request; browsers have no headers for WebSockets, and send it as a protocol."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return key.strip()
    for one in scope.get("subprotocols", ()):
        if one.startswith(_KEY):
            return str(one.removeprefix(_KEY))
    return None
