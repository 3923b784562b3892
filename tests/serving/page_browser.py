"""Chromium with a microphone that plays a file, and a server of the packaged digits model."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from open_seq2seq.data.audio import read_audio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "example_data/digits/recordings"
SAID = {"3_theo_1": "three", "7_jackson_2": "seven", "4_lucas_4": "four"}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_RATE = 16000


def microphone_file(path: Path, names: Sequence[str] = tuple(SAID), pause: float = 2.0) -> Path:
    """Digits with pauses; the last buffer of a fake microphone repeats, so that it is silence."""
    silence = np.zeros(int(pause * _RATE), np.float32)
    parts = [read_audio(RECORDINGS / f"{name}.flac", _RATE) for name in names]
    samples = np.concatenate([silence[: _RATE // 2], *(x for one in parts for x in (one, silence))])
    soundfile.write(path, samples, _RATE, "PCM_16")
    return path


@contextmanager
def server(folder: str | Path, *flags: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process of its own: its address, and the process."""
    command = [
        sys.executable,
        str(ROOT / "scripts/serve.py"),
        f"digits={folder}",
        "--port=0",
        *flags,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        address = next(line for line in process.stderr if "Serving" in line)
        address = address.split(": ", 1)[1].split("/ ")[0]
        yield address, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@contextmanager
def chromium(playwright: Playwright, sound: Path, permitted: bool = True) -> Iterator[Browser]:
    """A browser whose microphone plays a file.

    Args:
      playwright: of `playwright.sync_api.sync_playwright`.
      sound: the file; what it ends with is repeated.
      permitted: whether pages get the microphone.
    """
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream",
             f"--use-file-for-fake-audio-capture={sound}%noloop"]  # fmt: skip
    if permitted:
        flags.append("--use-fake-ui-for-media-stream")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
    try:
        yield browser
    finally:
        browser.close()
