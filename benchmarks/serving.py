"""Streams of `open-seq2seq serve` under load, on loopback.

    python benchmarks/serving.py MODEL --streams=60 --seconds=60
    python benchmarks/serving.py MODEL --connections=5000       # one after the other, and memory

Starts a server of the model, and plays a recording to it over so many WebSockets, in real time, in
blocks of 100 ms, each connection at its own moment. Reported are the latency (from the last sample
of a chunk to its message, as the client sees it), what the processor did for a second of a stream,
the server's memory before and after, and whether all texts are the one that a stream alone has.
The client shares the machine with the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from websockets.asyncio.client import connect

from open_seq2seq.data.audio import read_audio
from open_seq2seq.native_build.cpu import cpu_name

ROOT = Path(__file__).resolve().parents[1]
RATE, BLOCK = 16000, 0.1


@dataclass
class Heard:
    """What came of one stream.

    Args:
      text: all of it.
      latencies: of its messages, in seconds.
    """

    text: str = ""
    latencies: list[float] = field(default_factory=list)


async def talk(address: str, samples: np.ndarray, delay: float, speed: float) -> Heard:
    """Plays samples to the server, `speed` times as fast as they were spoken; 0: at once."""
    await asyncio.sleep(delay)
    heard, texts, block = Heard(), [], int(BLOCK * RATE)
    async with connect(address, ping_interval=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate": RATE}))
        await socket.recv()
        begun = time.monotonic()

        async def listen() -> None:
            async for data in socket:
                message, now = json.loads(data), time.monotonic()
                if message["type"] == "final":
                    texts.append(message["text"])
                if speed and message["type"] == "partial":
                    # What it is of was there once its last block was.
                    heard.latencies.append(now - begun - message["received"] / speed)

        listening = asyncio.create_task(listen())
        for number, first in enumerate(range(0, len(samples), block), start=1):
            if speed:
                await asyncio.sleep(begun + number * BLOCK / speed - time.monotonic())
            await socket.send(samples[first : first + block].tobytes())
        await socket.send('{"type": "finish"}')
        await listening
    heard.text = " ".join(text for text in texts if text)
    return heard


async def together(address: str, samples: np.ndarray, streams: int) -> list[Heard]:
    """So many streams in real time, begun within a chunk of each other's."""
    moments = np.random.default_rng(0).uniform(0, 1, streams)
    return await asyncio.gather(*(talk(address, samples, one, 1.0) for one in moments))


async def one_by_one(address: str, samples: np.ndarray, count: int, broken: int) -> list[Heard]:
    """So many connections, eight at a time; each `broken`-th is cut off in the middle."""
    found, places = [], asyncio.Semaphore(8)

    async def one(number: int) -> None:
        async with places:
            if number % broken == 0:
                async with connect(address, ping_interval=None) as socket:
                    await socket.send(json.dumps({"type": "start", "sample_rate": RATE}))
                    await socket.send(samples.tobytes())
                    socket.transport.abort()
            else:
                found.append(await talk(address, samples, 0.0, 0.0))

    await asyncio.gather(*(one(number) for number in range(1, count + 1)))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="as for open-seq2seq serve")
    parser.add_argument(
        "--audio", default=None, help="a recording; otherwise digits of the repository"
    )
    parser.add_argument("--streams", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, help="so many short streams instead")
    flags = parser.parse_args(arguments)
    command = [sys.executable, str(ROOT / "scripts/serve.py"), f"model={flags.model}", "--port=0",
               "--quiet", "--max_starts=1000000",
               f"--max_sessions={max(flags.streams, 16)}"]  # fmt: skip
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = address_of(server)
        process = psutil.Process(server.pid)
        if flags.connections:
            many(flags, address, process)
        else:
            real_time(flags, address, process)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate()


def real_time(flags: argparse.Namespace, address: str, process: psutil.Process) -> None:
    """Streams at the same time."""
    samples = recording(flags.audio, flags.seconds)
    (alone,) = asyncio.run(together(address, samples, 1))
    before, memory = cpu(process), process.memory_info().rss
    heard = asyncio.run(together(address, samples, flags.streams))
    spent = cpu(process) - before
    latencies = np.array([one for each in heard for one in each.latencies])
    p50, p95, p99 = np.percentile(latencies, (50, 95, 99)) if len(latencies) else (np.nan,) * 3
    audio = flags.streams * len(samples) / RATE
    print(f"{flags.streams} streams of {flags.seconds:g} s, {cpu_name()}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"latency p50 {p50:.3f}, p95 {p95:.3f}, p99 {p99:.3f} s ({len(latencies)} messages)")
    print(f"processor of the server: {1000 * spent / audio:.1f} ms for a second of a stream")
    print(f"memory {memory >> 20} -> {process.memory_info().rss >> 20} MiB")
    print(f"other texts than alone: {sum(one.text != alone.text for one in heard)}")


def many(flags: argparse.Namespace, address: str, process: psutil.Process) -> None:
    """Connections one after the other."""
    samples = recording(flags.audio, 1.0)
    (alone,) = asyncio.run(one_by_one(address, samples, 1, broken=2**31)) or [Heard()]
    for part in range(5):
        heard = asyncio.run(one_by_one(address, samples, flags.connections // 5, broken=10))
        other = sum(one.text != alone.text for one in heard)
        rss, files = process.memory_info().rss >> 20, process.num_fds()
        print(f"{(part + 1) * flags.connections // 5} connections: {rss} MiB, {files} files open, "
              f"{other} other texts")  # fmt: skip


def recording(path: str | None, seconds: float) -> np.ndarray:
    """16-bit samples of so many seconds: the recording again and again, with pauses."""
    folder = ROOT / "example_data/digits/recordings"
    paths = [path] if path else sorted(map(str, folder.glob("*_2.flac")))[:20]
    pause = np.zeros(RATE // 2, np.float32)
    once = np.concatenate([part for one in paths for part in (read_audio(one, RATE), pause)])
    whole = np.tile(once, int(seconds * RATE) // len(once) + 1)[: int(seconds * RATE)]
    return (whole * 32767).astype("<i2")


def cpu(process: psutil.Process) -> float:
    """Seconds that its processor worked for it."""
    times = process.cpu_times()
    return times.user + times.system


def address_of(server: subprocess.Popen[str]) -> str:
    """Where it says that it listens."""
    assert server.stderr is not None
    for line in server.stderr:
        if "Serving" in line:
            return line.split(": ", 1)[1].split("/ ")[0].replace("http", "ws") + "/v1/stream"
    raise SystemExit("The server did not start.")


if __name__ == "__main__":
    main()
