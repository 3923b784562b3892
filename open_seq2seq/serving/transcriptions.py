"""`POST /v1/audio/transcriptions`, as OpenAI's API has it, and `GET /v1/models`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.serving.audio import readable_audio, upload_file
from open_seq2seq.serving.models import ServedModel
from open_seq2seq.serving.refusal import Refused
from open_seq2seq.serving.search import Search, prompt_words, search_of
from open_seq2seq.serving.service import Service
from open_seq2seq.serving.transcription_answers import FORMATS, answer
from open_seq2seq.serving.transcription_events import EventStream

_FIELDS, _FIELD_BYTES = 64, 1 << 16
_GRANULARITIES = ("word", "segment")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Wanted:
    """What a request asks for.

    Args:
      model: the model.
      search: what it changes of the search.
      format: of the answer.
      granularities: of verbose_json.
      language: as it is named, for the answer alone.
      stream: whether the text is sent while it is found.
    """

    model: ServedModel
    search: Search
    format: str
    granularities: tuple[str, ...]
    language: str
    stream: bool

    @classmethod
    def of(cls, form: FormData, service: Service) -> Wanted:
        """The fields of a form.

        Raises:
          Refused: one makes no sense.
        """
        values = {name: value for name, value in form.items() if isinstance(value, str)}
        format = values.get("response_format") or "json"
        if format not in FORMATS:
            raise _unknown("response_format", format, FORMATS)
        # Clients send the name with and without its brackets, and lists with commas.
        given = [str(one) for name in ("timestamp_granularities[]", "timestamp_granularities")
                 for one in form.getlist(name)]  # fmt: skip
        granularities = [part.strip() for one in given for part in one.split(",") if part.strip()]
        for one in granularities:
            if one not in _GRANULARITIES:
                raise _unknown("timestamp_granularities[]", one, _GRANULARITIES)
        search = search_of(values, service.limits)
        if values.get("prompt"):
            words = {**prompt_words(values["prompt"], service.limits), **search.hot_words}
            search = Search(search.options, words)
        return cls(
            service.models.named(values.get("model")),
            search,
            format,
            tuple(granularities or ["segment"]),
            values.get("language", "")[:20],
            values.get("stream", "").lower() in ("true", "1"),
        )


async def transcriptions(request: Request) -> Response:
    """Answers a request of a transcription."""
    service: Service = request.app.state.service
    async with AsyncExitStack() as stack:
        stack.enter_context(service.body())
        try:
            form = await stack.enter_async_context(
                request.form(max_files=1, max_fields=_FIELDS, max_part_size=_FIELD_BYTES)
            )
        except HTTPException as error:
            raise Refused(400, str(error.detail), "invalid_form") from error
        wanted = Wanted.of(form, service)
        file = upload_file(form.get("file"))
        await unless_gone(request, stack.enter_async_context(
            service.queue.turn(request.state.client)))  # fmt: skip
        if wanted.stream:
            return EventStream(service, wanted.model, wanted.search, file, stack.pop_all())
        begun = time.monotonic()
        result, seconds = await service.upload(lambda: _transcribed(service, wanted, file))
        _count(request, service, seconds, time.monotonic() - begun)
    return answer(result, seconds, wanted.format, wanted.granularities, wanted.language)


def _transcribed(service: Service, wanted: Wanted, file: IO[bytes]) -> tuple[DecodeResult, float]:
    """The result of an upload, and its length in seconds."""
    with readable_audio(file, service.limits) as (path, seconds):
        decoder = wanted.model.decoder(wanted.search)
        recognizer = wanted.model.recognizer.with_decoder(decoder)
        return recognizer.transcribe([path])[0], seconds


def _count(request: Request, service: Service, seconds: float, took: float) -> None:
    service.metrics.observe("upload", took)
    service.metrics.count("busy_seconds_total", took)
    service.metrics.count("audio_seconds_total", seconds)
    request.state.facts |= {"audio": round(seconds, 3), "busy": round(took, 3)}


async def unless_gone(request: Request, awaited: Awaitable[_Result]) -> _Result:
    """Waits for something as long as the client does.

    Raises:
      Refused: the client is gone; nobody reads this.
    """
    job, gone = asyncio.ensure_future(awaited), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({job, gone}, return_when=asyncio.FIRST_COMPLETED)
        if job.done():
            return job.result()
        raise Refused(499, "The client is gone.", "client_gone")
    finally:
        for one in (job, gone):
            one.cancel()


async def models(request: Request) -> Response:
    """The list of models, in OpenAI's form."""
    service: Service = request.app.state.service
    return JSONResponse({"object": "list", "data": [_described(m) for m in service.models.all()]})


async def model(request: Request) -> Response:
    """One of them."""
    service: Service = request.app.state.service
    return JSONResponse(_described(service.models.named(request.path_params["name"])))


def _described(one: ServedModel) -> dict[str, Any]:
    return {
        "id": one.name,
        "object": "model",
        "created": one.created,
        "owned_by": "open-seq2seq",
        "sample_rate": one.recognizer.sample_freq,
        "streams": one.why_windows is None,
        "latency": round(one.latency, 4),
    }


def _unknown(param: str, found: str, known: tuple[str, ...]) -> Refused:
    text = f"{param}: found {found[:50]!r}, expected {' or '.join(known)}."
    return Refused(400, text, "invalid_value", param)
