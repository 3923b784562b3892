"""Clients that do not read, send too much, or are gone: memory is bounded, others have their text.

A real server, in a thread, whose buffers can be looked at.
"""

import base64
import json
import os
import socket
import struct
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from websockets.sync.client import connect

from open_seq2seq.serving import server as server_module
from open_seq2seq.serving.origins import Origins
from open_seq2seq.serving.server import listening_socket, run_server
from open_seq2seq.serving.service import Service
from tests.exported_models import RATE, speech
from tests.serving.conftest import LIMITS, PATH, TEXT, eventually, pcm

# More than any buffer of the kernel holds.
MUCH = 64 << 20
# What asyncio lets wait before it says that a client is slow, and a message.
BUFFER = 256 << 10


class Running:
    """A server in a thread.

    Args:
      service: its.
      port: where it listens.
      made: uvicorn's server.
    """

    def __init__(self, service, port, made):
        self.service, self.port, self._made = service, port, made

    def clients(self):
        """What uvicorn keeps of each."""
        return list(self._made[0].server_state.connections)

    def text(self):
        """What a client with manners gets."""
        with connect(
            f"ws://127.0.0.1:{self.port}/v1/stream", proxy=None, open_timeout=60
        ) as stream:
            stream.send('{"type": "start", "model": "streaming"}')
            stream.send(pcm(speech(PATH)))
            stream.send('{"type": "finish"}')
            return [one["text"] for one in map(json.loads, stream) if one["type"] == "final"]


@pytest.fixture
def serving(models, monkeypatch):
    """Runs a server with other limits."""
    made = []

    class Known(server_module._Server):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(server_module, "_Server", Known)

    @contextmanager
    def run(**limits):
        service = Service(models, replace(LIMITS, **limits), Origins("127.0.0.1", ()))
        with listening_socket("127.0.0.1", 0) as listening:
            arguments = service, listening, lambda text: None
            thread = threading.Thread(target=run_server, args=arguments)
            thread.start()
            eventually(lambda: made and made[0].started)
            try:
                yield Running(service, listening.getsockname()[1], made)
            finally:
                made[0].should_exit = True
                thread.join(60)
        assert not thread.is_alive()

    return run


def frame(kind, data):
    """A frame of RFC 6455 as clients send it, masked with zeros."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([0x80 | kind]) + length + bytes(4) + data


PING, AUDIO, START = 9, 2, 1


def rude(running, **start):
    """A client that has begun a stream, and reads nothing more."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", running.port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
        f"Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert client.recv(4096).startswith(b"HTTP/1.1 101")
    start = {"type": "start", "model": "streaming", "chunk_seconds": 0.04, **start}
    client.sendall(frame(START, json.dumps(start).encode()))
    client.settimeout(2.0)
    return client


def sent(client, data):
    """How much of the data, again and again, the server takes."""
    count = 0
    try:
        while count < MUCH:
            count += client.send(data)
    except (TimeoutError, ConnectionError):
        pass
    return count


@pytest.mark.slow
def test_pings_of_a_client_that_does_not_read(serving):
    limits = {"receive_seconds": 1.0, "send_seconds": 0.5}
    with serving(**limits) as running, closing(rude(running)) as client:
        assert sent(client, frame(PING, bytes(100)) * 500) < MUCH
        for one in running.clients():
            assert one.transport.get_write_buffer_size() < BUFFER
        assert running.text() == [TEXT]
        # It is silent, it cannot be told, and it is not waited for.
        eventually(lambda: not running.clients() and not running.service.busy)


@pytest.mark.slow
def test_results_that_nobody_reads(serving):
    with serving(send_seconds=0.5, stream_seconds=1e6) as running:
        long = {"endpoints": {"nothing_said": None, "after_speech": None, "too_long": 600}}
        with closing(rude(running, **long)) as client:
            assert sent(client, frame(AUDIO, pcm(speech("a-b-c- " * 50)))) < MUCH
            assert running.text() == [TEXT]
            eventually(lambda: not running.clients() and not running.service.busy, 30)


def test_audio_faster_than_it_is_computed_stays_with_its_client(serving):
    with serving(stream_seconds=1e6) as running:
        go_on, computing = threading.Event(), threading.Event()
        network = running.service.models.named("streaming").pool.network
        compute = network.compute

        def slow(pieces):
            computing.set()
            assert go_on.wait(60)
            return compute(pieces)

        network.compute = slow
        try:
            with closing(rude(running)) as client:
                data = frame(AUDIO, bytes(20_000))
                assert sent(client, data) < MUCH
                assert computing.is_set()
                (one,) = running.clients()
                # What had come in one go; the rest is in the kernel, and with the client.
                assert one.read_paused and one.queue.qsize() <= BUFFER / len(data) + 1
        finally:
            network.compute = compute
            go_on.set()
        eventually(lambda: not running.service.busy and not running.service.computes)
        assert running.text() == [TEXT]


@pytest.mark.parametrize("end", ["half closed", "reset", "in a frame"])
def test_clients_that_are_gone(serving, end):
    with serving() as running:
        for _ in range(5):
            client = rude(running)
            client.sendall(frame(AUDIO, pcm(speech(PATH))))
            if end == "half closed":
                client.shutdown(socket.SHUT_WR)
                eventually(lambda: not running.clients())  # though the client waits
            elif end == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                client.sendall(frame(AUDIO, bytes(RATE))[:-100])
            client.close()
            # Its stream is given back when what it had sent is computed.
            eventually(lambda: not running.clients() and not running.service.busy)
        assert running.text() == [TEXT]
