"""The application: which path is answered by what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.serving.gate import App, Gate
from open_seq2seq.serving.places import place_of
from open_seq2seq.serving.refusal import Refused, refusal_of
from open_seq2seq.serving.service import Service
from open_seq2seq.serving.stream_protocol import stream
from open_seq2seq.serving.transcriptions import model, models, transcriptions
from open_seq2seq.serving.vosk_protocol import vosk

_log = logging.getLogger(__name__)
PAGE = Path(__file__).with_name("page")


def make_app(service: Service) -> App:
    """The ASGI application of a server.

    Args:
      service: its models, limits and counts.
    """
    routes: list[Route | WebSocketRoute | Mount] = [
        Route("/", _page),
        Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
        Route("/v1/models", models),
        Route("/v1/models/{name}", model),
        WebSocketRoute("/v1/stream", stream),
        WebSocketRoute("/", vosk),
        WebSocketRoute("/vosk", vosk),
        Route("/healthz", _health),
        Route("/readyz", _ready),
        Route("/metrics", _metrics),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    middleware = []
    if service.origins.allowed:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=service.origins.allowed,
                allow_headers=["authorization"],
                allow_methods=["GET", "POST"],
            )
        )
    app = Starlette(
        routes=routes,
        middleware=middleware,
        lifespan=_lifespan,
        exception_handlers={
            Refused: _refused,
            InputError: _wrong,
            RunError: _failed,
            HTTPException: _http,
            Exception: _failed,
        },
    )
    app.state.service = service
    return Gate(app, service, [one.path for one in routes])


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    service: Service = app.state.service
    watch = asyncio.create_task(service.connections.watch())
    yield
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    service.close()


async def _page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _ready(request: Request) -> Response:
    service: Service = request.app.state.service
    if service.draining:
        return PlainTextResponse("draining\n", 503)
    return PlainTextResponse("ready\n")


async def _metrics(request: Request) -> Response:
    service: Service = request.app.state.service
    return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    request.app.state.service.metrics.count("errors_total", kind=error.code)
    return JSONResponse(error.body(), error.status, dict(error.headers()))


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    return await _refused(request, refusal_of(error, name="file"))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "not_found" if error.status_code == 404 else "invalid_request"
    return await _refused(request, Refused(error.status_code, f"{error.detail}.", code))


async def _failed(request: Request, error: Exception) -> Response:
    # Its words may hold a path or a text: the log has the id and where it was, no more.
    _log.error("Request %s failed: %s", request.state.id, place_of(error))
    text = f"The recognition failed; the log knows more of request {request.state.id}."
    return await _refused(request, Refused(500, text, "failed"))
