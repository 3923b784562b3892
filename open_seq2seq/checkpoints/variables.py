"""Between the variables of a model, its optimizer and its averages, and a checkpoint's arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from open_seq2seq.checkpoints.storage import (
    EMA,
    MODEL,
    OPTIMIZER,
    read_arrays,
    write_checkpoint,
)
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.tensors import Variable

_COPIERS = 4  # threads


def named_variables(variables: Iterable[Variable]) -> dict[str, Variable]:
    """Variables by a name that is the same in every process.

    Keras numbers the layers, optimizers and random generators of a process as they are
    made; the first part of a path and the names of generators are therefore left out.
    """
    named: dict[str, Variable] = {}
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
    model: keras.Model,
    optimizer: keras.Optimizer | None = None,
    average: WeightAverage | None = None,
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
    optimizer: keras.Optimizer | None,
    state: JsonObject,
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


def restore(checkpoint: Path, model: keras.Model, optimizer: keras.Optimizer | None = None) -> None:
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


def _arrays(named: Mapping[str, Variable]) -> dict[str, np.ndarray]:
    """True copies: a backend may hand out a view of what its next step overwrites."""
    tensors = [keras.ops.convert_to_tensor(variable.value) for variable in named.values()]
    # Most of the time goes into getting memory from the system, which threads share.
    with ThreadPoolExecutor(_COPIERS) as threads:
        arrays = list(threads.map(keras.ops.convert_to_numpy, tensors))
    # What is contiguous, owns its memory and may be written is a copy already.
    copies = [np.require(array, requirements=["C", "O", "W"]) for array in arrays]
    return dict(zip(named, copies))


def _named_averages(average: WeightAverage) -> dict[str, Variable]:
    """The averages by the names of the weights."""
    return dict(zip(named_variables(average.variables), average.averages))


def _assign(path: Path, named: Mapping[str, Variable]) -> None:
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
