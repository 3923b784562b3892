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

import errno
import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.files import NUMBER, JsonObject, misfits
from open_seq2seq.files.wording import refusal

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
EMA = "ema.safetensors"
# The arrays of each file by name: {MODEL: {"encoder/...": array}}.
Files = Mapping[str, Mapping[str, np.ndarray]]
_NAME = re.compile(r"^ckpt-(\d{1,18})$", re.ASCII)
# How safetensors writes the system's number: "I/O error: No space left on device (os error 28)".
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
_FEATURES = {"parameters?": dict, "shape?": [int], "numbers?": [NUMBER]}
# Where the state has the model's metadata (metadata.py): the key as the first checkpoints wrote it.
METADATA = "contract"
_METADATA = {METADATA: {"vocabulary": [str], "features": dict}}
# What a checkpoint's state has to have, and what it may have.
_FORM = {
    "step": int,
    f"{METADATA}?": {"vocabulary?": [str], "features?": _FEATURES},
    "progress?": dict,
    "averaged_weights?": bool,
    "dtype?": str,
}
# The same where training is to go on from it.
_RESUMABLE = {
    "progress": {"step": int, "epoch": int, "position": int, "data": dict, "ahead?": int},
    "effort?": (dict, None),
    "loss_scaling?": (dict, None),
}
_COST = {
    "seconds": NUMBER,
    "evaluation_seconds": NUMBER,
    "amount": NUMBER,
    "sittings": int,
    "counted_from": int,
}


def write_checkpoint(folder: Path, files: Files, state: JsonObject) -> Path:
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
            _save(dict(arrays), draft / name)
        (draft / STATE).write_text(json.dumps(state, indent=1))
        for path in (*draft.iterdir(), draft):
            _flush(path)
        replaced = _moved_aside(final) if final.exists() else None
        draft.rename(final)
        _flush(folder)
        if replaced is not None:
            shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = error.strerror or str(error) if full else refusal(folder, error)
        remedy = "free some space" if full else "mend that"
        raise RunError(
            f"The checkpoint {final} could not be written: {why}. Earlier checkpoints are "
            f"untouched; {remedy} and go on with --continue_learning."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def _save(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Writes arrays; the library has an error of its own for what the system refuses.

    Raises:
      OSError: the system refuses.
    """
    try:
        save_file(arrays, path)
    except SafetensorError as error:
        number = _SYSTEM_ERROR.search(str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code) if number else str(error)) from error


def is_checkpoint_name(name: str) -> bool:
    """Whether a folder of this name is a checkpoint."""
    return _NAME.match(name) is not None


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints in `folder`, oldest first."""
    if not os.path.isdir(folder):
        return []
    try:
        names = os.listdir(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        problem = Problem(str(folder), reason, "a folder that can be read")
        raise InputError("The checkpoints cannot be looked for:", [problem]) from error
    found = [(int(m[1]), folder / name) for name in names if (m := _NAME.match(name))]
    return [path for _, path in sorted(found)]


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the highest step in `folder`, or None."""
    found = checkpoints(folder)
    return found[-1] if found else None


def read_state(checkpoint: Path) -> JsonObject:
    """The contents of `state.json`.

    Raises:
      InputError: it is missing or damaged.
    """
    try:
        state: JsonObject = json.loads((checkpoint / STATE).read_bytes())
        wrong = "; ".join(misfits(state, _FORM))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(checkpoint / STATE, error) from error
    if wrong:
        raise _unreadable(checkpoint / STATE, wrong)
    return state


def read_metadata(checkpoint: Path) -> JsonObject:
    """The symbols (`vocabulary`) and `features` of a checkpoint.

    Raises:
      InputError: its state is missing or damaged, or has none.
    """
    state = read_state(checkpoint)
    wrong = "; ".join(misfits(state, _METADATA))
    if wrong:
        raise _unreadable(checkpoint / STATE, wrong)
    metadata: JsonObject = state[METADATA]
    return metadata


def read_training_data(checkpoint: Path) -> dict[str, float] | None:
    """What a checkpoint says of the recordings of its training; None: it does not know them.

    Returns: "longest" and "mean" in seconds.

    Raises:
      InputError: its state is missing or damaged.
    """
    stored = read_state(checkpoint).get("training_data")
    if stored is None:
        return None
    known: dict[str, float] = stored if isinstance(stored, dict) else {}
    numbers = [known.get(name) for name in ("longest", "mean")]
    if not all(isinstance(one, float) and 0 < one < math.inf for one in numbers):
        raise _unreadable(checkpoint / STATE, f"training_data {stored!r}")
    return known


def read_training_state(checkpoint: Path) -> JsonObject:
    """As `read_state`, with all that training needs to go on.

    Raises:
      InputError: it is missing or damaged, or of weights alone.
    """
    state = read_state(checkpoint)
    wrong = [*misfits(state, {**_METADATA, **_RESUMABLE})]
    if not wrong and state.get("effort") is not None:
        wrong = [*misfits(state["effort"], _COST, "effort")]
    if not wrong:
        counted = ("step", "epoch", "position")
        wrong = [f"a negative {name}" for name in counted if state["progress"][name] < 0]
    if wrong:
        raise _unreadable(checkpoint / STATE, "; ".join(wrong))
    return state


def check_checkpoint(checkpoint: Path, resumes: bool) -> None:
    """Looks at a checkpoint's files without reading their values, which would take long.

    Args:
      resumes: whether training goes on from it; else its weights are enough.

    Raises:
      InputError: one is missing or damaged.
    """
    if resumes and (checkpoint / OPTIMIZER).is_file():
        read_training_state(checkpoint)
    else:
        read_metadata(checkpoint)
    for name in (MODEL, OPTIMIZER, EMA):
        path = checkpoint / name
        if name != MODEL and (not resumes or not path.is_file()):
            continue
        try:
            with safe_open(path, "numpy"):
                pass
        except Exception as error:  # whatever a parser makes of damaged bytes
            raise _unreadable(path, error) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint's file (`checkpoint / MODEL`) by name.

    Raises:
      InputError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except Exception as error:  # whatever a parser makes of damaged bytes
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


def _unreadable(path: Path, error: Exception | str) -> InputError:
    remedy = "Remove this checkpoint's folder to use the one before it."
    return InputError(
        "The checkpoint cannot be read:", [Problem(str(path), str(error), "a whole file", remedy)]
    )
