"""Streams of `open-seq2seq serve` under load, on loopback.

    python benchmarks/serving.py quartznet5x5 --streams=60 --seconds=60
    python benchmarks/serving.py quartznet5x5 --minutes=30 --connections=5000
    python benchmarks/serving.py exported/my_model --streams=16 --speed=0.25

MODEL is what `open-seq2seq serve` takes, or a network of `inference_models.py`, which is exported
with weights drawn from a seed and a look-ahead of 0.63 s.

Plays a recording over so many WebSockets, in real time, in blocks of 100 ms, each connection at its
own moment. Reported are the latency (from the last sample of a chunk to its message, as the client
sees it), what the processor did for a second of a stream, the server's memory, and whether all
texts are the one that a stream alone has. The clients share the machine with the server. Where
other work has most of it, a speed below 1 plays slower, and latencies are told as if the machine
were faster by as much.

With --minutes clients come and go instead, 16 at a time, until the time is over and as many as
--connections have come. Each has its own recording, and its text has to be that recording's,
offline; every tenth is gone in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from benchmarks.serving_clients import (
    RATE,
    Heard,
    cpu,
    machine,
    recording,
    recordings,
    server,
    soak,
    talk,
)
from open_seq2seq.native_build.cpu import cpu_name

LOOK_AHEAD = 0.63
_TOGETHER = 16


@contextmanager
def model_folder(model: str) -> Iterator[str]:
    """What the server is given: a path, or a network by its name that is exported for it."""
    from benchmarks.inference_models import CHECKED_SECONDS, NETWORKS, as_trained, untrained
    from benchmarks.inference_models import recording as noise
    from benchmarks.streaming import STREAMING
    from open_seq2seq.export.exporter import Export

    if model not in NETWORKS:
        yield model
        return
    overrides = [f"--encoder_params/look_ahead_seconds={LOOK_AHEAD}"]
    overrides += [f"--data_layer_params/{name}={value}" for name, value in STREAMING.items()]
    experiment = untrained(model, overrides)
    as_trained(experiment.model)
    with TemporaryDirectory() as folder:
        Export(experiment, noise(CHECKED_SECONDS, RATE)).write(Path(folder, model), ["onnx"])
        yield str(Path(folder, model))


async def together(address: str, samples: np.ndarray, streams: int, speed: float) -> list[Heard]:
    """So many streams, begun within a second of each other's."""
    moments = np.random.default_rng(0).uniform(0, 1 / speed, streams)
    return await asyncio.gather(*(talk(address, samples, speed, one) for one in moments))


def real_time(flags: argparse.Namespace, address: str, process: psutil.Process) -> None:
    """Streams at the same time."""
    samples = recording(flags.audio, flags.seconds)
    (alone,) = asyncio.run(together(address, samples, 1, 100.0))
    before, memory, begun = cpu(process), process.memory_info().rss, time.monotonic()
    heard = asyncio.run(together(address, samples, flags.streams, flags.speed))
    spent, took = cpu(process) - before, time.monotonic() - begun
    latencies = np.array([one for each in heard for one in each.latencies])
    p50, p95, p99 = np.percentile(latencies, (50, 95, 99)) if len(latencies) else (np.nan,) * 3
    audio = flags.streams * len(samples) / RATE
    print(f"{flags.streams} streams of {flags.seconds:g} s at {flags.speed:g} x, {cpu_name()}, "
          f"{machine()}, {took:.0f} s")  # fmt: skip
    print(f"latency p50 {p50:.3f}, p95 {p95:.3f}, p99 {p99:.3f} s ({len(latencies)} messages)")
    print(f"processor of the server: {1000 * spent / audio:.1f} ms for a second of a stream")
    print(f"{chunks(address):.1f} streams computed together, on average")
    print(f"memory {memory >> 20} -> {process.memory_info().rss >> 20} MiB")
    print(f"other texts than alone: {sum(one.text != alone.text for one in heard)}")


def metrics(address: str) -> list[str]:
    """The lines of `/metrics`."""
    with urlopen(address.replace("ws", "http", 1).replace("/v1/stream", "/metrics")) as answer:
        return answer.read().decode().splitlines()


def chunks(address: str) -> float:
    """Those of a batch, of all that there were."""
    values = dict(line.rsplit(" ", 1) for line in metrics(address) if line[0] != "#")
    names = ("open_seq2seq_chunks_total", "open_seq2seq_batches_total")
    count, batches = (float(values[name]) for name in names)
    return count / batches


async def come_and_go(
    flags: argparse.Namespace, address: str, process: psutil.Process, folder: str
) -> bool:
    """Clients one after the other; prints the memory each minute. Whether all had their text."""
    spoken, begun = recordings(folder), time.monotonic()
    print(f"{len(spoken)} recordings, {len({one.text for one in spoken})} different texts")

    async def watch() -> None:
        while True:
            print(f"{(time.monotonic() - begun) / 60:5.1f} min: {process.memory_info().rss >> 20} "
                  f"MiB, {process.num_fds()} files, {machine()}", flush=True)  # fmt: skip
            await asyncio.sleep(60)

    watching = asyncio.create_task(watch())
    counts = await soak(address, spoken, flags.minutes, flags.connections, _TOGETHER)
    watching.cancel()
    await asyncio.sleep(1)
    print(f"{(time.monotonic() - begun) / 60:5.1f} min: {process.memory_info().rss >> 20} MiB, "
          f"{process.num_fds()} files; {dict(counts)}")  # fmt: skip
    for line in metrics(address):
        if line.startswith(("open_seq2seq_sessions", "open_seq2seq_errors_total")):
            print(line)
    return counts["its own text"] + counts["cut off"] == counts["begun"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("model", help="as for open-seq2seq serve, or a network's name")
    parser.add_argument(
        "--audio", default=None, help="a recording; otherwise digits of the repository"
    )
    parser.add_argument("--streams", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--speed", type=float, default=1.0, help="1: real time")
    parser.add_argument("--minutes", type=float, help="clients come and go for so long")
    parser.add_argument("--connections", type=int, default=0, help="with --minutes: at least")
    flags = parser.parse_args(arguments)
    with (
        model_folder(flags.model) as folder,
        server(folder, f"--max_sessions={max(flags.streams, _TOGETHER)}", speed=flags.speed) as (
            address,
            process,
        ),
    ):
        if flags.minutes is not None:
            return 0 if asyncio.run(come_and_go(flags, address, process, folder)) else 1
        real_time(flags, address, process)
    return 0


if __name__ == "__main__":
    sys.exit(main())
