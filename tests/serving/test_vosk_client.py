"""vosk's own client of WebSockets, as its package on PyPI has it."""

import argparse
import importlib.util
import queue
import shutil

import numpy as np
import pytest
import soundfile

from tests.exported_models import RATE, speech
from tests.serving.conftest import PATH, TEXT
from tests.serving.page_browser import server

needs = "needs the package vosk, and ffmpeg, which its client reads files with"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not importlib.util.find_spec("vosk") or not shutil.which("ffmpeg"), reason=needs
    ),
]


def test_vosk_transcriber(folder, tmp_path):
    from vosk.transcriber.transcriber import Transcriber

    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for path in paths:
        # It sends 16 kHz: a tone at half the rate would be filtered away.
        soundfile.write(path, np.abs(speech(PATH)), RATE)
    # `vosk-transcriber --server` wants a model besides, unused: so without `__init__`.
    client = Transcriber.__new__(Transcriber)
    client.queue = queue.Queue()
    with server(folder, "--quiet") as (address, _):
        client.args = argparse.Namespace(
            server=address.replace("http", "ws"), tasks=2, output_type="txt"
        )
        client.process_task_list([(str(path), str(path.with_suffix(".txt"))) for path in paths])
        said = [path.with_suffix(".txt").read_text() for path in paths]
        client.args.output_type = "srt"
        client.process_task_list([(str(paths[0]), str(tmp_path / "a.srt"))])
    assert said == [f"{TEXT}\n"] * 3
    assert TEXT in (tmp_path / "a.srt").read_text() and "-->" in (tmp_path / "a.srt").read_text()
