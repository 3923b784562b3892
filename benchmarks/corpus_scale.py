"""How start, plan, memory and batches grow with a corpus of made durations, without recordings.

    python benchmarks/corpus_scale.py --rows 1e5 1e6 1e7 --ranks 1 8 --folder=FOLDER

Each rank is a process; all of a line run at the same time. Seconds are those of the slowest rank,
memory that of the largest: what a process has for itself (RssAnon), and what it gains by the plan;
the mapped manifest is the machine's, shared by all. Batches are rows and labels, without audio.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH, BLOCK, STEPS = 32, 1 << 16, 2000
WORDS = "the of and to a in that he was it his is with as i had for at by on not be from but"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=float, default=[1e5, 1e6])
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--kinds", nargs="+", default=["arrow", "parquet"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    flags = parser.parse_args()
    for count, kind in itertools.product(map(int, flags.rows), flags.kinds):
        path = flags.folder / f"made_{count}.{kind}"
        if not path.exists():
            make(path, count)
        print(f"{count} rows, {path.stat().st_size / 1e6:.0f} MB of {kind}")
        for ranks in flags.ranks:
            show(f"  {ranks} ranks", measured(path, ranks))


def make(path: Path, count: int) -> None:
    """Writes a manifest of recordings that are not there: lengths as read sentences have."""
    from open_seq2seq.data.table_writer import COLUMNS, TableWriter

    rng, vocabulary = np.random.default_rng(count), WORDS.split()
    with TableWriter(path, path.suffix, COLUMNS) as writer:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            seconds = np.round(17.0 - 15.0 * rng.beta(1.2, 3.0, size), 2).tolist()
            words = rng.integers(len(vocabulary), size=(size, 48)).tolist()
            for row, (length, chosen) in enumerate(zip(seconds, words), start):
                text = " ".join(vocabulary[one] for one in chosen[: int(2.7 * length)])
                name = f"/corpus/{row // 1000:06d}/{row:010d}.flac"
                writer.add(name, text, length, None, f"{row // 100}", None)


def measured(path: Path, ranks: int) -> list[dict[str, float]]:
    """What each rank took."""
    # Started anew: what a fork shares with its parent is not its own.
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    each = [(path, rank, ranks, results) for rank in range(ranks)]
    workers = [context.Process(target=rank_main, args=arguments) for arguments in each]
    for worker in workers:
        worker.start()
    found = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    return found


def rank_main(path: Path, rank: int, ranks: int, results: Any) -> None:
    from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer

    vocabulary = Path(tempfile.mkdtemp()) / "vocab.txt"
    vocabulary.write_text("\n".join(" abcdefghijklmnopqrstuvwxyz'") + "\n")
    params = {
        "dataset_files": [str(path)],
        "vocab_file": str(vocabulary),
        "input_type": "logfbank",
        "num_audio_features": 64,
        "max_duration": 16.7,
        "check_files": "none",
    }
    took: dict[str, float] = {}
    base = own_memory()

    def start() -> Any:
        layer = Speech2TextDataLayer(
            params, mode="train", batch_size=BATCH, rank=rank, world_size=ranks
        )
        assert layer.batches_per_epoch
        return layer

    layer = timed("read", start, took)
    plan = timed("plan", lambda: layer._epoch_plan(0), took)
    timed("first", lambda: batch_of(layer, plan, 0), took)
    took["MB"] = own_memory() - base
    steps = min(STEPS, len(plan))
    begun = time.perf_counter()
    for step in range(steps):
        batch_of(layer, plan, step)
    took["batches/s"] = steps / (time.perf_counter() - begun)
    timed("identity", lambda: list(map(len, layer.utterances.identity())), took)
    results.put(took)


def batch_of(layer: Any, plan: Any, step: int) -> None:
    rows = plan.batch(step).rows
    layer._labels(rows)
    for row in rows.tolist():
        layer.recording(row)


def timed(what: str, call: Callable[[], Any], took: dict[str, float]) -> Any:
    """Calls it; notes seconds and the most memory that it had more than before."""
    before, stop, most = own_memory(), threading.Event(), [0.0]

    def watch() -> None:
        while not stop.wait(0.01):
            most[0] = max(most[0], own_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    result = call()
    took[f"{what} s"] = time.perf_counter() - begun
    stop.set()
    watcher.join()
    took[f"{what} MB"] = max(most[0] - before, 0.0)
    return result


def own_memory() -> float:
    """MB that are this process's own: not files that it maps."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [one for one in lines if one.startswith("RssAnon")]
    return int(line.split()[1]) / 1000


def show(what: str, found: list[dict[str, float]]) -> None:
    worst = {name: max(one[name] for one in found) for name in found[0]}
    worst["batches/s"] = sum(one["batches/s"] for one in found)
    total = worst["read s"] + worst["plan s"] + worst["first s"]
    print(f"{what}: to the first batch {total:.2f} s; " + ", ".join(
        f"{name} {value:.3g}" for name, value in worst.items()), flush=True)  # fmt: skip
    print(json.dumps({"what": what.strip(), **worst}), file=sys.stderr)


if __name__ == "__main__":
    main()
