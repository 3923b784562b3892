"""The statistics of a training set's features, summed by an engine's workers."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import astuple
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.data.protocols import SpeechDataLayer
from open_seq2seq.data.speech2text.measuring import (
    Measured,
    chosen_recordings,
    measured_of,
    sums_of,
)
from open_seq2seq.engines import Engine, PartsJob, read_rows, run_parts
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import effective_params, make_data_layer
from open_seq2seq.training.progress import rows_digest

# Recordings of a part: a worker reads the config and the manifest once, for all its parts.
_PART = 1000
COLUMNS = {
    "frames": "int64",
    "sums": "binary",
    "squares": "binary",
    # JSON: the fields of each `Problem`.
    "problems": "string",
}
# Where a worker's data come from: the config, and overrides of its parameters.
Source = tuple[str, tuple[str, ...]]
_lock = threading.Lock()


def training_data(config_file: str, overrides: Sequence[str]) -> SpeechDataLayer:
    """The training data of a config.

    Raises:
      InputError: the config or a manifest cannot be used.
    """
    config = load_config(config_file)
    if config.base_model.task != "speech":
        problem = Problem(config_file, "a language model", "a speech model: it has features")
        raise InputError("There is nothing to measure:", [problem])
    given = effective_params(config, split_arguments(overrides), "train")
    data: SpeechDataLayer = make_data_layer(config.base_model.PARAMS.fill(given), "train")
    return data


def measure_in_parts(
    data: SpeechDataLayer,
    source: Source,
    most: int | None,
    engine: Engine,
    folder: Path,
    size: int = _PART,
) -> Measured:
    """`measure_statistics` by an engine, whose workers make the same data layer.

    Args:
      data: the training data.
      source: what they are made of.
      most: see `measure_statistics`.
      folder: gets the sums of each part.
      size: recordings of a part.

    Raises:
      InputError: no recording can be read, or the folder has other results.
      RunError: workers die of a part, or a file cannot be written.
    """
    rows, voices = chosen_recordings(data, most)
    parts = [
        (rows[start : start + size], voices[start : start + size])
        for start in range(0, len(rows), size)
    ]
    plan = hashlib.sha256(json.dumps(data.extractor.parameters, sort_keys=True).encode())
    for known in (rows, voices):
        plan.update(known.tobytes())
    plan.update(rows_digest(data.utterances).encode())
    job = PartsJob(partial(_sums, source=source, cwd=os.getcwd()), COLUMNS, plan.hexdigest())
    total, problems = data.extractor.statistics_sum(), []
    for row in read_rows(run_parts(job, parts, engine, folder)):
        total.add_sums(row["frames"], np.frombuffer(row["sums"]), np.frombuffer(row["squares"]))
        problems += [Problem(*one) for one in json.loads(row["problems"])]
    return measured_of(data, total, len(rows), problems)


def _sums(
    part: tuple[np.ndarray, np.ndarray], source: Source, cwd: str
) -> list[tuple[int, bytes, bytes, str]]:
    with _lock:  # once for all threads of a worker
        data = _data_of(source, cwd)
    total, problems = sums_of(data, *part)
    frames, sums, squares = total.sums()
    told = json.dumps([astuple(one) for one in problems])
    return [(frames, sums.tobytes(), squares.tobytes(), told)]


@cache
def _data_of(source: Source, cwd: str) -> Any:
    os.chdir(cwd)  # the config's paths start there
    return training_data(*source)
