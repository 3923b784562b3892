"""What streams of an exported model cost, beside the whole recording at once.

    python benchmarks/streaming.py                       # QuartzNet 5x5, ONNX Runtime, one thread
    python benchmarks/streaming.py --seconds=40 --rounds=5

The graph of streams with chunks of several sizes, one stream and 16 that are computed together, and
windows that overlap (2 s, 1 s, 2 s) over the network for whole recordings. Streams go on: what
waits for their end is not counted. All take turns in one process with one thread; a figure is the
processor time of the best turn, which other work on the machine changes little. Weights are drawn
from a seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_models import NETWORKS, as_trained, recording, untrained
from open_seq2seq.export.formats.written import FORMATS, STREAM_FORMATS
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.inference.exported_stream import ExportedStream
from open_seq2seq.inference.runtimes import LoadedModel
from open_seq2seq.native_build.cpu import cpu_name
from open_seq2seq.streaming import BufferedNetwork, StreamingNetwork, WindowLengths
from open_seq2seq.streaming.network import Piece

CHUNKS = (0.04, 0.1, 0.2, 0.32, 0.5, 1.0)
TOGETHER = 16
WINDOWS = WindowLengths(2.0, 1.0, 2.0)
# What the parameters of a network that streams have besides.
STREAMING = {"backend": "librosa", "gain": 1 / 32768, "feature_norm": "running",
             "running_prior_frames": 0.0, "norm_per_feature": True}  # fmt: skip


def streaming_model(name: str, overrides: Sequence[str] = ()) -> TrainedModel:
    """A network of `NETWORKS` with a front-end that streams, parameters overridden."""
    experiment = untrained(name, overrides)
    as_trained(experiment.model)
    params = {**experiment.params["data_layer_params"], **STREAMING}
    return TrainedModel(FeatureExtractor(params), experiment.model)


def contestants(
    model: TrainedModel, folder: Path, samples: np.ndarray
) -> dict[str, tuple[int, Callable[[], object]]]:
    """What is measured, by its name: how many recordings, and what computes them."""
    written, stream = FORMATS["onnx"](model, folder), STREAM_FORMATS["onnx"](model, folder)
    rate = model.extractor.sample_freq
    whole = LoadedModel(folder / written.name, "onnxruntime", threads=1)
    assert stream.file.stream is not None
    path = folder / stream.name
    network = ExportedStream(
        path, "onnxruntime", stream.file.stream, model.classes, rate, threads=1
    )
    row = network.row_samples
    buffered = BufferedNetwork(
        lambda one: one, lambda all: [whole.log_probs(one) for one in all], rate, row, WINDOWS
    )
    found: dict[str, tuple[int, Callable[[], object]]] = {
        "whole recording": (1, lambda: whole.log_probs(samples))
    }
    for chunk in CHUNKS:
        rows = max(round(chunk * rate / row), 1)
        for sessions in (1, TOGETHER):
            recordings = [samples] * sessions
            found[f"{sessions} x {chunk * 1000:.0f} ms"] = (
                sessions,
                lambda recordings=recordings, rows=rows: goes_on(network, recordings, rows),
            )
    chunk = buffered.chunk
    found["windows 2 + 1 + 2 s"] = (1, lambda: goes_on(buffered, [samples], chunk))
    return found


def goes_on(network: StreamingNetwork, recordings: Sequence[np.ndarray], rows: int) -> None:
    """Takes equally long recordings together, in pieces of so many rows, without their end."""
    size = rows * network.row_samples
    states = [network.initial_state() for _ in recordings]
    for first in range(0, len(recordings[0]) - size + 1, size):
        pieces = [Piece(one[first : first + size], state) for one, state in zip(recordings, states)]
        states = [state for _, state in network.compute(pieces)]


def measure(
    jobs: dict[str, tuple[int, Callable[[], object]]], seconds: float, rounds: int
) -> dict[str, float]:
    """Milliseconds of the processor for a second of audio of one recording."""
    best = dict.fromkeys(jobs, np.inf)
    for _ in range(rounds):
        for name, (count, compute) in jobs.items():
            start = time.process_time()
            compute()
            took = (time.process_time() - start) * 1000 / (seconds * count)
            best[name] = min(best[name], took)
    return best


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="quartznet5x5")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args(arguments)
    model = streaming_model(flags.network)
    samples = recording(flags.seconds, model.extractor.sample_freq)
    with TemporaryDirectory() as folder:
        jobs = contestants(model, Path(folder), samples)
        found = measure(jobs, flags.seconds, flags.rounds)
    print(f"{flags.network}, {flags.seconds:g} s of audio, ONNX Runtime, one thread, {cpu_name()}")
    for name, took in found.items():
        ratio = took / found["whole recording"]
        print(f"{name:24} {took:8.2f} ms for a second {ratio:7.2f}")


if __name__ == "__main__":
    main()
