"""What attackers send: damaged media, names of files, half requests, streams that are cut off."""

import ast
import io
import json
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from open_seq2seq.serving import browser_audio
from tests.exported_models import speech
from tests.serving.conftest import PATH, TEXT, eventually, pcm, transcribe, wave
from tests.tiers import slow

ROOT = Path(__file__).parents[2]
LONG = np.concatenate([speech(PATH)] * 3)
MEDIA = {
    "wav": wave(),
    "flac": wave(LONG, format="FLAC", subtype="PCM_16"),
    "ogg": wave(LONG, format="OGG", subtype="VORBIS"),
    "mp3": wave(LONG, format="MP3", subtype="MPEG_LAYER_III"),
    "aiff": wave(format="AIFF", subtype="PCM_16"),
}


# What browsers record: container, codec, and the format of its samples.
BROWSERS = {"webm": ("libopus", "flt"), "mp4": ("aac", "fltp")}


def of_a_browser(container):
    """A recording as browsers make it, of a second."""
    import av

    codec, format = BROWSERS[container]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=48_000, layout="mono")
        samples = np.sin(np.arange(48_000) * 0.05, dtype=np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples, format=format, layout="mono")
        frame.sample_rate = 48_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def mutated(data, rng):
    """Bytes changed, cut, moved or repeated; more often in the header, where lengths are."""
    found = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        size = len(found)
        at = int(rng.integers(min(size, 100) if rng.random() < 0.6 else size))
        kind = rng.integers(5)
        if kind == 0:
            found[at] = rng.integers(256)
        elif kind == 1:
            found[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"])
        elif kind == 2:
            found[at : at + 8] = rng.bytes(8)
        elif kind == 3:
            del found[at : at + int(rng.integers(1, 50))]
        else:
            found[at:at] = found[at : at + int(rng.integers(1, 200))]
        if not found:
            return b""
    return bytes(found)


@pytest.mark.parametrize("count", [100, slow(10_000)])
def test_damaged_recordings_are_answered(serve, count, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client, rng = serve(starts_per_minute=10**9), np.random.default_rng(count)
    kinds, statuses = list(MEDIA), set()
    for number in range(count):
        answer = transcribe(client, mutated(MEDIA[kinds[number % len(kinds)]], rng))
        statuses.add(answer.status_code)
        assert answer.status_code in (200, 400, 413, 415), (number, answer.text)
    assert {200, 400} <= statuses
    assert transcribe(client).json()["text"] == TEXT and not list(tmp_path.iterdir())


@pytest.mark.parametrize("container", BROWSERS)
def test_a_recording_of_a_browser(client, container):
    answer = transcribe(client, of_a_browser(container), response_format="verbose_json")
    assert answer.status_code == 200
    assert answer.json()["duration"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("container", BROWSERS)
def test_damaged_recordings_of_browsers_are_answered(client, container, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data, rng = of_a_browser(container), np.random.default_rng(0)
    for _ in range(60):
        answer = transcribe(client, mutated(data, rng))
        assert answer.status_code in (200, 400, 413, 415), answer.text
    assert not list(tmp_path.iterdir())


# The process that decodes, forked once PyAV is there: it takes a second to import.
FORKS = """
import os, sys
import av
sys.path.insert(0, sys.argv[1])
import decode_worker

folder, container, codes = sys.argv[2], sys.argv[3], {}
for name in sorted(os.listdir(folder)):
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.path.join(folder, name), os.O_RDONLY), 0)
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.dup2(1, 2)
        sys.argv[1:] = [container, "16000"]
        os._exit(decode_worker.main())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    codes[code] = codes.get(code, 0) + 1
print(codes)
"""


@pytest.mark.slow
@pytest.mark.parametrize("container", BROWSERS)
def test_damaged_recordings_end_the_decoder_in_order(container, tmp_path):
    """Ten thousand of them: it decodes, or says that it cannot; it neither crashes nor hangs."""
    rng, data = np.random.default_rng(1), of_a_browser(container)
    for number in range(5000):
        (tmp_path / f"{number:05}").write_bytes(mutated(data, rng))
    names = {"webm": "matroska", "mp4": "mp4"}
    worker = str(Path(browser_audio.__file__).parent)
    command = [sys.executable, "-c", FORKS, worker, str(tmp_path), names[container]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    codes = ast.literal_eval(done.stdout)
    assert set(codes) == {0, 1} and sum(codes.values()) == 5000, codes


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\r\nX-Evil: 1", "a\0b.wav", "CON", "ü" * 5000]
)
def test_names_are_never_paths_or_headers(client, name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = transcribe(client, name=name)
    assert "x-evil" not in answer.headers
    assert answer.status_code in (200, 400)
    assert not list(tmp_path.iterdir())


def test_fields_are_never_headers(client):
    answer = transcribe(client, language="en\r\nX-Evil: 1", response_format="verbose_json")
    assert answer.status_code == 200 and "x-evil" not in answer.headers
    wrong = transcribe(client, model="a\r\nX-Evil: 1")
    assert wrong.status_code == 404 and "x-evil" not in wrong.headers


def test_hours_of_silence_in_a_few_kilobytes(serve):
    hours = io.BytesIO()
    soundfile.write(hours, np.zeros(2 * 3600 * 1000, np.int16), 1000, "PCM_16", format="FLAC")
    client = serve(upload_seconds=3600.0)
    assert len(hours.getvalue()) < 100_000
    answer = transcribe(client, hours.getvalue())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "audio_too_long")


def test_no_more_bodies_than_may_wait(serve):
    client = serve(uploads=1, waiting=1)
    service = client.service
    with service.body(), service.body():
        answer = transcribe(client)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "too_many_uploads")
        assert service.busy
    assert transcribe(client).status_code == 200 and not service.busy


def test_what_is_computed_for_nobody_is_known(client):
    service, begun, end = client.service, threading.Event(), threading.Event()

    def work():
        begun.set()
        end.wait(10)

    job = client.portal.start_task_soon(service.upload, work)
    assert begun.wait(10) and service.computes
    end.set()
    job.result(10)
    assert not service.computes


# --- a server in a process of its own, and clients without manners

SCRIPT = """
import sys
import open_seq2seq.start
from open_seq2seq.commands.serve import main
from open_seq2seq.serving.server import _PatientProtocol

_PatientProtocol.SECONDS = 1.0
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def place(folder):
    """Host and port."""
    command = [sys.executable, "-c", SCRIPT, f"levels={folder}", "--port=0"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "Serving" in line:
            break
    yield "127.0.0.1", int(line.rsplit(":", 1)[1].split("/")[0])
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def asked(place, data, half_closed=False):
    """All that comes back for some bytes, until the server closes."""
    with socket.create_connection(place, timeout=20) as client:
        client.sendall(data)
        if half_closed:
            client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            return answer.read()


def gauge(place, name):
    text = asked(place, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return float(text.decode().split(f"\nopen_seq2seq_{name} ")[1].split("\n")[0])


@pytest.mark.slow
def test_clients_without_manners(place):
    from websockets.sync.client import connect

    get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    # A request whose headers do not end, the first of its connection and a later one.
    assert asked(place, get) == b""
    assert asked(place, get + b"\r\n" + get).count(b"200 OK") == 1
    # Headers in headers, lengths that contradict each other.
    assert b" 400 " in asked(place, get + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n")
    assert b" 400 " in asked(place, get + b"Transfer-Encoding: evil\r\n\r\n")
    assert b"Evil" not in asked(place, get + b"X-Request-ID: a%0d%0aEvil: 1\r\n"
                                       b"Connection: close\r\n\r\n")  # fmt: skip
    # Uploads and streams that are cut off.
    begin = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    )
    for _ in range(100):
        with closing(socket.create_connection(place)) as client:
            client.sendall(begin)
    address = f"ws://{place[0]}:{place[1]}/v1/stream"
    for _ in range(20):
        cut = connect(address, proxy=None)
        cut.send('{"type": "start"}')
        cut.send(pcm(LONG))
        cut.socket.close()
    eventually(lambda: gauge(place, "sessions") == gauge(place, "uploads") == 0)
    # And it still works.
    with connect(address, proxy=None) as stream:
        stream.send('{"type": "start"}')
        stream.send(pcm(speech(PATH)))
        stream.send('{"type": "finish"}')
        said = [one["text"] for one in map(json.loads, stream) if one["type"] == "final"]
    assert said == [TEXT]
