"""Utterances of several files, paired by key, and their scores one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.scoring.model import Arrays, Port, ScoringModel


@dataclass(frozen=True)
class Scored:
    """An utterance that has been scored.

    Args:
      key: of it.
      inputs: what the model was given.
      frames: rows of its features.
      seconds: that it took; in a batch its share by frames.
      scores: `[time, class]` by output.
    """

    key: str
    inputs: Arrays
    frames: int
    seconds: float
    scores: Arrays


class Utterances:
    """The inputs of a model by utterance, in the order of the first file.

    Args:
      tables: for each input a file, the features first.
      ports: the model's inputs.

    `notes` are sentences for the user.

    Raises:
      InputError: an utterance is not in all files.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, np.ndarray]], ports: Sequence[Port]):
        self._tables = tables
        self._ports = {one.name: one for one in ports if one.name in tables}
        self.notes: list[str] = []
        first, *others = tables
        self.keys = list(tables[first])
        self._own_keys = {name: dict(zip(self.keys, self.keys)) for name in tables}
        problems = []
        for name in others:
            missing = [key for key in self.keys if key not in tables[name]]
            if len(missing) == len(self.keys) == len(tables[name]) > 0:
                self._own_keys[name] = dict(zip(self.keys, tables[name]))
                self.notes.append(f"{first} and {name} share no key: they are paired in order.")
                continue
            problems += [
                Problem(name, f"no {key}", f"one, as in the file of {first}", kind="no such key")
                for key in missing
            ]
        if problems:
            raise InputError("Utterances are not in all files:", problems)
        if not self.keys:
            raise InputError("There is nothing to score:", [Problem(first, "no utterance", "some")])

    def __len__(self) -> int:
        return len(self.keys)

    def inputs(self, key: str) -> dict[str, np.ndarray]:
        """What the model is given of an utterance.

        Raises:
          InputError: a shape is not what it takes.
        """
        given = {}
        for name, table in self._tables.items():
            array = table[self._own_keys[name][key]]
            given[name] = self._checked(key, name, array)
        return given

    def _checked(self, key: str, name: str, array: np.ndarray) -> np.ndarray:
        port = self._ports[name]
        if array.dtype.kind == "i" or array.ndim not in (1, 2):
            found = f"{array.dtype} {list(array.shape)}"
            problem = Problem(f"{name}: {key}", found, "a matrix of features")
            raise InputError("An utterance cannot be scored:", [problem])
        if array.ndim == 1 and not port.per_utterance and port.dim == 1:
            array = array[:, None]  # samples
        width = array.shape[-1]
        if port.dim is not None and width != port.dim:
            found = f"{width} features a frame" if array.ndim == 2 else f"a vector of {width}"
            remedy = ""
            if port.dim % max(width, 1) == 0 and width:
                remedy = (
                    f"{port.dim} = {port.dim // width} x {width}: frames are to be spliced first "
                    "(--feature_transform)."
                )
            problem = Problem(f"{name}: {key}", found, f"{port.dim}, which the model takes", remedy)
            raise InputError("An utterance cannot be scored:", [problem])
        if not len(array):
            problem = Problem(f"{name}: {key}", "no frames", "at least one")
            raise InputError("An utterance cannot be scored:", [problem])
        return array if array.dtype == np.float32 else array.astype(np.float32)


def scored(
    model: ScoringModel,
    utterances: Utterances,
    outputs: Sequence[str],
    batch: int = 1,
    keep_state: bool = False,
) -> Iterator[Scored]:
    """The scores of all utterances, in order.

    Args:
      model: what computes them.
      outputs: names.
      batch: utterances that are computed together.
      keep_state: they are pieces of one stream: state goes on from each to the next.

    Raises:
      InputError, RunError: an utterance cannot be scored.
    """
    if keep_state:
        yield from _stream(model, utterances, outputs)
        return
    for start in range(0, len(utterances), batch):
        keys = utterances.keys[start : start + batch]
        given = [utterances.inputs(key) for key in keys]
        started = time.perf_counter()
        scores = model.score(given, outputs)
        seconds = time.perf_counter() - started
        lengths = [_frames(one) for one in given]
        for key, inputs, frames, found in zip(keys, given, lengths, scores):
            yield Scored(key, inputs, frames, seconds * frames / sum(lengths), found)


def _stream(
    model: ScoringModel, utterances: Utterances, outputs: Sequence[str]
) -> Iterator[Scored]:
    model.reset_state()
    for place, key in enumerate(utterances.keys):
        inputs = utterances.inputs(key)
        started = time.perf_counter()
        found = model.accept(inputs, outputs, last=place == len(utterances) - 1)
        yield Scored(key, inputs, _frames(inputs), time.perf_counter() - started, found)


def _frames(inputs: Arrays) -> int:
    return len(next(iter(inputs.values())))
