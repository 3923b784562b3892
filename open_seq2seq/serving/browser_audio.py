"""What browsers record, WebM and MP4, as WAV: decoded by another process, PyAV's or ffmpeg's.

In a process of its own a decoder that crashes, or runs for ever, takes nothing with it. The
container is told to it, so that no file can make it open another one (playlists, references).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from open_seq2seq.serving.refusal import Refused

_WORKER = Path(__file__).with_name("decode_worker.py")
_RATE = 16_000
_READ = 1 << 16
# Seconds; and so many more for each second of audio that may come.
_PATIENCE, _PATIENCE_FOR_A_SECOND = 20.0, 0.05


def is_browser_audio(head: bytes) -> bool:
    """Whether a file begins as WebM (Matroska) or MP4 do."""
    return _container(head) is not None


def _container(head: bytes) -> str | None:
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    return "mp4" if head[4:8] == b"ftyp" else None


def decode_browser_audio(file: IO[bytes], wave: IO[bytes], most_seconds: float) -> None:
    """Writes the first audio track of a file as WAV, one channel.

    Args:
      file: WebM or MP4, at its beginning.
      wave: gets the WAV.
      most_seconds: a longer one is refused.

    Raises:
      Refused: it does not decode, is too long, or there is nothing to decode it with.
    """
    container = _container(file.read(64))
    file.seek(0)
    assert container is not None
    command = _decoder(container)
    # The other process reads where the descriptor is, which is behind what was buffered here.
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    process = subprocess.Popen(
        command,
        stdin=file.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        close_fds=True,
    )
    assert process.stdout is not None
    patience = threading.Timer(_PATIENCE + most_seconds * _PATIENCE_FOR_A_SECOND, process.kill)
    patience.start()
    count, rest = 0, b""
    try:
        with soundfile.SoundFile(wave, "w", _RATE, 1, "FLOAT", format="WAV") as out:
            while data := process.stdout.read(_READ):
                data = rest + data
                whole = len(data) // 4 * 4
                rest = data[whole:]
                samples = np.frombuffer(data[:whole], "<f4")
                out.write(np.nan_to_num(samples, posinf=0.0, neginf=0.0))
                count += len(samples)
                if count > most_seconds * _RATE:
                    text = f"The recording is longer than {most_seconds:g} seconds."
                    raise Refused(413, text, "audio_too_long", "file")
    finally:
        patience.cancel()
        process.kill()
        process.stdout.close()
        code = process.wait()
    if not count or code not in (0, -9):
        text = "file: found a WebM or MP4 file whose audio does not decode, expected a whole one."
        raise Refused(400, text, "invalid_audio", "file")
    wave.flush()


def _decoder(container: str) -> Sequence[str]:
    """The command that turns standard input into floats.

    Raises:
      Refused: none is installed.
    """
    if importlib.util.find_spec("av") is not None:
        return [sys.executable, "-I", str(_WORKER), container, str(_RATE)]
    if program := shutil.which("ffmpeg"):
        return [program, "-nostdin", "-v", "quiet", "-protocol_whitelist", "fd,pipe,file",
                "-f", container, "-i", "/dev/stdin", "-map", "0:a:0", "-vn", "-ac", "1",
                "-ar", str(_RATE), "-f", "f32le", "pipe:1"]  # fmt: skip
    text = (
        "WebM and MP4 need PyAV (pip install 'open-seq2seq[serve]') or ffmpeg on the server; WAV, "
        "FLAC, Ogg and MP3 do not."
    )
    raise Refused(415, text, "unsupported_format", "file")
