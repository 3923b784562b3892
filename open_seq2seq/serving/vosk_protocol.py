"""vosk-server's protocol over WebSockets, for its clients as they are.

Of https://github.com/alphacep/vosk-server (websocket/asr_server.py): a text message
`{"config": ...}` before the audio, which is not answered; each binary message of 16-bit samples is
answered by one of text, partial or result; `{"eof": 1}` by the last result, and the end;
`{"reset": 1}` by a result.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.websockets import WebSocket

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.serving.connections import Connection
from open_seq2seq.serving.live import LiveStream
from open_seq2seq.serving.models import ServedModel
from open_seq2seq.serving.refusal import Refused
from open_seq2seq.serving.search import Search, search_of
from open_seq2seq.serving.service import Service
from open_seq2seq.serving.sockets import served
from open_seq2seq.serving.stream_start import json_object, sample_rate_of
from open_seq2seq.streaming import Finished
from open_seq2seq.streaming.events import word_objects


async def vosk(socket: WebSocket) -> None:
    """Serves one connection."""
    await served(socket, _serve)


async def _serve(connection: Connection) -> None:
    service: Service = connection.socket.app.state.service
    client = _Client(service)
    while True:
        message = await connection.receive()
        if isinstance(message, bytes):
            await connection.send(await client.audio(message))
            continue
        given = json_object(message)
        if "config" in given:
            client.configure(given["config"])
        elif "eof" in given:
            await connection.send(await client.result())
            return
        elif "reset" in given:
            await connection.send(await client.result())
        else:
            raise Refused(
                400, "Found another object, expected config, eof or reset.", "invalid_message"
            )


class _Client:
    """What a client has asked for, and its stream once audio has come."""

    def __init__(self, service: Service):
        self._service = service
        self._live: LiveStream | None = None
        self._model: ServedModel = service.models.named(None)
        self._search = Search()
        self._rate: int | None = None
        self._words, self._alternatives = True, 0
        self._last = ""

    def configure(self, given: Any) -> None:
        """Takes a config.

        Raises:
          Refused: it makes no sense, or comes behind audio.
        """
        if not isinstance(given, dict):
            raise Refused(400, "config: expected an object.", "invalid_message", "config")
        if self._live is not None:
            raise Refused(400, "The config comes before the audio.", "invalid_message", "config")
        self._rate = sample_rate_of(given.get("sample_rate", self._rate))
        self._words = bool(given.get("words", self._words))
        if given.get("model"):
            self._model = self._service.models.named(str(given["model"]))
        wanted = {
            "nbest": given.get("max_alternatives") or None,
            "hot_words": given.get("phrase_list"),
        }
        self._search = search_of(wanted, self._service.limits)
        self._alternatives = int(self._search.options.get("nbest", 0))

    async def audio(self, data: bytes) -> str:
        """The answer to samples."""
        live = await self._stream()
        live.take(data)
        ended: list[Finished] = []
        while live.is_full and (heard := await live.compute()) is not None:
            self._last = heard.partial.text.strip()
            ended += heard.ended
        if ended:  # a long message may hold several, and has one answer
            return _joined([self._result(one.result) for one in ended])
        return _json({"partial": self._last})

    async def result(self) -> str:
        """Ends the stream; more audio begins another one."""
        live = await self._stream()
        ended: list[Finished] = []
        while (heard := await live.compute()) is not None:
            ended += heard.ended
        ended += (await live.finish())[0]
        self._live, self._last = None, ""
        return _joined([self._result(one.result) for one in ended])

    async def _stream(self) -> LiveStream:
        if self._live is None:
            model, search, rate = self._model, self._search, self._rate
            session = await self._service.live(lambda: model.session(search, rate))
            self._live = LiveStream(self._service, model, session, "s16le")
        return self._live

    def _result(self, result: DecodeResult) -> str:
        if self._alternatives:
            return _json({"alternatives": [_alternative(one) for one in result.nbest or (result,)]})
        text = result.text.strip()
        if not self._words or not text:
            return _json({"text": text})
        words = [
            {
                "conf": one["confidence"],
                "end": one["end"],
                "start": one["start"],
                "word": one["word"],
            }
            for one in word_objects(result.words)
        ]
        return _json({"result": words, "text": text})


def _alternative(one: DecodeResult) -> dict[str, Any]:
    """As vosk has it: a score that is no probability, words without confidence."""
    words = [
        {"end": word["end"], "start": word["start"], "word": word["word"]}
        for word in word_objects(one.words)
    ]
    return {"confidence": round(one.score, 4), "result": words, "text": one.text.strip()}


def _joined(texts: list[str]) -> str:
    """Results of one message as one result."""
    objects = [json.loads(text) for text in texts]
    said = [
        one
        for one in objects
        if one.get("text") or any(a["text"] for a in one.get("alternatives", []))
    ]
    if len(said) <= 1:
        return _json(said[0] if said else objects[-1])
    if "alternatives" in said[0]:
        firsts = [one["alternatives"][0] for one in said]
        words = [word for one in firsts for word in one["result"]]
        text = " ".join(one["text"] for one in firsts)
        score = sum(one["confidence"] for one in firsts)
        return _json({"alternatives": [{"confidence": score, "result": words, "text": text}]})
    text = " ".join(one["text"] for one in said)
    words = [word for one in said for word in one.get("result", [])]
    return _json({"result": words, "text": text} if words else {"text": text})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
