"""Files of logits: what inference with `infer_logits_to_pickle` writes, and .npz archives."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject
from open_seq2seq.kaldi_io import read_table
from open_seq2seq.stored_logits.logit_kinds import as_logits, blank_note, with_blank_last
from open_seq2seq.stored_logits.plain_pickle import load_plain_pickle

_KINDS = "a dictionary with `logits` (and `step_size`, `vocab`), or a list of [time, class] arrays"


@dataclass(frozen=True)
class LogitsFile:
    """The logits of a set of utterances.

    Args:
      path: the file.
      names: of the utterances; None: they are in the order of a CSV.
      logits: of each utterance, [time, class], unnormalised, blank last.
      step_size: seconds from one frame to the next, None where the file doesn't say.
      symbols: text of each class but the blank, None where the file doesn't say.
      references: texts, where the file has them.
      notes: what the user should know of its numbers.
    """

    path: Path
    names: list[str] | None
    logits: list[np.ndarray]
    step_size: float | None = None
    symbols: list[str] | None = None
    references: list[str] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> int:
        """Symbols and the blank; 0 without utterances."""
        return self.logits[0].shape[1] if self.logits else 0


def read_logits(path: str | Path, blank: int | None = None) -> LogitsFile:
    """Reads logits of one of these kinds:

    * a pickle of a dictionary with `logits` (name to [time, class]), `step_size` (seconds)
      and `vocab` (class to symbol, without the blank), as inference writes it; only `logits`
      is required;
    * a pickle of a bare array, [utterance, time, class] or a list of [time, class], in the
      order of a CSV;
    * an .npz archive, with one [time, class] array for each name; or with `logits`
      [all frames, class] of utterances one after the other, their `lengths` and `keys`, and
      maybe their `texts`. Both may hold `step_size` and `vocab` (an array of text);
    * an archive of Kaldi's (.ark) or its script (.scp), with a [time, class] matrix for each name.

    Numbers that can only be probabilities, costs or log10 become what they should be, and a blank
    that is not the last class is put there, or its place is asked for (`logit_kinds`). -inf is the
    logarithm of 0.

    Args:
      blank: the class of the blank in the file; None: the last one.

    Raises:
      InputError: listing every utterance whose array is not what it should be.
    """
    path = Path(path)
    if not os.path.isfile(path):
        remedy = "Write it with run.py --mode=infer --decoder_params/infer_logits_to_pickle=True."
        found = "a folder" if os.path.isdir(path) else "no such file"
        raise InputError("No logits:", [Problem(str(path), found, "a file of logits", remedy)])
    if path.suffix in (".ark", ".scp"):
        table = list(read_table(path))
        file = LogitsFile(path, [key for key, _ in table], [array for _, array in table])
    elif zipfile.is_zipfile(path):
        file = _from_archive(path, blank)
    else:
        file = _from_content(path, load_plain_pickle(path), blank)
    _check_arrays(file)
    if blank is not None:
        file = _moved_blank(file, blank)
    logits, notes = as_logits(file.logits)
    file = replace(file, logits=logits)
    _check_values(file)
    if blank is None and (note := blank_note(logits)):
        notes.append(note)
    return replace(file, notes=notes)


def _moved_blank(file: LogitsFile, blank: int) -> LogitsFile:
    """With the blank behind the other classes; among the symbols it is left out."""
    if not 0 <= blank < file.classes:
        found = f"{file.classes} classes in {file.path}"
        expected = f"a class from 0 to {file.classes - 1}"
        raise InputError("There is no such blank:", [Problem(f"--blank={blank}", found, expected)])
    symbols = file.symbols
    if symbols is not None and len(symbols) == file.classes:
        symbols = symbols[:blank] + symbols[blank + 1 :]
    moved = [with_blank_last(array, blank) for array in file.logits]
    return replace(file, logits=moved, symbols=symbols)


def _from_content(path: Path, content: Any, blank: int | None) -> LogitsFile:
    if not isinstance(content, Mapping):
        return LogitsFile(path, None, _arrays(path, content))
    logits = content.get("logits")
    if not isinstance(logits, Mapping):
        keys = ", ".join(map(repr, list(content)[:5])) or "no keys"
        found = f"a dictionary with {keys}" if logits is None else type(logits).__name__
        expected = "`logits`, a dictionary from name to array"
        raise _not_logits(path, found, expected)
    names = [str(name) for name in logits]
    values = [np.asarray(array) for array in logits.values()]
    return LogitsFile(
        path, names, values, _step_size(path, content), _symbols(path, content.get("vocab"), blank)
    )


def _arrays(path: Path, content: Any) -> list[np.ndarray]:
    """The utterances of a bare array, or of a list of arrays."""
    if isinstance(content, np.ndarray) and content.ndim not in (1, 3):
        found = f"an array of shape {content.shape}"
        raise _not_logits(path, found, "[utterance, time, class]")
    if not isinstance(content, (np.ndarray, list, tuple)):
        raise _not_logits(path, type(content).__name__, _KINDS)
    return [np.asarray(array) for array in content]


def _from_archive(path: Path, blank: int | None) -> LogitsFile:
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
    except Exception as error:  # a broken archive can fail in any way
        found = f"a damaged archive ({type(error).__name__}: {error})"
        raise _not_logits(path, found, "an .npz of arrays") from None
    step_size = _step_size(path, content)
    symbols = _symbols(path, content.pop("vocab", None), blank)
    content.pop("step_size", None)
    if "lengths" not in content:
        return LogitsFile(path, list(content), list(content.values()), step_size, symbols)
    problems = [
        Problem(f"{path}: {key}", "nothing", "an array of that name")
        for key in ("logits", "keys")
        if key not in content
    ]
    if problems:
        raise InputError("The archive of logits cannot be used:", problems)
    logits, keys, lengths = content["logits"], content["keys"], content["lengths"]
    whole = lengths.ndim == 1 and lengths.dtype.kind in "iu" and (lengths >= 0).all()
    if not whole or keys.shape != lengths.shape or lengths.sum() != len(logits):
        found = f"lengths {lengths.shape}, keys {keys.shape}, {len(logits)} frames"
        expected = "a length and a key for each utterance, with lengths that add up to the frames"
        raise _not_logits(path, found, expected)
    utterances = np.split(logits, np.cumsum(lengths)[:-1]) if len(lengths) else []
    texts = content.get("texts")
    references = None if texts is None else [str(text) for text in texts]
    return LogitsFile(path, [str(k) for k in keys], utterances, step_size, symbols, references)


def _step_size(path: Path, content: JsonObject) -> float | None:
    if content.get("step_size") is None:
        return None
    try:
        seconds = float(content["step_size"])
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < 10:
        found = repr(content["step_size"])
        raise _not_logits(path, f"step_size {found}", "seconds from frame to frame, over 0")
    return seconds


def _symbols(path: Path, vocabulary: Any, blank: int | None) -> list[str] | None:
    """Symbols in the order of the classes, from {class: symbol} or a list."""
    if vocabulary is None:
        return None
    if isinstance(vocabulary, Mapping):
        classes = [index for index in range(len(vocabulary) + 1) if index != blank]
        if not all(isinstance(key, (int, np.integer)) for key in vocabulary) or (
            sorted(vocabulary) not in (classes[: len(vocabulary)], list(range(len(vocabulary))))
        ):
            found = f"vocab with the classes {sorted(map(str, vocabulary))[:10]}"
            raise _not_logits(path, found, "the classes 0, 1, 2, ...")
        vocabulary = [vocabulary[index] for index in sorted(vocabulary)]
    return [str(symbol) for symbol in np.atleast_1d(np.asarray(vocabulary, dtype=object))]


def _not_logits(path: Path, found: str, expected: str) -> InputError:
    return InputError("The file of logits cannot be used:", [Problem(str(path), found, expected)])


def _check_arrays(file: LogitsFile) -> None:
    """Every array is [time, class] of numbers, with the same classes everywhere."""
    problems = []
    counts = [array.shape[1] for array in file.logits if array.ndim == 2]
    usual = max(set(counts), key=counts.count) if counts else 0
    for index, array in enumerate(file.logits):
        name = file.names[index] if file.names else f"utterance {index}"
        where = f"{file.path}: {name}"
        if array.ndim != 2 or array.dtype.kind != "f":
            found = f"{array.dtype} of shape {array.shape}"
            problems.append(Problem(where, found, "floats of shape [time, class]"))
        elif array.shape[1] != usual or usual < 2:
            expected = f"{usual}, as in the others" if usual > 1 else "a symbol and the blank"
            problems.append(Problem(where, f"{array.shape[1]} classes", expected))
        elif np.isnan(array).any():
            bad = np.argwhere(np.isnan(array))[0]
            problems.append(Problem(where, f"nan at frame {bad[0]}, class {bad[1]}", "numbers"))
    if not file.logits:
        problems.append(Problem(str(file.path), "no utterances", "logits of one at least"))
    if problems:
        raise InputError("The logits cannot be decoded:", problems)


def _check_values(file: LogitsFile) -> None:
    """Numbers, or -inf, the logarithm of 0; but not for all classes of a frame."""
    problems = []
    for index, array in enumerate(file.logits):
        name = file.names[index] if file.names else f"utterance {index}"
        where = f"{file.path}: {name}"
        # As the decoders see them: larger numbers are infinite there.
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if np.isfinite(array).all():
            continue
        bad = np.argwhere(~(array < np.inf))  # NaN too
        if len(bad):
            found = f"{array[tuple(bad[0])]} at frame {bad[0][0]}, class {bad[0][1]}"
            problems.append(Problem(where, found, "finite logits, or -inf for a probability of 0"))
            continue
        impossible = np.flatnonzero(array.max(axis=1) == -np.inf)
        if len(impossible):
            found = f"-inf for all classes at frame {impossible[0]}"
            problems.append(Problem(where, found, "a class that is possible"))
    if problems:
        raise InputError("The logits cannot be decoded:", problems)
