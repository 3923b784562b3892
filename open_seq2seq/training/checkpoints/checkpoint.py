"""Checkpoints: everything that is needed to go on exactly, never half written.

A checkpoint is a folder `ckpt-<step>` with

* `model.safetensors`: the model's variables by name (weights, batch statistics and the
  states of random generators), readable without this framework;
* `optimizer.safetensors`: the optimizer's variables;
* `ema.safetensors`: with `ema_decay`, the averages of the trained weights, by their names;
* `state.json`: step, epoch and position in it, best result so far, vocabulary, and the
  fingerprint of the feature front-end.

It is written under another name, flushed to disk and then renamed: a checkpoint that has
its name is complete. Training takes a `snapshot` and goes on, while a `CheckpointWriter`
writes it.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.files import write_whole
from open_seq2seq.training.checkpoints.background import BackgroundWriter
from open_seq2seq.training.step.weight_average import WeightAverage

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
EMA = "ema.safetensors"
# The arrays of each file by name: {MODEL: {"encoder/...": array}}.
Files = Mapping[str, Mapping[str, np.ndarray]]
_COPIERS = 4  # threads
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


def snapshot(
    model: keras.Model, optimizer: Any = None, average: WeightAverage | None = None
) -> dict[str, dict[str, np.ndarray]]:
    """Copies of what a checkpoint's files hold, by file: later steps don't change them.

    Args:
      optimizer: a Keras optimizer, or None for weights only.
      average: the averages of the weights, if there are any.
    """
    files = {MODEL: _arrays(named_variables(model.variables))}
    if optimizer is not None:
        files[OPTIMIZER] = _arrays(named_variables(optimizer.variables))
    if average is not None:
        files[EMA] = _arrays(_named_averages(average))
    return files


def save_checkpoint(
    folder: Path,
    model: keras.Model,
    optimizer: Any,
    state: Mapping[str, Any],
    average: WeightAverage | None = None,
) -> Path:
    """Writes `folder/ckpt-<step>` at once and returns its path.

    Args:
      folder: where checkpoints are kept; made if missing.
      optimizer, average: as in `snapshot`.
      state: what `state.json` holds; `step` is required.

    Raises:
      RunError: the disk is full or the folder cannot be written.
    """
    return write_checkpoint(folder, snapshot(model, optimizer, average), state)


def write_checkpoint(folder: Path, files: Files, state: Mapping[str, Any]) -> Path:
    """Writes `folder/ckpt-<step>` from arrays and returns its path.

    Args:
      folder: where checkpoints are kept; made if missing.
      files: a `snapshot`, or other arrays of each file by name.
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
        replaced = _moved_aside(final) if final.exists() else None
        draft.rename(final)
        _flush(folder)
        if replaced is not None:
            shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise RunError(
            f"The checkpoint {final} could not be written: {error}. Earlier checkpoints are "
            "untouched; free some space and go on with --continue_learning."
        ) from error
    return final


def _arrays(named: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """True copies: a backend may hand out a view of what its next step overwrites."""
    tensors = [keras.ops.convert_to_tensor(variable.value) for variable in named.values()]
    # Most of the time goes into getting memory from the system, which threads share.
    with ThreadPoolExecutor(_COPIERS) as threads:
        arrays = list(threads.map(keras.ops.convert_to_numpy, tensors))
    # What is contiguous, owns its memory and may be written is a copy already.
    copies = [np.require(array, requirements=["C", "O", "W"]) for array in arrays]
    return dict(zip(named, copies))


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
    """Removes all but the newest `count` checkpoints, and drafts of processes that died.

    Raises:
      RunError: one cannot be removed.
    """
    for path in checkpoints(folder)[:-count]:
        _remove(path)
    _remove_drafts(folder)


def _moved_aside(checkpoint: Path) -> Path:
    """Renames a checkpoint like a draft: while it is removed, which takes time, it is not whole."""
    aside = checkpoint.with_name(f".{checkpoint.name}.{os.getpid()}.old.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    checkpoint.rename(aside)
    return aside


def _remove(checkpoint: Path) -> None:
    try:
        shutil.rmtree(_moved_aside(checkpoint))
    except OSError as error:
        raise RunError(f"The old checkpoint {checkpoint} could not be removed: {error}.") from error


def _remove_drafts(folder: Path) -> None:
    for draft in folder.glob(".ckpt-*.tmp"):
        shutil.rmtree(draft, ignore_errors=True)


class CheckpointWriter(BackgroundWriter):
    """Writes checkpoints in a thread: see `BackgroundWriter` for when errors are raised."""

    def save(self, folder: Path, files: Files, state: Mapping[str, Any], keep: int) -> Path:
        """Asks for `folder/ckpt-<step>` and returns its path; older ones go when it is there.

        Args:
          files: a `snapshot`; it is written from these arrays, which nobody may change.
          state: what `state.json` holds; `step` is required.
          keep: how many checkpoints stay in the folder.

        Raises:
          RunError: an earlier checkpoint could not be written; this one is then not asked for.
        """
        state = copy.deepcopy(dict(state))

        def write() -> None:
            write_checkpoint(folder, files, state)
            keep_newest(folder, keep)

        self.submit(write)
        return folder / f"ckpt-{state['step']}"


class BestCheckpoints:
    """The best checkpoints by one metric, in `folder`; the list survives restarts.

    Args:
      folder: usually `<logdir>/best_models`.
      metric: the name shown in `best.json`; smaller is better.
      count: how many are kept.
      writer: writes them in its thread; None: `offer` writes at once. With a writer all offers
        are to be made to the same object, which knows those that are not on disk yet.
    """

    def __init__(
        self, folder: Path, metric: str, count: int, writer: BackgroundWriter | None = None
    ):
        self.folder, self.metric, self.count, self.writer = folder, metric, count, writer
        self._least_offered = float("inf")

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
        return min([self._least_offered, *(entry["value"] for entry in self.entries)])

    def offer(self, value: float, model: keras.Model, state: Mapping[str, Any]) -> bool:
        """Keeps the model's weights if `value` is better than all before; says whether.

        Raises:
          RunError: they, or with a writer an earlier checkpoint, could not be written.
        """
        if not value < self.best:
            return False
        files, state = snapshot(model), copy.deepcopy({**state, self.metric: value})
        if self.writer is None:
            self._keep(value, files, state)
        else:
            self.writer.submit(lambda: self._keep(value, files, state))
        self._least_offered = value
        return True

    def _keep(self, value: float, files: Files, state: Mapping[str, Any]) -> None:
        """Writes the new best one, and then removes those that are too many."""
        entries = self.entries
        path = write_checkpoint(self.folder, files, state)
        entries = [e for e in entries if e["name"] != path.name]
        entries.insert(0, {"value": value, "step": state["step"], "name": path.name})
        record = {"metric": self.metric, "entries": entries[: self.count]}
        write_whole(self.folder / "best.json", json.dumps(record, indent=1))
        for entry in entries[self.count :]:
            _remove(self.folder / entry["name"])
        _remove_drafts(self.folder)


def best_checkpoint(folder: Path) -> Path | None:
    """The best checkpoint that a `BestCheckpoints` keeps in `folder`, or None."""
    try:
        entries = json.loads((folder / "best.json").read_text())["entries"]
    except FileNotFoundError:
        return None
    return folder / entries[0]["name"] if entries else None
