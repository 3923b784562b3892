"""Servers in processes of their own: another model, TLS, two behind a proxy, logs."""

import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from itertools import cycle

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.client import connect

from tests.exported_models import speech, write_exported
from tests.serving.conftest import PATH, TEXT, eventually, wave
from tests.serving.page_browser import ROOT, server

pytestmark = pytest.mark.slow
SAMPLES = speech(PATH).astype("<f4")
START = {"type": "start", "format": "f32le"}


def finals(socket):
    """The texts of a stream that is over."""
    return [one["text"] for one in map(json.loads, socket) if one["type"] == "final"]


def metric(address, name):
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(one.split()[-1]) for one in lines if one.startswith(f"open_seq2seq_{name}"))


def ws(address):
    return address.replace("http", "ws", 1) + "/v1/stream"


def test_sighup_takes_the_new_model_and_streams_keep_the_old_one(tmp_path):
    folder = tmp_path / "model"
    write_exported(folder)
    with server(folder, "--quiet") as (address, process), connect(ws(address)) as old:
        old.send(json.dumps(START))
        old.send(SAMPLES[:800].tobytes())
        assert json.loads(old.recv())["type"] == "ready"
        shutil.rmtree(folder)
        process.send_signal(signal.SIGHUP)  # nothing can be loaded: all stays
        eventually(lambda: metric(address, 'reloads_total{outcome="failed"}') == 1, 30)
        with connect(ws(address)) as other:
            other.send(json.dumps(START))
            other.send(SAMPLES.tobytes())
            other.send('{"type": "finish"}')
            assert finals(other) == [TEXT]
        write_exported(folder, symbols=(" ", "x", "y", "z"))
        process.send_signal(signal.SIGHUP)
        eventually(lambda: metric(address, 'reloads_total{outcome="done"}') == 1, 30)
        old.send(SAMPLES[800:].tobytes())
        old.send('{"type": "finish"}')
        assert finals(old) == [TEXT]
        with connect(ws(address)) as new:
            new.send(json.dumps(START))
            new.send(SAMPLES.tobytes())
            new.send('{"type": "finish"}')
            assert finals(new) == [TEXT.translate(str.maketrans("abc", "xyz"))]


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """PEM files of a certificate of localhost and its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, form, plain)
    (folder / "key.pem").write_bytes(data)
    return folder / "cert.pem", folder / "key.pem"


def test_tls(folder, certificate):
    cert, key = certificate
    flags = [f"--certificate={cert}", f"--certificate_key={key}", "--quiet"]
    with server(folder, *flags) as (address, _):
        assert address.startswith("https://")
        address = address.replace("127.0.0.1", "localhost")
        trusts = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"{address}/readyz", context=trusts) as answer:
            assert answer.read() == b"ready\n"
        with connect(ws(address), ssl=trusts) as stream:
            stream.send(json.dumps(START))
            stream.send(SAMPLES.tobytes())
            stream.send('{"type": "finish"}')
            assert finals(stream) == [TEXT]
        with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
            urllib.request.urlopen(f"{address}/readyz")
        plain = address.replace("https", "http")
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(f"{plain}/readyz", timeout=20)


def test_a_key_of_another_certificate(folder, certificate, tmp_path):
    other = tmp_path / "key.pem"
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    command = [sys.executable, ROOT / "scripts/serve.py", str(folder), "--port=0",
               f"--certificate={certificate[0]}", f"--certificate_key={other}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "TLS cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


# --- two processes


@contextmanager
def round_robin(addresses):
    """A proxy of TCP in threads: each connection goes to the next server. Its address, and whom
    it asked."""
    turns, asked = cycle(addresses), []

    def copy(source, target):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def accept():
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            asked.append(next(turns))
            host, port = asked[-1].removeprefix("http://").split(":")
            behind = socket.create_connection((host, int(port)))
            for pair in ((client, behind), (behind, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)


def test_a_stream_moves_between_processes(folder):
    with ExitStack() as stack:
        both = [stack.enter_context(server(folder, "--quiet"))[0] for _ in range(2)]
        address, asked = stack.enter_context(round_robin(both))
        start, first, said = {**START, "resumable": True}, 0, []
        for end in (700, 1230, len(SAMPLES)):
            with connect(ws(address)) as stream:
                stream.send(json.dumps(start))
                assert json.loads(stream.recv())["received"] == pytest.approx(
                    first / 8000, abs=1e-4
                )
                stream.send(SAMPLES[first:end].tobytes())
                stream.send('{"type": "finish"}' if end == len(SAMPLES) else '{"type": "state"}')
                messages = []
                while not messages or messages[-1]["type"] not in ("state", "end"):
                    messages.append(json.loads(stream.recv()))
                said += [one["text"] for one in messages if one["type"] == "final"]
            if messages[-1]["type"] == "state":
                start = {**START, "state": messages[-1]["state"]}
                first = round(messages[-1]["received"] * 8000)
        assert said == [TEXT]
        assert asked == [both[0], both[1], both[0]]


# --- logs


def test_each_request_is_a_line_of_json_with_its_id_and_no_speech(folder):
    with server(folder) as (address, process):
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="secret.wav"\r\n\r\n'
        body += wave() + b"\r\n--b--\r\n"
        request = urllib.request.Request(
            f"{address}/v1/audio/transcriptions?secret=1",
            body,
            {"Content-Type": "multipart/form-data; boundary=b", "X-Request-ID": "upload-1"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["X-Request-ID"] == "upload-1"
            assert json.loads(answer.read())["text"] == TEXT
        headers = {"X-Request-ID": "stream-1"}
        with connect(ws(address), additional_headers=headers) as stream:
            stream.send(json.dumps({**START, "hot_words": ["secret"]}))
            assert json.loads(stream.recv())["error"]["param"] == "hot_words"
        with connect(ws(address), additional_headers=headers) as stream:
            stream.send(json.dumps(START))
            stream.send(SAMPLES.tobytes())
            stream.send('{"type": "finish"}')
            assert finals(stream) == [TEXT]
        eventually(lambda: metric(address, "sessions ") == 0)
        process.send_signal(signal.SIGTERM)
        log = process.stderr.read()
    lines = [json.loads(one) for one in log.splitlines() if one.startswith("{")]
    requests = [one for one in lines if "path" in one]
    upload, *streams = [one for one in requests if one["id"] in ("upload-1", "stream-1")]
    assert (upload["path"], upload["status"], upload["audio"]) == (
        "/v1/audio/transcriptions", 200, 0.21)  # fmt: skip
    assert [one["path"] for one in streams] == ["/v1/stream"] * 2
    assert streams[1]["audio"] == 0.21 and all(re.match(r"\d{4}-", one["time"]) for one in lines)
    assert "secret" not in log and TEXT not in log
