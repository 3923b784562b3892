"""How long after a sound its row of log-probabilities is there; how many streams a core carries.

    python benchmarks/stream_latency.py
    python benchmarks/stream_latency.py --chunks 0.1 0.32 --sessions 1 16 60 --plot=latency.png

QuartzNet 5x5 that looks 0.64 s ahead, exported, ONNX Runtime, one thread, weights drawn from a
seed. Streams that are computed together get a chunk each at the same time. For moments all over the
audio, such as the ends of words are, it is said when the row of that moment is there:

    look-ahead   sound after the moment that its row depends on, in whole rows
    chunk        until the chunk with the last of it is full
    compute      of that chunk, for all streams: the processor's time, which other work on the
                 machine changes little

A core carries as many streams as are computed in the time that their chunk lasts. Windows of
2 + 1 + 2 s over the same network, taken whole, are measured for comparison.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_models import recording
from benchmarks.streaming import WINDOWS, goes_on, streaming_model
from open_seq2seq.export.formats.written import FORMATS, STREAM_FORMATS
from open_seq2seq.inference.exported_stream import ExportedStream
from open_seq2seq.inference.runtimes import LoadedModel
from open_seq2seq.native_build.cpu import cpu_name
from open_seq2seq.streaming import BufferedNetwork
from open_seq2seq.streaming.network import Piece

_MOMENTS = 5000
_WARM = 4
_LINE = "{:>8} {:>9} {:>11} {:>22} {:>22} {:>22} {:>10}"


class Latency(NamedTuple):
    """Of moments, in seconds: `[moment]` each."""

    chunk_seconds: float
    sessions: int
    look_ahead: np.ndarray
    chunk: np.ndarray
    compute: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """From a moment to its row."""
        return self.look_ahead + self.chunk + self.compute

    @property
    def carried(self) -> float:
        """Streams that one core carries in real time."""
        return float(self.sessions * self.chunk_seconds / self.compute.mean())


def measure(network: ExportedStream, chunk: float, sessions: int, samples: np.ndarray) -> Latency:
    """Streams of so many copies of the samples, in chunks of about so many seconds."""
    rate, row = network.sample_freq, network.row_samples
    rows = max(round(chunk * rate / row), 1)
    states, times = [network.initial_state()] * sessions, []
    for first in range(0, len(samples) - rows * row + 1, rows * row):
        pieces = [Piece(samples[first : first + rows * row], state) for state in states]
        begun = time.process_time()
        states = [state for _, state in network.compute(pieces)]
        times.append(time.process_time() - begun)
    computed, row_seconds = np.array(times[_WARM:]), row / rate
    moments = np.random.default_rng(0).uniform(0, (len(times) - 2) * rows, _MOMENTS)
    # Rows of samples that have to be there, and the chunk that they are full with.
    needed = np.floor(moments) + 1 + network.graph.delay
    chunks = np.ceil(needed / rows)
    compute = computed[chunks.astype(int) % len(computed)]
    look_ahead = (needed - moments) * row_seconds
    waited = (chunks * rows - needed) * row_seconds
    return Latency(rows * row_seconds, sessions, look_ahead, waited, compute)


def shown(values: np.ndarray) -> str:
    """The 50th, 95th and 99th percentile, in milliseconds."""
    return " / ".join(f"{one:.0f}" for one in 1000 * np.percentile(values, (50, 95, 99)))


def plot(found: Sequence[Latency], path: str) -> None:
    """What latency is made of: means, and the 95th percentile of all as a mark."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    names = [f"{1000 * one.chunk_seconds:.0f} ms\n{one.sessions} x" for one in found]
    below = np.zeros(len(found))
    for part, label in (("look_ahead", "look-ahead"), ("chunk", "chunk"), ("compute", "compute")):
        means = np.array([1000 * getattr(one, part).mean() for one in found])
        axes.bar(names, means, bottom=below, label=label)
        below += means
    last = [1000 * float(np.percentile(one.total, 95)) for one in found]
    axes.plot(names, last, "k_", markersize=18, label="p95 of all")
    axes.set_ylabel("ms after the sound")
    axes.set_xlabel("chunk, streams together")
    axes.legend(ncols=4, loc="lower right", fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=float, nargs="+", default=[0.1, 0.2, 0.32, 0.5])
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 16, 60])
    parser.add_argument("--look_ahead", type=float, default=0.63, help="of the encoder, seconds")
    parser.add_argument("--seconds", type=float, default=10.0, help="of audio, of each stream")
    parser.add_argument("--plot", help="a picture")
    flags = parser.parse_args(arguments)
    override = f"--encoder_params/look_ahead_seconds={flags.look_ahead}"
    model = streaming_model("quartznet5x5", [override])
    rate = model.extractor.sample_freq
    samples = recording(flags.seconds, rate)
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole, stream = FORMATS["onnx"](model, folder), STREAM_FORMATS["onnx"](model, folder)
        assert stream.file.stream is not None
        network = ExportedStream(
            folder / stream.name, "onnxruntime", stream.file.stream, model.classes, rate, threads=1
        )
        print(f"QuartzNet 5x5, look-ahead {network.look_ahead * 1000:.0f} ms, {cpu_name()}")
        print("p50 / p95 / p99 in ms; streams: that one core carries")
        heads = ("chunk", "together", "look-ahead", "chunk", "compute", "all", "streams")
        print(_LINE.format(*heads))
        found = []
        for chunk in flags.chunks:
            for sessions in flags.sessions:
                one = measure(network, chunk, sessions, samples)
                found.append(one)
                ahead = f"{1000 * one.look_ahead.mean():.0f}"
                parts = [shown(part) for part in (one.chunk, one.compute, one.total)]
                head = f"{1000 * one.chunk_seconds:.0f}", sessions, ahead
                print(_LINE.format(*head, *parts, f"{one.carried:.0f}"), flush=True)
        loaded = LoadedModel(folder / whole.name, "onnxruntime", threads=1)
        windows = BufferedNetwork(
            lambda one: one,
            lambda all: [loaded.log_probs(one) for one in all],
            rate,
            network.row_samples,
            WINDOWS,
        )
        begun = time.process_time()
        goes_on(windows, [samples], windows.chunk)
        cost = (time.process_time() - begun) / (flags.seconds - WINDOWS.right)
    late = 1000 * (WINDOWS.chunk / 2 + WINDOWS.right)
    print(f"windows 2 + 1 + 2 s: {1 / cost:.0f} streams, {late:.0f} ms late, computing aside")
    if flags.plot:
        plot(found, flags.plot)


if __name__ == "__main__":
    main()
