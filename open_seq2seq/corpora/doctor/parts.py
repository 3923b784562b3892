"""Measures recordings by an engine, with the numbers of each as a row of Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.corpora.doctor.measure import Measurement
from open_seq2seq.corpora.doctor.scan import measure_one
from open_seq2seq.corpora.doctor.split import Recording
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.data.shards.remote import anywhere
from open_seq2seq.engines import Engine, PartsJob, read_rows, run_parts
from open_seq2seq.errors import Problem

# Recordings of a part: a minute of one core's work, or less.
_PART = 1000
_KINDS = {"int": "int64", "float": "double", "bool": "bool", "str": "string"}
# What is wrong with a recording that has no numbers.
_PROBLEM = ("where", "found", "expected", "remedy")
_NUMBERS = [one.name for one in fields(Measurement)]
COLUMNS = {
    "row": "int64",
    "path": "string",
    "start": "double",
    # Digest and envelope are bytes.
    **{one.name: _KINDS.get(str(one.type), "binary") for one in fields(Measurement)},
    **{f"problem_{name}": "string" for name in _PROBLEM},
}


def measure_parts(
    recordings: Sequence[Recording],
    limits: Thresholds,
    engine: Engine,
    folder: Path,
    advance: Callable[[int], None] = lambda count: None,
    size: int = _PART,
) -> list[Measurement | Problem]:
    """`measure_all` by an engine; the files of `folder` have the numbers.

    Args:
      advance: is told how many more recordings are done.
      size: recordings of a part.

    Raises:
      InputError: the folder has other results.
      RunError: workers die of a recording, or a file cannot be written.
    """
    recordings = [replace(one, path=anywhere(one.path)) for one in recordings]
    parts = [recordings[start : start + size] for start in range(0, len(recordings), size)]
    plan = hashlib.sha256(f"{size} {limits}".encode())
    for one in recordings:
        plan.update(repr(one).encode(errors="surrogatepass"))
    job = PartsJob(partial(_rows, limits=limits), COLUMNS, plan.hexdigest())
    paths = run_parts(job, parts, engine, folder, lambda number: advance(len(parts[number])))
    return [_of_row(row) for row in read_rows(paths)]


def _rows(part: Sequence[Recording], limits: Thresholds) -> list[tuple[Any, ...]]:
    return [_row(one, measure_one(one, limits)) for one in part]


def _row(recording: Recording, found: Measurement | Problem) -> tuple[Any, ...]:
    where = recording.row, recording.path, recording.start
    if isinstance(found, Problem):
        problem = [getattr(found, name) for name in _PROBLEM]
        return *where, *[None] * len(_NUMBERS), *problem
    numbers = (one.tobytes() if isinstance(one, np.ndarray) else one for one in astuple(found))
    return *where, *numbers, *[None] * len(_PROBLEM)


def _of_row(row: dict[str, Any]) -> Measurement | Problem:
    if row["problem_found"] is not None:
        return Problem(*(row[f"problem_{name}"] for name in _PROBLEM))
    numbers = {name: row[name] for name in _NUMBERS}
    numbers["envelope"] = np.frombuffer(numbers["envelope"], np.float16)
    return Measurement(**numbers)
