"""`/v1/stream` and vosk's protocol: the text of the recording, whatever comes between."""

import asyncio
import json
import threading

import numpy as np
import pytest
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from tests.exported_models import RATE, speech, spoken
from tests.serving.conftest import PATH, TEXT, eventually, pcm

PAUSE = "." * 200


class Stream:
    """A client of `/v1/stream`.

    Args:
      client: of the server.
      start: options of the first message.
    """

    def __init__(self, client, path="/v1/stream", **start):
        # The client's end waits for its sockets: without this it never comes.
        self.socket = client.sockets.enter_context(client.websocket_connect(path))
        start = {"type": "start", "model": "streaming", "chunk_seconds": 0.04, **start}
        self.socket.send_json(start)
        self.ready = self.socket.receive_json()

    def send(self, data, size=1001):
        for first in range(0, len(data), size):
            self.socket.send_bytes(data[first : first + size])

    def until(self, kind):
        """The messages up to the next one of a kind."""
        found = []
        while not found or found[-1]["type"] != kind:
            found.append(self.socket.receive_json())
        return found

    def finish(self):
        self.socket.send_json({"type": "finish"})
        found = self.until("end")
        with pytest.raises(WebSocketDisconnect) as closed:
            self.socket.receive_json()
        assert closed.value.code == 1000
        return found


def texts(messages):
    return [one["text"] for one in messages if one["type"] == "final"]


@pytest.mark.parametrize("format", ["s16le", "f32le"])
@pytest.mark.parametrize("model", ["streaming", "levels"])
def test_the_text_of_the_recording(client, format, model):
    samples = speech(PATH)
    stream = Stream(client, model=model, format=format)
    assert stream.ready["sample_rate"] == RATE and stream.ready["windows"] is (model == "levels")
    stream.send(pcm(samples) if format == "s16le" else samples.astype("<f4").tobytes())
    *before, final, end = stream.finish()
    assert final["text"] == TEXT and [one["word"] for one in final["words"]] == TEXT.split()
    assert final["nbest"][0]["text"] == TEXT and final["latency"] >= 0
    assert end["reason"] == "finished" and end["received"] == pytest.approx(len(PATH) / 100)
    for one in before:
        assert one["type"] == "partial" and one["text"] == one["stable"] + one["unstable"]
        assert TEXT.startswith(one["stable"])
    assert (len(before) > 2) is (model == "streaming")


def test_endpoints(client):
    stream = Stream(client, endpoints={"after_speech": 1.0, "nothing_said": None})
    stream.send(pcm(speech("aa-" + PAUSE + "bb-" + PAUSE)), 100_000)
    found = stream.finish()
    assert texts(found) == ["a", "b", ""]
    events = [one for one in found if one["type"] == "endpoint"]
    assert [one["rule"] for one in events] == ["after_speech"] * 2
    assert [one["utterance"] for one in events] == [0, 1]
    starts = [one["words"][0]["start"] for one in found if one["type"] == "final" and one["words"]]
    assert starts == pytest.approx([0.0, (3 + len(PAUSE)) / 100], abs=0.02)


def test_a_stream_goes_on_in_another_connection(client):
    data = pcm(speech(PATH))
    for cut in (802, 1601):  # within a sample: its bytes are the client's
        stream = Stream(client, resumable=True)
        stream.send(data[:cut])
        stream.socket.send_json({"type": "state"})
        state = stream.until("state")[-1]
        stream.socket.close()
        again = Stream(client, state=state["state"])
        assert again.ready["received"] == pytest.approx(state["received"], abs=1e-4)
        again.send(data[round(state["received"] * RATE) * 2 :])
        assert texts(again.finish()) == [TEXT]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"type": "begin"}, "first message"),
        ({"sample_rate": 44.1}, "whole number of Hz"),
        ({"format": "mp3"}, "s16le or f32le"),
        ({"model": "other"}, "levels, streaming"),
        ({"rate": 8000}, "'rate' is no option"),
        ({"endpoints": {"after_speech": 0}}, "above 0"),
        ({"chunk_seconds": 60}, "0.04 to 5"),
        ({"state": "AAAA"}, "something else"),
        ({"hot_words": ["naïve"]}, "naïve"),
        ({"resumable": True, "sample_rate": 16000}, "cannot"),
    ],
)
def test_starts_that_make_no_sense(client, start, words):
    stream = Stream(client, **start)
    assert stream.ready["type"] == "error"
    error = stream.ready["error"]
    assert words in error["message"] or "Resample" in error["message"]
    with pytest.raises(WebSocketDisconnect) as closed:
        stream.socket.receive_json()
    assert closed.value.code == 1008


