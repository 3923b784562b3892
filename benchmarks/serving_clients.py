"""What `serving.py` lets loose on a server: clients, their recordings, the server in a process."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from websockets.asyncio.client import connect

from open_seq2seq.data.audio import read_audio
from open_seq2seq.inference.recognizer import Recognizer

ROOT = Path(__file__).resolve().parents[1]
RATE, BLOCK = 16000, 0.1
# One utterance is one recording: its text is compared.
_NO_ENDPOINTS = {"nothing_said": None, "after_speech": None, "too_long": None}


@dataclass
class Heard:
    """What came of one stream.

    Args:
      text: all of it.
      latencies: of its messages, in seconds, as if the machine were as fast as the stream.
    """

    text: str = ""
    latencies: list[float] = field(default_factory=list)


class Spoken(NamedTuple):
    """A recording, 16-bit samples, and its text offline."""

    samples: np.ndarray
    text: str


async def talk(
    address: str, samples: np.ndarray, speed: float, delay: float = 0.0, block: int = 1600
) -> Heard:
    """Plays samples to the server, `speed` times as fast as they were spoken; 0: at once."""
    await asyncio.sleep(delay)
    heard, texts = Heard(), []
    async with connect(address, ping_interval=None, max_size=None) as socket:
        start = {"type": "start", "sample_rate": RATE, "endpoints": _NO_ENDPOINTS}
        await socket.send(json.dumps(start))
        await socket.recv()
        begun = time.monotonic()

        async def listen() -> None:
            async for data in socket:
                message, now = json.loads(data), time.monotonic()
                if message["type"] == "final":
                    texts.append(message["text"])
                if speed and message["type"] == "partial":
                    # What it is of was there once its last block was.
                    heard.latencies.append((now - begun) * speed - message["received"])

        listening = asyncio.create_task(listen())
        for first in range(0, len(samples), block):
            if speed:
                spoken = min(first + block, len(samples)) / RATE
                await asyncio.sleep(begun + spoken / speed - time.monotonic())
            await socket.send(samples[first : first + block].tobytes())
        await socket.send('{"type": "finish"}')
        await listening
    heard.text = " ".join(text for text in texts if text)
    return heard


async def cut_off(address: str, samples: np.ndarray) -> None:
    """A client that is gone in the middle."""
    async with connect(address, ping_interval=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate": RATE}))
        await socket.send(samples.tobytes())
        socket.transport.abort()


async def soak(
    address: str, spoken: Sequence[Spoken], minutes: float, connections: int, together: int
) -> Counter[str]:
    """Clients one after the other, so many at a time, until both time and number are reached.

    One in ten is gone in the middle. The others send at once, or twice as fast as people speak,
    in blocks of any size.

    Returns: how many there were, by what became of them.
    """
    counts: Counter[str] = Counter()
    until = time.monotonic() + 60 * minutes

    async def one_after_the_other(seed: int) -> None:
        rng = random.Random(seed)
        while counts["begun"] < connections or time.monotonic() < until:
            counts["begun"] += 1
            samples, text = rng.choice(spoken)
            if rng.random() < 0.1:
                await cut_off(address, samples)
                counts["cut off"] += 1
                continue
            speed, block = rng.choice([0.0, 2.0]), rng.randint(100, 8000)
            heard = await talk(address, samples, speed, block=block)
            if heard.text == text:
                counts["its own text"] += 1
            else:
                others = any(heard.text == one.text for one in spoken)
                counts["another's text" if others else "no text" if not heard.text
                       else "changed text"] += 1  # fmt: skip

    await asyncio.gather(*map(one_after_the_other, range(together)))
    return counts


def recording(path: str | None, seconds: float) -> np.ndarray:
    """16-bit samples of so many seconds: the recording again and again, with pauses."""
    paths = [path] if path else sorted(map(str, _DIGITS.glob("*_2.flac")))[:20]
    pause = np.zeros(RATE // 2, np.float32)
    once = np.concatenate([part for one in paths for part in (read_audio(one, RATE), pause)])
    return _int16(np.tile(once, int(seconds * RATE) // len(once) + 1)[: int(seconds * RATE)])


_DIGITS = ROOT / "example_data/digits/recordings"


def recordings(folder: str, count: int = 40) -> list[Spoken]:
    """Digits of the repository, one or two together, with the texts that a model has for them."""
    paths, rng = sorted(map(str, _DIGITS.glob("*.flac"))), random.Random(0)
    samples = [
        _int16(np.concatenate([read_audio(one, RATE) for one in rng.sample(paths, 1 + number % 2)]))
        for number in range(count)
    ]
    results = Recognizer.load(folder, threads=1).transcribe(samples, RATE)
    return [Spoken(one, result.text.strip()) for one, result in zip(samples, results)]


def _int16(samples: np.ndarray) -> np.ndarray:
    return (samples * 32767).astype("<i2")


# The server, in which time goes by as slowly as for its clients.
_SCRIPT = """
import sys
import open_seq2seq.start
from open_seq2seq.commands.serve import main
from open_seq2seq.serving import turns

turns.WINDOW /= float(sys.argv[1])
sys.exit(main(sys.argv[2:]))
"""


@contextmanager
def server(model: str, *flags: str, speed: float = 1.0) -> Iterator[tuple[str, psutil.Process]]:
    """A server of a model in a process of its own: the address of its streams, and the process."""
    model = f"model={Path(model).resolve()}"
    command = [sys.executable, "-c", _SCRIPT, str(speed), model, "--port=0", "--quiet",
               "--max_starts=1000000000", *flags]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Serving" in line:
                break
        else:
            raise SystemExit("The server did not start.")
        address = line.split(": ", 1)[1].split("/ ")[0].replace("http", "ws") + "/v1/stream"
        yield address, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def cpu(process: psutil.Process) -> float:
    """Seconds that its processor worked for it."""
    times = process.cpu_times()
    return times.user + times.system


def machine() -> str:
    """What else it does."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
