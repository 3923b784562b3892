"""Checkpoint averaging: the mean of the weights of several checkpoints of one model.

The mean of the last or the best checkpoints of a run often recognises a little better than
any of them, at no cost in inference (Izmailov et al. 2018, "Averaging Weights Leads to Wider
Optima"; Vaswani et al. 2017 average the last 5 to 20).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.checkpoints.best import stored_best
from open_seq2seq.checkpoints.logdir import LogDir
from open_seq2seq.checkpoints.metadata import vocabulary_change
from open_seq2seq.checkpoints.storage import (
    EMA,
    METADATA,
    MODEL,
    checkpoints,
    latest_checkpoint,
    read_arrays,
    read_metadata,
    read_state,
    write_checkpoint,
)
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.fingerprint import check_fingerprint
from open_seq2seq.files import JsonObject


def chosen_checkpoints(logdir: Path, last: int | None, best: int | None) -> list[Path]:
    """The newest `last` or the best `best` checkpoints of a log directory.

    Args:
      logdir: of a run with or without `--enable_logs`.
      last, best: how many; exactly one of them.

    Raises:
      InputError: there are fewer.
    """
    candidates = [LogDir(logdir, enable_logs) for enable_logs in (False, True)]
    if best is not None:
        found = next(filter(None, (_best(logdir.best) for logdir in candidates)), [])
        wanted, found = best, found[:best]
    else:
        lists = (checkpoints(logdir.checkpoints) for logdir in candidates)
        found = next(filter(None, lists), [])
        assert last is not None
        wanted, found = last, found[-last:]
    if len(found) < wanted:
        kind = "newest" if best is None else "best"
        remedy = "Ask for fewer; num_checkpoints says how many a run keeps."
        problem = Problem(str(logdir), f"{len(found)} checkpoints", f"the {wanted} {kind}", remedy)
        raise InputError("There are not enough checkpoints to average:", [problem])
    return found


def _best(folder: Path) -> list[Path]:
    return [folder / entry["name"] for entry in stored_best(folder)[1]]


def average_checkpoints(paths: Sequence[Path], output: Path) -> Path:
    """Writes the mean of several checkpoints as a checkpoint of its own.

    Variables of floating point are averaged, in float64; integers and the states of random
    generators come from the checkpoint of the highest step, as does the metadata. The
    optimizer's variables are left out: the mean is for evaluation, inference and `load_model`.

    Args:
      paths: the checkpoints' folders.
      output: a log directory for the result, which gets `ckpt-<highest step>`.

    Returns:
      The folder of the new checkpoint.

    Raises:
      InputError: a checkpoint cannot be read, or they don't agree in their vocabulary,
        features, or the names, shapes or types of their variables; or `output` has a
        checkpoint already.
    """
    if latest_checkpoint(output) is not None:
        problem = Problem(str(output), "a checkpoint", "a new or empty folder")
        raise InputError("The average has no place:", [problem])
    states = {path: {**read_state(path), METADATA: read_metadata(path)} for path in paths}
    newest = max(paths, key=lambda path: states[path]["step"])
    problems = [
        problem
        for path in paths
        for problem in _metadata_problems(path, states[path], newest, states[newest])
    ]
    files = {}
    for file in (MODEL, EMA):
        have = [path for path in paths if (path / file).is_file()]
        if file == MODEL or have:
            files[file], found = _mean(paths, newest, file)
            problems += found
    if problems:
        raise InputError("These are not checkpoints of one model:", problems)
    state = {
        **states[newest],
        "averaged": [{"checkpoint": str(p), "step": states[p]["step"]} for p in paths],
    }
    return write_checkpoint(output, files, state)


def _mean(
    paths: Sequence[Path], newest: Path, file: str
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """The mean of one file of all checkpoints, and in what they disagree."""
    arrays = _read(newest, file)
    sums = {
        name: array.astype(np.float64)
        for name, array in arrays.items()
        if np.issubdtype(array.dtype, np.floating)
    }
    problems: list[Problem] = []
    # One at a time: a large model's checkpoints need not fit into memory together.
    for path in paths:
        if path == newest:
            continue
        other = _read(path, file)
        problems += _array_problems(path, other, newest, arrays)
        if not problems:
            for name in sums:
                sums[name] += other[name]
    mean = {name: (sums[name] / len(paths)).astype(arrays[name].dtype) for name in sums}
    return {**arrays, **mean}, problems


def _read(path: Path, file: str) -> dict[str, np.ndarray]:
    """A checkpoint's file; nothing, where it keeps no averaged weights."""
    if file == EMA and not (path / file).is_file():
        return {}
    return read_arrays(path / file)


def _metadata_problems(
    path: Path, state: JsonObject, newest: Path, newest_state: JsonObject
) -> list[Problem]:
    """How a checkpoint's symbols and features differ from the newest's."""
    metadata, expected = state[METADATA], newest_state[METADATA]
    problems = []
    change = vocabulary_change(expected["vocabulary"], metadata["vocabulary"])
    if change is not None:
        problems.append(Problem(f"{path}, vocabulary", change, f"the symbols of {newest}"))
    for problem in check_fingerprint(expected["features"], metadata["features"]):
        what = f"{path}, {problem.where}"
        problems.append(Problem(what, problem.found, f"{newest}'s: {problem.expected}"))
    return problems


def _array_problems(
    path: Path, arrays: Mapping[str, np.ndarray], newest: Path, expected: Mapping[str, np.ndarray]
) -> list[Problem]:
    """The variables in which a checkpoint is not like the newest."""
    return [
        Problem(f"{path}, {name}", _kind(arrays.get(name)), f"{wanted}, as in {newest}")
        for name in sorted(expected.keys() | arrays.keys())
        if _kind(arrays.get(name)) != (wanted := _kind(expected.get(name)))
    ]


def _kind(array: np.ndarray | None) -> str:
    return "nothing" if array is None else f"{array.dtype} of shape {array.shape}"