@pytest.mark.parametrize(
    ("send", "code", "closes"),
    [
        (lambda socket: socket.send_text("no JSON"), "invalid_message", 1008),
        (lambda socket: socket.send_text("[" * 50_000), "invalid_message", 1008),
        (lambda socket: socket.send_text('{"type": "pause"}'), "invalid_message", 1008),
        (lambda socket: socket.send_text('{"type": "state"}'), "not_resumable", 1008),
        (lambda socket: socket.send_bytes(bytes((1 << 20) + 2)), "message_too_large", 1009),
        (lambda socket: socket.send_bytes(bytes(61 * RATE * 2)), "stream_too_long", 1009),
        (lambda socket: socket.send_bytes(b"\xff" * 4000), "invalid_value", 1008),
    ],
    ids=["text", "deep", "type", "state", "large", "long", "NaN"],
)
def test_messages_that_make_no_sense(serve, send, code, closes):
    client = serve(audio_bytes=2 << 20 if code == "stream_too_long" else 1 << 20)
    stream = Stream(client, format="f32le" if code == "invalid_value" else "s16le")
    send(stream.socket)
    assert stream.until("error")[-1]["error"]["code"] == code
    with pytest.raises(WebSocketDisconnect) as closed:
        stream.socket.receive_json()
    assert closed.value.code == closes
    eventually(lambda: len(client.service.connections) == 0)


def test_too_many_streams(serve):
    client = serve(sessions=1)
    stream = Stream(client)
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/v1/stream"):
        pass
    assert refused.value.status_code == 503 and refused.value.headers["retry-after"]
    stream.finish()
    eventually(lambda: len(client.service.connections) == 0)
    assert texts(Stream(client).finish()) == [""]


def test_a_silent_client_gets_its_text_and_is_ended(serve):
    client = serve(receive_seconds=0.1)
    stream = Stream(client)
    stream.send(pcm(speech(PATH)))
    found = stream.until("end")
    assert texts(found) == [TEXT] and found[-1]["reason"] == "nothing was heard"
    with pytest.raises(WebSocketDisconnect) as closed:
        stream.socket.receive_json()
    assert closed.value.code == 1012


def test_a_client_is_not_silent_while_its_audio_is_computed(serve, monkeypatch):
    client = serve(receive_seconds=0.2)
    live = client.service.live

    async def slowly(work):
        await asyncio.sleep(1.5)  # longer than the silence that is allowed, and a look for it
        return await live(work)

    stream = Stream(client)
    monkeypatch.setattr(client.service, "live", slowly)
    stream.socket.send_bytes(pcm(speech(PATH)))
    found = stream.finish()
    assert texts(found) == [TEXT] and found[-1]["reason"] == "finished"


def test_nobody_gets_anothers_text(serve):
    client = serve(sessions=16)
    rng = np.random.default_rng(0)
    said = ["".join(rng.choice(list("abc"), 12)) for _ in range(12)]
    data = [pcm(speech(spoken(one, rng))) for one in said]
    found = [None] * len(said)

    def talk(number):
        stream = Stream(client, endpoints={"nothing_said": None, "after_speech": None})
        stream.send(data[number], 700)
        found[number] = texts(stream.finish())

    threads = [threading.Thread(target=talk, args=[number]) for number in range(len(said))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[one] for one in said]


# --- vosk


def vosk(client, *messages, path="/vosk"):
    """What vosk's Python client does: an answer for each message but the config; all answers."""
    answers = []
    with client.websocket_connect(path) as socket:
        for message in messages:
            if isinstance(message, bytes):
                socket.send_bytes(message)
            else:
                socket.send_text(message)
            if not str(message).startswith('{"config":'):
                answers.append(json.loads(socket.receive_text()))
    return answers


def config(**values):
    return json.dumps({"config": {"model": "streaming", **values}})


@pytest.mark.parametrize("path", ["/", "/vosk"])
def test_vosk(client, path):
    data = pcm(speech(PATH))
    parts = [data[first : first + 800] for first in range(0, len(data), 800)]
    *partials, result = vosk(client, config(sample_rate=RATE), *parts, '{"eof" : 1}', path=path)
    assert len(partials) == len(parts) and all(set(one) == {"partial"} for one in partials)
    assert result["text"] == TEXT
    assert [one["word"] for one in result["result"]] == TEXT.split()
    assert set(result["result"][0]) == {"conf", "end", "start", "word"}


def test_vosk_of_another_rate(client):
    doubled = np.repeat(np.abs(speech(PATH)), 2)  # a tone at half the rate would be filtered away
    assert vosk(client, config(sample_rate=2 * RATE), pcm(doubled), '{"eof":1}')[-1]["text"] == TEXT


def test_vosk_without_words_and_with_alternatives(client):
    data = pcm(speech(PATH))
    assert vosk(client, config(words=False), data, '{"eof" : 1}')[-1] == {"text": TEXT}
    found = vosk(client, config(max_alternatives=2), data, '{"eof" : 1}')[-1]["alternatives"]
    assert len(found) == 2 and found[0]["text"] == TEXT
    assert set(found[0]["result"][0]) == {"end", "start", "word"}
    assert found[0]["confidence"] > found[1]["confidence"]


def test_vosk_results_at_endpoints_and_resets(client):
    data = pcm(speech("aa-" + PAUSE))
    *answers, end = vosk(client, config(), data, data, '{"reset" : 1}', data, '{"eof" : 1}')
    assert [one.get("text") for one in answers] == ["a", "a", "", "a"]
    assert end == {"text": ""}


def test_vosk_says_what_is_wrong(client):
    (answer,) = vosk(client, '{"end": 1}')
    assert "eof" in answer["error"]["message"]
    data, late = vosk(client, b"\0\0", '{"configs": 1}')
    assert data == {"partial": ""} and late["type"] == "error"
