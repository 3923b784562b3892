"""Files of utterances, whatever their format: archives and scripts of Kaldi, and NPZ."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.kaldi_io import ScpFile, open_writer, read_object, read_table, scan_ark
from open_seq2seq.kaldi_io.table import parse_specifier
from open_seq2seq.scoring.npz import NpzFile, NpzWriter, is_npz


class ArkFile(Mapping[str, np.ndarray]):
    """An archive whose headers have been read; objects are read when they are asked for.

    Args:
      path: a regular file.

    Raises:
      InputError: it is no archive, or a key is there twice.
    """

    def __init__(self, path: str):
        self.path = path
        self._offsets: dict[str, int] = {}
        problems = []
        for entry in scan_ark(path):
            if entry.key in self._offsets:
                where = f"{path}: byte {entry.offset}"
                problems.append(Problem(where, f"{entry.key} again", "a key of its own"))
            self._offsets[entry.key] = entry.offset
        if problems:
            raise InputError(f"{path} has keys twice:", problems)

    def __getitem__(self, key: str) -> np.ndarray:
        return read_object(f"{self.path}:{self._offsets[key]}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets)


def open_table(name: str, allow_pipes: bool = False) -> Mapping[str, np.ndarray]:
    """The utterances of a file, in its order.

    Args:
      name: a path, or a specifier of Kaldi's (`ark:...`, `scp:...`). What begins as a ZIP archive
        is an NPZ file whatever its name is; what ends in `.scp` is a script; all others are
        archives.
      allow_pipes: whether commands are run.

    Raises:
      InputError: it cannot be read.
    """
    if is_npz(name):
        return NpzFile(name)
    wanted = parse_specifier(name)
    if wanted.scp is not None and not wanted.scp.endswith("|"):
        return ScpFile(wanted.scp, allow_pipes)
    place = wanted.ark if wanted.ark is not None else wanted.scp
    assert place is not None
    if wanted.ark is not None and os.path.isfile(place) and not _is_packed(place):
        return ArkFile(place)
    # What cannot be gone back in: a command, standard input, a packed file.
    return dict(read_table(name, allow_pipes))


def _is_packed(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


class ScoreWriter(Protocol):
    """Takes the scores of utterances, one after the other."""

    def write(self, key: str, array: np.ndarray) -> object:
        """`[time, class]` float32."""


def open_scores(name: str) -> AbstractContextManager[ScoreWriter]:
    """What writes a file of scores, as its ending says.

    Args:
      name: a path that ends in .npz or .ark, or a specifier of Kaldi's: `ark,scp:s.ark,s.scp`.

    Raises:
      InputError: it ends otherwise.
    """
    if name.lower().endswith(".npz"):
        return NpzWriter(name)
    if not (name.startswith(("ark:", "ark,", "scp,")) or name.lower().endswith(".ark")):
        problem = Problem("-o", name, "a name that ends in .ark or .npz")
        raise InputError("The format of the scores is not clear:", [problem])
    return open_writer(name)
