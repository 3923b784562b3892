"""A TensorFlow 1 checkpoint of OpenSeq2Seq: which variables it has, and what each is for."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem

MASTER = "Loss_Optimization/FP32-master-copy/"
AVERAGE = "/ExponentialMovingAverage"
_MODEL = "ForwardPass/"
_OPTIMIZER = "Loss_Optimization/"
_STEP = "global_step"
_SLOT = re.compile(
    r"/(Momentum|AdamW?(_\d+)?|RMSProp(_\d+)?|Adagrad|Adadelta(_\d+)?|Ftrl(_\d+)?|nvgrad2_ema\d*)$"
    r"|(^|/)(beta[12]_power(_\d+)?|nvgrad2_ema\d*)$"
)
_SUFFIX = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")
_NUMBER = re.compile(r"-(\d+)$")


class OldCheckpoint:
    """A checkpoint that is open for reading.

    Args:
      path: `model.ckpt-<step>`, one of its files, or a folder, which means its newest.
      use_averages: take the exponential moving averages of weights that have one.

    Raises:
      InputError: there is none, or it cannot be read.
    """

    def __init__(self, path: str | Path, use_averages: bool = False):
        import tensorflow as tf

        self.prefix = find_checkpoint(Path(path))
        self.use_averages = use_averages
        try:
            self._reader: Any = tf.train.load_checkpoint(str(self.prefix))
            self.shapes: dict[str, tuple[int, ...]] = {
                name: tuple(shape)
                for name, shape in self._reader.get_variable_to_shape_map().items()
            }
            types = self._reader.get_variable_to_dtype_map()
            self.dtypes = {name: types[name].name for name in self.shapes}
        except Exception as error:  # whatever TensorFlow makes of damaged bytes
            raise _damaged(self.prefix, error) from error

    @property
    def step(self) -> int:
        """The number in the checkpoint's name, or else its `global_step`; 0 without both."""
        match = _NUMBER.search(self.prefix.name)
        if match:
            return int(match[1])
        return int(self._tensor(_STEP)) if _STEP in self.shapes else 0

    @property
    def averaged(self) -> list[str]:
        """The names of moving averages."""
        return [name for name in self.shapes if name.endswith(AVERAGE)]

    def stored_name(self, name: str) -> str | None:
        """Where the value of a model's variable is: its average, fp32 master copy or itself."""
        candidates = [MASTER + name, name]
        if self.use_averages:
            averages = [MASTER + name + AVERAGE, name + AVERAGE]
            others = [a for a in self.averaged if a.endswith(f"/{name}{AVERAGE}")]
            candidates = [*averages, *others, *candidates]
        return next((one for one in candidates if one in self.shapes), None)

    def value(self, stored_name: str) -> np.ndarray:
        """The value under a name of the checkpoint, as float32.

        Raises:
          InputError: it cannot be read.
        """
        return self._tensor(stored_name).astype(np.float32)

    def _tensor(self, stored_name: str) -> np.ndarray:
        try:
            array = np.asarray(self._reader.get_tensor(stored_name))
        except Exception as error:
            raise _damaged(self.prefix, error, stored_name) from error
        if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
            raise _damaged(self.prefix, TypeError(f"values of type {array.dtype}"), stored_name)
        return array

    def purpose(self, stored_name: str, used: Collection[str]) -> str | None:
        """Why a variable is not imported; None: it belongs to the model and should be.

        Args:
          used: the model's variables that are imported, by their own names or by those they
            are stored under.
        """
        if stored_name == _STEP:
            return "the number of steps"
        if _SLOT.search(stored_name):
            return "the optimizer's state"
        variable = _variable(stored_name)
        if variable in {_variable(name) for name in used}:
            if stored_name.endswith(AVERAGE):
                return "a moving average, which --use_ema would take"
            return "another copy of it is used"
        if variable.startswith(_MODEL):
            return None
        if "loss_scal" in stored_name.lower():
            return "the state of the loss scaling"
        return "the optimizer's state" if variable.startswith(_OPTIMIZER) else "not of the model"


def _variable(stored_name: str) -> str:
    """The model's variable of which this is the master copy or average, or itself."""
    name = stored_name.removesuffix(AVERAGE)
    if name != stored_name and _MODEL in name:
        name = name[name.index(_MODEL) :]
    return name.removeprefix(MASTER)


def find_checkpoint(path: Path) -> Path:
    """The prefix of a checkpoint's files: `folder/model.ckpt-<step>`.

    Args:
      path: the prefix, one of the files, or a folder, which means its newest.

    Raises:
      InputError: there is none.
    """
    if os.path.isdir(path):
        indices = [_SUFFIX.sub("", file.name) for file in path.glob("*.index")]
        if not indices:  # The first format of TensorFlow has no index.
            names = (file.name for file in path.glob("*ckpt-*") if file.is_file())
            indices = [name for name in names if _NUMBER.search(name)]
        if not indices:
            raise _unreadable(path, "a folder without a TensorFlow 1 checkpoint")
        return path / max(indices, key=_step_in_name)
    prefix = path.with_name(_SUFFIX.sub("", path.name))
    if not os.path.exists(prefix) and not os.path.exists(f"{prefix}.index"):
        raise _unreadable(path, "nothing of that name")
    return prefix


def _step_in_name(name: str) -> int:
    match = _NUMBER.search(name)
    return int(match[1]) if match else -1


def _damaged(prefix: Path, error: Exception, name: str = "") -> InputError:
    found = str(error).strip() or type(error).__name__
    return _unreadable(prefix, f"{name}: {found}" if name else found)


def _unreadable(path: Path, found: str) -> InputError:
    expected = "a TensorFlow 1 checkpoint"
    remedy = "Name it without an ending, model.ckpt-1000, or the folder that holds it."
    return InputError("Nothing can be imported:", [Problem(str(path), found, expected, remedy)])
