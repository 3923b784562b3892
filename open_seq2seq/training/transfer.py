"""Transfer learning: a new model that starts from the weights of a trained one (`load_model`).

Variables are matched by name and shape, as in OpenSeq2Seq. Beyond it, the decoder's columns
follow their symbols: after a change of the vocabulary, what was learned of the symbols that
remain is kept.
"""

from __future__ import annotations

import logging
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from open_seq2seq.checkpoints.best import best_checkpoint
from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
from open_seq2seq.checkpoints.metadata import vocabulary_change
from open_seq2seq.checkpoints.storage import EMA, MODEL, read_arrays, read_metadata
from open_seq2seq.checkpoints.variables import named_variables
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import Experiment
from open_seq2seq.tensors import Variable

_log = logging.getLogger(__name__)


# Variables whose last axis has an entry for each symbol and one for the blank.
_HEAD = "decoder/"
_GENERATORS = "random_state/"


def base_checkpoint(load_model: str, best: bool) -> Path:
    """The checkpoint that `load_model` means; see `named_checkpoint`."""
    return named_checkpoint(load_model, best, "load_model", "There is no base model to start from:")


def named_checkpoint(
    name: str | Path, best: bool, parameter: str, summary: str = "There is no trained model:"
) -> Path:
    """The checkpoint that a folder's name means.

    Args:
      name: a log directory (of a run with or without `--enable_logs`), or the folder of one
        checkpoint.
      best: prefer the best checkpoint, when there is one, to the newest.
      parameter: what has this value, for the message.
      summary: the message's first line.

    Raises:
      InputError: there is none.
    """
    folder = Path(name)
    # Path's own tests fail where no name can be so long.
    if os.path.isfile(folder / MODEL):
        return folder
    for enable_logs in (False, True) if os.path.isdir(folder) else ():
        logdir = LogDir(folder, enable_logs)
        if logdir.latest() or best_checkpoint(logdir.best):
            return checkpoint_to_use(logdir, best)
    found, remedy = "a folder without checkpoints", "Name a log directory, or a checkpoint in it."
    if not os.path.exists(folder):
        found = "nothing of that name"
    elif not folder.is_dir():
        found = "a file"
    elif not any(folder.iterdir()):
        found = "an empty folder"
    elif any(folder.rglob("*.ckpt-*.index")):
        found = "a folder of TensorFlow 1 checkpoints"
        remedy = (
            "Turn one into a checkpoint of this framework first: python "
            "scripts/import_openseq2seq_checkpoint.py --help"
        )
    problem = Problem(f"{parameter} {folder}", found, "a trained model's checkpoint", remedy)
    raise InputError(summary, [problem])


