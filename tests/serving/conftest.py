"""A server over two tiny models whose texts are known: one for recordings, one that streams."""

import io
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.serving import Limits
from open_seq2seq.serving.api_keys import ApiKeys
from open_seq2seq.serving.app import make_app
from open_seq2seq.serving.models import Models
from open_seq2seq.serving.origins import Origins
from open_seq2seq.serving.service import Service
from tests.exported_models import RATE, speech, write_exported
from tests.streaming.levels import LevelsNetwork

PATH = "..aaa-bb--  -cc-a--.."
TEXT = "ab ca"
KEY = "a-key-of-sixteen-letters"
LIMITS = Limits(sessions=4, upload_bytes=1 << 20, upload_seconds=60.0, stream_seconds=60.0)


def wave(samples=None, rate=RATE, format="WAV", subtype="FLOAT"):
    """A recording as bytes."""
    file = io.BytesIO()
    soundfile.write(
        file, speech(PATH) if samples is None else samples, rate, subtype, format=format
    )
    return file.getvalue()


def pcm(samples):
    """16-bit samples as bytes."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """An exported model."""
    folder = tmp_path_factory.mktemp("served") / "levels"
    write_exported(folder)
    return folder


@pytest.fixture(scope="session")
def models(folder):
    """`levels` needs whole recordings (as far as is known), `streaming` streams."""

    def streaming():
        recognizer = Recognizer.load(folder, threads=1)
        recognizer._make_streaming = lambda: LevelsNetwork(delay=2)
        return recognizer

    return Models({"levels": lambda: Recognizer.load(folder, threads=1), "streaming": streaming})


@pytest.fixture
def serve(models):
    """Makes a client of a server with other limits or keys."""
    clients = []

    def make(keys=None, allowed=(), host="testserver", **limits):
        keys = ApiKeys(keys) if keys else None
        service = Service(models, replace(LIMITS, **limits), Origins(host, allowed), keys)
        client = TestClient(make_app(service), raise_server_exceptions=False)
        client.__enter__()
        client.service, client.sockets = service, ExitStack()
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.sockets.close()
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve):
    """A client of a server without keys."""
    return serve()


def transcribe(client, data=None, name="a.wav", headers=None, **fields):
    """The answer to an upload."""
    files = {"file": (name, wave() if data is None else data)}
    return client.post("/v1/audio/transcriptions", files=files, data=fields, headers=headers)


def eventually(holds, seconds=10.0):
    """Waits until something holds."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    assert holds()
