"""`/v1/stream`: audio in, text out, over one WebSocket; docs/serving.md has the messages."""

from __future__ import annotations

import json
import logging
from typing import Any

from starlette.websockets import WebSocket

from open_seq2seq.errors import RunError
from open_seq2seq.serving.connections import Connection, Ended
from open_seq2seq.serving.gate import SUBPROTOCOL
from open_seq2seq.serving.live import Heard, LiveStream
from open_seq2seq.serving.refusal import Refused
from open_seq2seq.serving.sockets import served
from open_seq2seq.serving.stream_start import Start, json_object, packed
from open_seq2seq.serving.transcription_answers import nbest
from open_seq2seq.streaming import Finished
from open_seq2seq.streaming.events import final_event, partial_event

_log = logging.getLogger(__name__)


async def stream(socket: WebSocket) -> None:
    """Serves one connection."""
    offered = socket.scope.get("subprotocols", ())
    await served(socket, _serve, SUBPROTOCOL if SUBPROTOCOL in offered else None)


async def _serve(connection: Connection) -> None:
    service = connection.socket.app.state.service
    start = Start.of(await connection.receive(), service)
    session = await service.live(start.session)
    live = LiveStream(service, start.model, session, start.format)
    protocol = _Protocol(connection, live, start.resumable)
    await protocol.ready()
    try:
        while True:
            message = await connection.receive()
            if isinstance(message, bytes):
                live.take(message)
                while live.is_full:
                    await protocol.compute()
            elif await protocol.command(json_object(message)):
                break
        await protocol.finish("finished")
    except Ended as ended:  # what was said until then is not lost
        await protocol.finish(str(ended))
        raise
    except RunError as error:
        raise Refused(500, "The recognition failed.", "failed") from error
    finally:
        facts = {"audio": round(live.received, 3), "busy": round(live.busy, 3)}
        connection.socket.state.facts |= facts


class _Protocol:
    """Messages to the client.

    Args:
      connection: the client's.
      live: its stream.
      resumable: whether its state can be asked for.
    """

    def __init__(self, connection: Connection, live: LiveStream, resumable: bool):
        self._connection, self._live, self._resumable = connection, live, resumable
        self._utterance, self._shown = 0, ("", "")

    async def ready(self) -> None:
        """Says that audio may come, and what of it is to be expected."""
        session = self._live.session
        await self._send(
            {
                "type": "ready",
                "id": self._connection.socket.state.id,
                "model": self._live.model.name,
                "sample_rate": session.sample_freq,
                "chunk_seconds": round(session.chunk_seconds, 4),
                "look_ahead": round(session.network.look_ahead, 4),
                "latency": round(session.latency, 4),
                "windows": self._live.model.why_windows is not None,
                "received": round(self._live.received, 4),
            }
        )

    async def command(self, message: dict[str, Any]) -> bool:
        """Does what a message says; returns whether the stream ends.

        Raises:
          Refused: it makes no sense.
        """
        kind = message.get("type")
        if kind == "finish":
            return True
        if kind == "state":
            await self._state()
            return False
        text = f"Found the type {str(kind)[:50]!r}, expected finish or state."
        raise Refused(400, text, "invalid_message", "type")

    async def compute(self) -> bool:
        """Recognises a chunk of what has come, and sends what is new; whether there was any."""
        heard = await self._live.compute()
        if heard is None:
            return False
        for one in heard.ended:
            await self._final(one, heard.latency)
        if heard.partial.decoded > heard.partial.start or not heard.ended:
            await self._partial(heard)
        return True

    async def finish(self, reason: str) -> None:
        """The end: all that waited for it."""
        while await self.compute():
            pass
        ended, latency = await self._live.finish()
        for one in ended:
            await self._final(one, latency)
        factor = round(self._live.real_time_factor, 4)
        received = round(self._live.received, 4)
        await self._send(
            {"type": "end", "reason": reason, "received": received, "real_time_factor": factor}
        )

    async def _state(self) -> None:
        if not self._resumable:
            text = "The stream was begun without `resumable`."
            raise Refused(400, text, "not_resumable", "resumable")
        while await self.compute():
            pass
        model, session = self._live.model.name, self._live.session
        state = await self._live.service.live(lambda: packed(session.state(), model))
        # Bytes of half a sample stay with the client: they come again.
        received = round(session.partial().received, 6)
        await self._send({"type": "state", "state": state, "received": received})

    async def _partial(self, heard: Heard) -> None:
        event = partial_event(heard.partial)
        text, stable = event["text"], event["stable"]
        if (text, stable) == self._shown:
            return
        self._shown = (text, stable)
        await self._event({**event, "unstable": text[len(stable) :]}, heard.latency)

    async def _final(self, finished: Finished, latency: float) -> None:
        endpoint = finished.endpoint
        if endpoint is not None:
            await self._send(
                {
                    "type": "endpoint",
                    "utterance": self._utterance,
                    "rule": endpoint.rule,
                    "start": round(endpoint.start, 4),
                    "end": round(endpoint.end, 4),
                    "trailing_silence": round(endpoint.trailing_silence, 4),
                }
            )
        event = {**final_event(finished), "unstable": "", "nbest": nbest(finished.result)}
        await self._event(event, latency)
        self._utterance, self._shown = self._utterance + 1, ("", "")

    async def _event(self, event: dict[str, Any], latency: float) -> None:
        factor = round(self._live.real_time_factor, 4)
        more = {"utterance": self._utterance, "latency": round(latency, 4)}
        await self._send({**event, **more, "real_time_factor": factor})

    async def _send(self, event: dict[str, Any]) -> None:
        await self._connection.send(json.dumps(event, ensure_ascii=False))
