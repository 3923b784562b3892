"""Checkpoints on disk: everything that is needed to go on exactly, never half written.

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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from open_seq2seq.errors import InputError, Problem, RunError

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
EMA = "ema.safetensors"
# The arrays of each file by name: {MODEL: {"encoder/...": array}}.
Files = Mapping[str, Mapping[str, np.ndarray]]
_NAME = re.compile(r"ckpt-(\d+)$")


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


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint's file (`checkpoint / MODEL`) by name.

    Raises:
      InputError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error


def keep_newest(folder: Path, count: int) -> None:
    """Removes all but the newest `count` checkpoints, and drafts of processes that died.

    Raises:
      RunError: one cannot be removed.
    """
    for path in checkpoints(folder)[:-count]:
        remove_checkpoint(path)
    remove_drafts(folder)


def remove_checkpoint(checkpoint: Path) -> None:
    try:
        shutil.rmtree(_moved_aside(checkpoint))
    except OSError as error:
        raise RunError(f"The old checkpoint {checkpoint} could not be removed: {error}.") from error


def remove_drafts(folder: Path) -> None:
    for draft in folder.glob(".ckpt-*.tmp"):
        shutil.rmtree(draft, ignore_errors=True)


def _moved_aside(checkpoint: Path) -> Path:
    """Renames a checkpoint like a draft: while it is removed, which takes time, it is not whole."""
    aside = checkpoint.with_name(f".{checkpoint.name}.{os.getpid()}.old.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    checkpoint.rename(aside)
    return aside


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: Exception) -> InputError:
    remedy = "Remove this checkpoint's folder to use the one before it."
    return InputError(
        "The checkpoint cannot be read:", [Problem(str(path), str(error), "a whole file", remedy)]
    )