@dataclass
class Transfer:
    """What came from the base model and what did not, by the names of variables.

    Args:
      loaded: as they were.
      by_symbol: columns of the symbols that remain; the value says how many of how many.
      missing: of the new model, not in the base.
      reshaped: of another shape; the value says which (base, new).
      unused: of the base, not in the new model.
    """

    loaded: list[str] = field(default_factory=list)
    by_symbol: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    reshaped: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The report: counts first, then the variables that were not simply loaded."""
        new = len(self.loaded) + len(self.by_symbol) + len(self.missing) + len(self.reshaped)
        lines = [f"{len(self.loaded)} of {new} variables loaded as they are"]
        lines += [f"by symbol: {name}, {kept}" for name, kept in self.by_symbol.items()]
        lines += [f"not in the base model, starts fresh: {name}" for name in self.missing]
        lines += [f"another shape, starts fresh: {name}, {s}" for name, s in self.reshaped.items()]
        lines += [f"of the base model, unused: {name}" for name in self.unused]
        return "\n".join(lines)


def start_from(checkpoint: Path, experiment: Experiment) -> Transfer:
    """Puts the weights of a base model into a new one, as far as they fit, and says how far.

    Optimizer states, step numbers and the states of random generators are not taken over.

    Args:
      checkpoint: the base model's, from `base_checkpoint`.
      experiment: the new model with its initial values, and its data.

    Raises:
      InputError: the checkpoint cannot be read, or no kernel of it fits.
    """
    stored = read_metadata(checkpoint)
    arrays = read_arrays(checkpoint / MODEL)
    if experiment.params["use_ema"] and (checkpoint / EMA).is_file():
        arrays |= read_arrays(checkpoint / EMA)
        _log.info("The base model's averaged weights are used.")
    symbols = experiment.data.vocabulary.symbols
    differences = experiment.data.fingerprint_problems(stored.get("features", {}))
    if differences:
        lines = [f"    {one.where}: {one.found} here, {one.expected}" for one in differences]
        text = "\n".join(["the base model was trained on other features:", *lines])
        _log.warning(text)
    pairs = kept_symbols(stored["vocabulary"], symbols)
    change = vocabulary_change(stored["vocabulary"], symbols)
    if change is not None:
        _log.info(f"The vocabulary changed: {len(pairs.new) - 1} symbols remain; {change}.")
    result = transfer(arrays, named_variables(experiment.model.variables), pairs)
    # Biases and normalizations alone, of one width by chance, carry nothing over.
    if not any(arrays[name].ndim > 1 for name in [*result.loaded, *result.by_symbol]):
        expected = "kernels of the same names and shapes"
        remedy = f"This model's variables and what became of them:\n{result.text()}"
        problem = Problem(f"load_model {checkpoint}", "no kernel that fits", expected, remedy)
        raise InputError("The base model is of another kind:", [problem])
    _log.info(textwrap.indent(result.text(), "    "))
    return result


@dataclass(frozen=True)
class SymbolColumns:
    """Which columns of the decoder stay: those of symbols in both vocabularies, and the blank.

    Args:
      old, new: the columns' numbers in the base and in the new model.
      old_size, new_size: columns in all, blank included.
    """

    old: list[int]
    new: list[int]
    old_size: int
    new_size: int

    @property
    def is_identity(self) -> bool:
        return self.old_size == self.new_size and self.old == self.new == [*range(self.old_size)]


def kept_symbols(old: Sequence[str], new: Sequence[str]) -> SymbolColumns:
    """Pairs the columns of two vocabularies' symbols; the blank is the last of each."""
    places = {symbol: index for index, symbol in enumerate(old)}
    pairs = [(places[symbol], index) for index, symbol in enumerate(new) if symbol in places]
    pairs.append((len(old), len(new)))
    return SymbolColumns(
        [pair[0] for pair in pairs], [pair[1] for pair in pairs], len(old) + 1, len(new) + 1
    )


def transfer(
    arrays: Mapping[str, np.ndarray], variables: Mapping[str, Variable], columns: SymbolColumns
) -> Transfer:
    """Assigns what fits.

    Args:
      arrays: the base model's values by name.
      variables: the new model's variables by name.
      columns: which of the decoder's columns stay.
    """
    result = Transfer()
    used = set()
    for name, variable in variables.items():
        if name.startswith(_GENERATORS):
            continue
        if name not in arrays:
            result.missing.append(name)
            continue
        used.add(name)
        array, shape = arrays[name], tuple(variable.shape)
        if _is_head(name, array.shape, shape, columns):
            values = np.array(keras.ops.convert_to_numpy(variable.value))
            values[..., columns.new] = array[..., columns.old]
            variable.assign(values)
            kept = len(columns.new)
            result.by_symbol[name] = f"{kept} of {columns.new_size} columns, blank included"
        elif array.shape == shape:
            variable.assign(array)
            result.loaded.append(name)
        else:
            result.reshaped[name] = f"{array.shape} in the base model, {shape} here"
    result.unused = sorted(n for n in arrays if n not in used and not n.startswith(_GENERATORS))
    return result


def _is_head(name: str, old: tuple[int, ...], new: tuple[int, ...], columns: SymbolColumns) -> bool:
    """Whether a variable has a column for each symbol, and the symbols changed."""
    ends = (columns.old_size, columns.new_size)
    same_below = old[:-1] == new[:-1] and (old[-1:], new[-1:]) == (ends[:1], ends[1:])
    return name.startswith(_HEAD) and not columns.is_identity and same_below
