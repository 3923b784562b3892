"""How long a checkpoint stops training: the snapshot against the whole write.

    python benchmarks/checkpoints.py                         # 300 MB of weights, momentum
    python benchmarks/checkpoints.py --megabytes 1300 --optimizer adam --folder /data/tmp

A step (a product of matrices) runs again and again in the main thread, as training does; every
`--every` seconds a checkpoint is saved, at once or by `CheckpointWriter`. Printed are the times
for which the loop stood still (median, least, most), how long it took until a checkpoint was on
disk, and how much slower steps were while the thread wrote. Files are flushed to disk.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np

from open_seq2seq.checkpoints.background import CheckpointWriter
from open_seq2seq.checkpoints.storage import keep_newest
from open_seq2seq.checkpoints.variables import save_checkpoint, snapshot

WIDTH = 1024


def make_model(megabytes: int, optimizer_name: str) -> tuple[keras.Model, keras.Optimizer]:
    """Square layers with about so many megabytes of weights, and their optimizer."""
    layers = [keras.layers.Dense(WIDTH) for _ in range(max(megabytes * 10**6 // WIDTH**2 // 4, 1))]
    model = keras.Sequential([keras.Input((WIDTH,)), *layers])
    optimizer = {
        "momentum": keras.optimizers.SGD(0.1, momentum=0.9),
        "adam": keras.optimizers.Adam(),
    }[optimizer_name]
    optimizer.build(model.trainable_variables)
    return model, optimizer


def megabytes_of(arrays: dict[str, dict[str, np.ndarray]]) -> float:
    return sum(array.nbytes for file in arrays.values() for array in file.values()) / 1e6


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def steps_for(seconds: float) -> list[float]:
    """Durations of steps that are run for so long."""
    matrix = keras.ops.ones((WIDTH, WIDTH))
    end = time.perf_counter() + seconds
    durations = []
    while time.perf_counter() < end:
        durations.append(timed(lambda: np.asarray(keras.ops.matmul(matrix, matrix))))
    return durations


def line(what: str, seconds: list[float]) -> None:
    median = statistics.median(seconds)
    print(f"{what:44s} {median:8.3f} s   ({min(seconds):.3f} to {max(seconds):.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=300, help="of weights")
    parser.add_argument("--optimizer", choices=["momentum", "adam"], default="momentum")
    parser.add_argument("--repeats", type=int, default=8, help="checkpoints of each kind")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between checkpoints")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; default: /tmp")
    arguments = parser.parse_args()
    model, optimizer = make_model(arguments.megabytes, arguments.optimizer)

    def take() -> dict[str, dict[str, np.ndarray]]:
        return snapshot(model, optimizer)

    print(f"{megabytes_of(take()):.0f} MB in a checkpoint, {len(model.variables)} weights")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        snapshots, whole, stopped, written = [], [], [], []
        alone, beside = [], []
        writer = CheckpointWriter()
        for number in range(arguments.repeats):
            snapshots.append(timed(take))
            alone += steps_for(arguments.every)

            def save(step: int = 2 * number) -> None:
                save_checkpoint(folder, model, optimizer, {"step": step})
                keep_newest(folder, 2)

            whole.append(timed(save))
            steps_for(arguments.every)
            asked = time.perf_counter()
            writer.save(folder, take(), {"step": 2 * number + 1}, keep=2)
            stopped.append(time.perf_counter() - asked)
            writer.submit(partial(lambda at: written.append(time.perf_counter() - at), asked))
            while len(written) == number:
                beside += steps_for(1e-6)  # one
            writer.wait()
    line("a snapshot", snapshots)
    line("training stopped, written at once", whole)
    line("training stopped, written by the thread", stopped)
    line("on disk after, written by the thread", written)
    line("a step without a write", alone)
    line("a step during a write", beside)


if __name__ == "__main__":
    main()
