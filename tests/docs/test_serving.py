"""The programs of docs/serving.md and OpenAI's client, as they are, against a real server."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import openai
import pytest
import soundfile
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from open_seq2seq.serving.limits import Limits
from tests.exported_models import RATE, speech
from tests.serving.conftest import PATH, TEXT, folder, wave  # noqa: F401
from tests.serving.page_browser import server

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[2] / "docs/serving.md").read_text()
ADDRESS = "127.0.0.1:8000"


@pytest.fixture(scope="module")
def address(folder):  # noqa: F811
    with server(folder) as (address, _):
        yield address


@pytest.fixture
def talk(tmp_path):
    soundfile.write(tmp_path / "talk.flac", speech(PATH), RATE, "PCM_16")
    return tmp_path


def run(command, talk):
    done = subprocess.run(command, cwd=talk, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("program", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_programs_of_python(program, address, talk):
    program = program.replace(ADDRESS, address.removeprefix("http://"))
    assert run([sys.executable, "-c", program], talk) == f"{TEXT}\n"


def test_curl(address, talk):
    (command,) = re.findall(r"^    (curl .*)$", PAGE, re.MULTILINE)
    command = command.replace(f"http://{ADDRESS}", address)
    assert run(["bash", "-c", f"{command} -s"], talk).startswith("1\n00:00:00,020 --> ")


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_javascript(address, talk):
    (program,) = re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)
    program = program.replace(ADDRESS, address.removeprefix("http://"))
    more = 'setTimeout(() => socket.send(\'{"type": "finish"}\'), 500);'
    # Browsers have WebSocket; so has node from 22 on, before that with the flag.
    command = ["node", "--experimental-websocket", "-e", program + more]
    assert "type: 'end'" in run(command, talk)


def test_every_limit_is_in_the_table():
    table = PAGE.split("## Limits")[1].split("\n## ")[0]
    limits = Limits()
    for value in (limits.sessions, limits.waiting, limits.waiting_per_client, limits.channels,
                  limits.starts_per_minute, limits.hot_words, limits.beam_width, limits.nbest,
                  limits.upload_bytes >> 20, limits.message_bytes >> 20,
                  round(limits.upload_seconds / 60)):  # fmt: skip
        assert re.search(rf"\b{value}\b", table), value


# --- OpenAI's own client


def test_openai_client(address):
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    assert [one.id for one in client.models.list()] == ["digits"]
    create = client.audio.transcriptions.create
    file = ("a.wav", wave())
    assert create(model="whisper-1", file=file).text == TEXT
    assert create(model="digits", file=file, response_format="text") == f"{TEXT}\n"
    verbose = create(model="digits", file=file, response_format="verbose_json",
                     timestamp_granularities=["word", "segment"])  # fmt: skip
    assert [one.word for one in verbose.words] == TEXT.split()
    assert verbose.segments[0].text.strip() == TEXT and verbose.duration > 0
    events = list(create(model="digits", file=file, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].text == TEXT
    assert "".join(one.delta for one in events[:-1]) == TEXT
    with pytest.raises(openai.NotFoundError, match="There is no model"):
        create(model="gpt", file=file)
    with pytest.raises(openai.BadRequestError) as refused:
        create(model="digits", file=("a.wav", wave()[:60]))
    assert refused.value.code == "invalid_audio" and refused.value.param == "file"


# --- the end of a server


def test_sigterm_lets_go_on_what_goes_on(folder):  # noqa: F811
    with server(folder, "--drain_seconds=1") as (address, process):
        with connect(f"{address.replace('http', 'ws')}/v1/stream") as socket:
            socket.send('{"type": "start", "format": "f32le"}')
            socket.send(speech(PATH).astype("<f4").tobytes())
            assert json.loads(socket.recv())["type"] == "ready"
            process.send_signal(signal.SIGTERM)
            messages = []
            with pytest.raises(ConnectionClosedError) as closed:
                while True:
                    messages.append(json.loads(socket.recv()))
            assert closed.value.rcvd.code == 1012
        assert [one["text"] for one in messages if one["type"] == "final"] == [TEXT]
        assert messages[-1]["reason"] == "the server stops"
        thread = threading.Thread(target=process.stderr.read)  # so that it can write
        thread.start()
        assert process.wait(30) == 0
        thread.join()
