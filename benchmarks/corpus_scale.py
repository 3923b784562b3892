"""How start, plan, memory and batches grow with a corpus of made durations, without recordings.

    python benchmarks/corpus_scale.py --rows 1e5 1e6 1e7 --ranks 1 8 --folder=FOLDER
    python benchmarks/corpus_scale.py --rows 1e5 1e6 --ranks 1 8 --kinds arrow lhotse webdataset

Each rank is a process; all of a line run at the same time. Seconds are those of the slowest rank
("cpu s": of its processor, which other work on the machine changes little), memory that of the
largest: what a process has for itself (RssAnon), and what it gains by the plan; the mapped
manifest is the machine's, shared by all. Batches are rows and labels, without audio. Imports are
not counted.

lhotse and WebDataset (the extra `bench`) have the same rows. They have no plan, so their first
batch is all of the start. Padding is that of the batches that were taken.
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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus_scale_others import (
    LHOTSE,
    lhotse_batches,
    make_cuts,
    make_tars,
    padding_share,
    webdataset_batches,
)

ARROW, PARQUET = ".arrow", ".parquet"
BATCH, BLOCK, STEPS = 32, 1 << 16, 500
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
            make_as(path, count)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        print(f"{count} rows, {sum(one.stat().st_size for one in files) / 1e6:.0f} MB of {kind}")
        for ranks in flags.ranks:
            show(f"  {ranks} ranks", measured(path, ranks))


def make_as(path: Path, count: int) -> None:
    """Writes the rows in the form that the file's suffix says."""
    if path.suffix in (ARROW, PARQUET):
        make(path, count)
        return
    from open_seq2seq.data.tables import open_table

    source = path.with_suffix(ARROW)
    if not source.exists():
        make(source, count)
    table = open_table(str(source))
    batches = table.blocks(["audio_filepath", "text", "duration", "speaker"])
    rows = (row for batch in batches for row in batch.to_pylist())
    (make_cuts if path.suffix == f".{LHOTSE}" else make_tars)(path, rows)


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
    target = rank_main if path.suffix in (ARROW, PARQUET) else rank_other
    with ProcessPoolExecutor(ranks, mp_context=context, max_tasks_per_child=1) as pool:
        return list(pool.map(target, *zip(*((path, rank, ranks) for rank in range(ranks)))))


def rank_main(path: Path, rank: int, ranks: int) -> dict[str, float]:
    from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer

    params = {
        "dataset_files": [str(path)],
        "vocab_file": vocabulary_file(),
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
    with speed(took) as each:
        for step in range(steps):
            batch_of(layer, plan, step)
            each.append([1.0])
    seconds = layer.seconds
    taken = [seconds[plan.batch(step).rows].tolist() for step in range(steps)]
    took["padding %"] = 100 * padding_share(taken)
    timed("digest", layer.utterances.digest, took)
    return took


def rank_other(path: Path, rank: int, ranks: int) -> dict[str, float]:
    """The same of lhotse or WebDataset."""
    from open_seq2seq.data.text import load_vocabulary

    if path.suffix == f".{LHOTSE}":
        import lhotse.dataset  # noqa: F401

        batches = lhotse_batches(path, rank, ranks)
    else:
        import webdataset  # noqa: F401

        batches = webdataset_batches(path, rank, ranks)
    vocabulary = load_vocabulary(vocabulary_file(), False)
    took: dict[str, float] = {}
    base = own_memory()
    timed("first", lambda: next(batches), took)
    took["MB"] = own_memory() - base
    with speed(took) as taken:
        for batch in itertools.islice(batches, STEPS):
            for _, text in batch:
                vocabulary.encode(text)
            taken.append([seconds for seconds, _ in batch])
    took["padding %"] = 100 * padding_share(taken)
    took["MB"] = max(took["MB"], own_memory() - base)
    return took


@contextmanager
def speed(took: dict[str, float]) -> Iterator[list[list[float]]]:
    """Notes batches a second, and a second of the processor; gives the list that they go to."""
    taken: list[list[float]] = []
    begun, worked = time.perf_counter(), time.process_time()
    yield taken
    took["batches/s"] = len(taken) / (time.perf_counter() - begun)
    took["batches/cpu s"] = len(taken) / (time.process_time() - worked)


def vocabulary_file() -> str:
    path = Path(tempfile.mkdtemp()) / "vocab.txt"
    path.write_text("\n".join(" abcdefghijklmnopqrstuvwxyz'") + "\n")
    return str(path)


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
    begun, worked = time.perf_counter(), time.process_time()
    result = call()
    took[f"{what} s"] = time.perf_counter() - begun
    took[f"{what} cpu s"] = time.process_time() - worked
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
    worst["batches/cpu s"] = min(one["batches/cpu s"] for one in found)
    total, cpu = (sum(worst.get(f"{step} {unit}", 0.0) for step in ("read", "plan", "first"))
                  for unit in ("s", "cpu s"))  # fmt: skip
    print(f"{what}: to the first batch {total:.2f} s, {cpu:.2f} cpu s; " + ", ".join(
        f"{name} {value:.3g}" for name, value in worst.items()), flush=True)  # fmt: skip
    print(json.dumps({"what": what.strip(), **worst}), file=sys.stderr)


if __name__ == "__main__":
    main()
