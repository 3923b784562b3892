"""The text of an upload while it is found: OpenAI's server-sent events."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from typing import IO, Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from open_seq2seq.data.audio import mono_blocks
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.serving.audio import readable_audio
from open_seq2seq.serving.models import ServedModel
from open_seq2seq.serving.refusal import Refused
from open_seq2seq.serving.search import Search
from open_seq2seq.serving.service import Service
from open_seq2seq.serving.transcription_answers import usage
from open_seq2seq.streaming import UtteranceStream

# What is computed at once, in seconds.
_BLOCK_SECONDS = 2.0


class EventStream(StreamingResponse):
    """Events of text that is certain, then one with all of it.

    Args:
      service: the server's.
      model, search: what recognises.
      file: the upload.
      stack: closed when the answer has ended: the upload and its turn.
    """

    def __init__(
        self,
        service: Service,
        model: ServedModel,
        search: Search,
        file: IO[bytes],
        stack: AsyncExitStack,
    ):
        self._service, self._model, self._search, self._file = service, model, search, file
        self._stack = stack
        headers = {"Cache-Control": "no-store"}
        super().__init__(self._events(), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        async with self._stack:
            await super().__call__(scope, receive, send)

    async def _events(self) -> AsyncIterator[str]:
        parts = self._parts()
        try:
            while True:
                event = await self._service.upload(lambda: next(parts, None))
                if event is None:
                    break
                yield f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
        except Refused as refused:
            self._service.metrics.count("errors_total", kind=refused.code)
            yield f"data: {json.dumps({'type': 'error', **refused.body()})}\n\n"
        except OpenSeq2SeqError:
            self._service.metrics.count("errors_total", kind="failed")
            failed = Refused(500, "The recognition failed.", "failed")
            yield f"data: {json.dumps({'type': 'error', **failed.body()})}\n\n"
        finally:
            await self._service.upload(parts.close)
        yield "data: [DONE]\n\n"

    def _parts(self) -> Generator[dict[str, Any], None, None]:
        """The events; every step is for a thread."""
        begun = time.monotonic()
        with readable_audio(self._file, self._service.limits) as (path, seconds):
            sent = ""
            for text in self._texts(path):
                if len(text) > len(sent):
                    yield {"type": "transcript.text.delta", "delta": text[len(sent) :]}
                    sent = text
            yield {"type": "transcript.text.done", "text": sent, "usage": usage(seconds)}
        took, metrics = time.monotonic() - begun, self._service.metrics
        metrics.observe("upload", took)
        metrics.count("busy_seconds_total", took)
        metrics.count("audio_seconds_total", seconds)

    def _texts(self, path: str) -> Iterator[str]:
        """What is certain, longer and longer."""
        model = self._model
        if model.why_windows is not None:  # its text is that of the whole recording
            recognizer = model.recognizer.with_decoder(model.decoder(self._search))
            words = recognizer.transcribe([path])[0].text.split()
            yield from (" ".join(words[: count + 1]) for count in range(len(words)))
            return
        stream = UtteranceStream(model.session(self._search))
        before: list[str] = []
        block = int(_BLOCK_SECONDS * model.recognizer.sample_freq)
        for samples in mono_blocks(path, model.recognizer.sample_freq):
            for first in range(0, len(samples), block):
                partial, ended = stream.accept(samples[first : first + block])
                before += [one.text for one in ended if one.text]
                certain = partial.stable_text.strip()
                yield " ".join([*before, certain] if certain else before)
        yield " ".join([*before, *(one.text for one in stream.finish() if one.text)])
