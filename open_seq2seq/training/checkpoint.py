"""Checkpoints: everything that is needed to go on exactly, never half written.

A checkpoint is a folder `ckpt-<step>` with

* `model.safetensors`: the model's variables by name (weights, batch statistics and the
  states of random generators), readable without this framework;
* `optimizer.safetensors`: the optimizer's variables;
* `ema.safetensors`: with `ema_decay`, the averages of the trained weights, by their names;
* `state.json`: step, epoch and position in it, best result so far, vocabulary, and the
  fingerprint of the feature front-end.

It is written under another name, flushed to disk and then renamed: a checkpoint that has
its name is complete.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.training.weight_average import WeightAverage

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
EMA = "ema.safetensors"
_NAME = re.compile(r"ckpt-(\d+)$")


def named_variables(variables: Iterable[Any]) -> dict[str, Any]:
    """Variables by a name that is the same in every process.

    Keras numbers the layers, optimizers and random generators of a process as they are
    made; the first part of a path and the names of generators are therefore left out.
    """
    named: dict[str, Any] = {}
    generators = 0
    for variable in variables:
        name = variable.path.partition("/")[2] or variable.path
        if "seed_generator_state" in variable.path:
            name = f"random_state/{generators}"
            generators += 1
        if name in named:
            raise ValueError(f"Two variables are named {name!r}. Received: {variable.path=}")
        named[name] = variable
    return named


def save_checkpoint(
    folder: Path,
    model: keras.Model,
    optimizer: Any,
    state: Mapping[str, Any],
    average: WeightAverage | None = None,
) -> Path:
    """Writes `folder/ckpt-<step>` and returns its path.

    Args:
      folder: where checkpoints are kept; made if missing.
      optimizer: a Keras optimizer, or None for weights only.
      state: what `state.json` holds; `step` is required.
      average: the averages of the weights, if there are any.

    Raises:
      RunError: the disk is full or the folder cannot be written.
    """
    files = {MODEL: _arrays(named_variables(model.variables))}
    if optimizer is not None:
        files[OPTIMIZER] = _arrays(named_variables(optimizer.variables))
    if average is not None:
        files[EMA] = _arrays(_named_averages(average))
    return write_checkpoint(folder, files, state)


def write_checkpoint(
    folder: Path, files: Mapping[str, Mapping[str, np.ndarray]], state: Mapping[str, Any]
) -> Path:
    """Writes `folder/ckpt-<step>` from arrays and returns its path.

    Args:
      folder: where checkpoints are kept; made if missing.
      files: the arrays of each file by name: `{MODEL: {"encoder/...": array}}`.
      state: what `state.json` holds; `step` is required.

    Raises:
      RunError: the disk is full or the folder cannot be written.
    """
    final = folder / f"ckpt-{state['step']}"
    draft = folder / f".{final.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        for name, arrays in files.items():
            save_file(dict(arrays), draft / name)
        (draft / STATE).write_text(json.dumps(state, indent=1))
        for path in (*draft.iterdir(), draft):
            _flush(path)
        if final.exists():
            shutil.rmtree(final)
        draft.rename(final)
        _flush(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise RunError(
            f"The checkpoint {final} could not be written: {error}. Earlier checkpoints are "
            "untouched; free some space and go on with --continue_learning."
        ) from error
    return final


def _arrays(named: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {
        name: np.array(keras.ops.convert_to_numpy(variable.value), order="C")
        for name, variable in named.items()
    }


def _named_averages(average: WeightAverage) -> dict[str, Any]:
    """The averages by the names of the weights."""
    return dict(zip(named_variables(average.variables), average.averages))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints in `folder`, oldest first."""
    if not folder.is_dir():
        return []
    found = [(int(m[1]), path) for path in folder.iterdir() if (m := _NAME.search(path.name))]
    return [path for _, path in sorted(found)]


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the highest step in `folder`, or None."""
    found = checkpoints(folder)
    return found[-1] if found else None


def read_state(checkpoint: Path) -> dict[str, Any]:
    """The contents of `state.json`.

    Raises:
      InputError: it is missing or damaged.
    """
    try:
        return json.loads((checkpoint / STATE).read_text())
    except (OSError, ValueError) as error:
        raise _unreadable(checkpoint / STATE, error) from error


def restore(checkpoint: Path, model: keras.Model, optimizer: Any = None) -> None:
    """Puts a checkpoint's values into the model and the optimizer.

    Raises:
      InputError: listing every variable that is missing, left over or of another shape; or the
        optimizer's are asked for and the checkpoint holds weights only.
    """
    if optimizer is not None and not (checkpoint / OPTIMIZER).is_file():
        found, expected = f"no {OPTIMIZER}, weights only", "a checkpoint that training wrote"
        remedy = f"Start anew from its weights: --load_model={checkpoint} and another --logdir."
        problem = Problem(str(checkpoint), found, expected, remedy)
        raise InputError("Training cannot go on from this checkpoint:", [problem])
    _assign(checkpoint / MODEL, named_variables(model.variables))
    if optimizer is not None:
        _assign(checkpoint / OPTIMIZER, named_variables(optimizer.variables))


def restore_average(checkpoint: Path, average: WeightAverage) -> bool:
    """Puts a checkpoint's averages into `average`; False if it has none.

    Raises:
      InputError: they are not of the same variables.
    """
    if not (checkpoint / EMA).is_file():
        return False
    _assign(checkpoint / EMA, _named_averages(average))
    return True


def restore_averaged_weights(checkpoint: Path, model: keras.Model) -> bool:
    """Gives the model the averaged weights of a checkpoint; False if it has none.

    Raises:
      InputError: an average fits no weight.
    """
    if not (checkpoint / EMA).is_file():
        return False
    averaged = read_arrays(checkpoint / EMA).keys()
    weights = named_variables(model.trainable_variables)
    _assign(checkpoint / EMA, {name: v for name, v in weights.items() if name in averaged})
    return True


def _assign(path: Path, named: Mapping[str, Any]) -> None:
    arrays = read_arrays(path)
    problems = []
    for name, variable in named.items():
        wanted = f"an array of shape {tuple(variable.shape)}"
        if name not in arrays:
            problems.append(Problem(name, "nothing", wanted))
        elif arrays[name].shape != tuple(variable.shape):
            problems.append(Problem(name, f"shape {arrays[name].shape}", wanted))
    problems += [
        Problem(name, f"an array of shape {arrays[name].shape}", "nothing of that name")
        for name in arrays.keys() - named.keys()
    ]
    if problems:
        raise InputError(
            f"{path} does not fit the model of this config. Was the config changed since?", problems
        )
    for name, variable in named.items():
        variable.assign(arrays[name])


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint's file (`checkpoint / MODEL`) by name.

    Raises:
      InputError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    remedy = "Remove this checkpoint's folder to use the one before it."
    return InputError(
        "The checkpoint cannot be read:", [Problem(str(path), str(error), "a whole file", remedy)]
    )


def keep_newest(folder: Path, count: int) -> None:
    """Removes all but the newest `count` checkpoints, and drafts of processes that died."""
    for path in checkpoints(folder)[:-count]:
        shutil.rmtree(path)
    for draft in folder.glob(".ckpt-*.tmp"):
        shutil.rmtree(draft, ignore_errors=True)


class BestCheckpoints:
    """The best checkpoints by one metric, in `folder`; the list survives restarts.

    Args:
      folder: usually `<logdir>/best_models`.
      metric: the name shown in `best.json`; smaller is better.
      count: how many are kept.
    """

    def __init__(self, folder: Path, metric: str, count: int):
        self.folder, self.metric, self.count = folder, metric, count

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Kept checkpoints, best first: `{"value": ..., "step": ..., "name": ...}`."""
        try:
            stored = json.loads((self.folder / "best.json").read_text())
        except FileNotFoundError:
            return []
        usable = [e for e in stored["entries"] if (self.folder / e["name"]).is_dir()]
        return usable if stored["metric"] == self.metric else []

    @property
    def best(self) -> float:
        """The best value so far, infinity at first."""
        return min((entry["value"] for entry in self.entries), default=float("inf"))

    def offer(self, value: float, model: keras.Model, state: Mapping[str, Any]) -> bool:
        """Keeps the model's weights if `value` is better than all before; says whether."""
        entries = self.entries
        if not value < self.best:
            return False
        path = save_checkpoint(self.folder, model, None, {**state, self.metric: value})
        entries = [e for e in entries if e["name"] != path.name]
        entries.insert(0, {"value": value, "step": state["step"], "name": path.name})
        record = {"metric": self.metric, "entries": entries[: self.count]}
        draft = self.folder / ".best.json.tmp"
        draft.write_text(json.dumps(record, indent=1))
        draft.replace(self.folder / "best.json")
        for entry in entries[self.count :]:
            shutil.rmtree(self.folder / entry["name"])
        return True


def best_checkpoint(folder: Path) -> Path | None:
    """The best checkpoint that a `BestCheckpoints` keeps in `folder`, or None."""
    try:
        entries = json.loads((folder / "best.json").read_text())["entries"]
    except FileNotFoundError:
        return None
    return folder / entries[0]["name"] if entries else None
