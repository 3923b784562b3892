"""Script files (scp): keys, and where their objects are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.kaldi_io.ark import read_object_of
from open_seq2seq.kaldi_io.opening import Place, located, opened, parse_place
from open_seq2seq.kaldi_io.source import Source

# Features and segments may disagree by so many frames at the end: Kaldi cuts them without failing.
_OVERSHOOT = 3


@dataclass(frozen=True)
class Line:
    """A line of an scp.

    Args:
      key: the utterance.
      place: where its object is.
      where: the line, for messages.
      text: the place as it is written.
    """

    key: str
    place: Place
    where: str
    text: str


def read_lines(source: Source) -> Iterator[Line]:
    """The lines of an scp; empty ones are wrong, as they are for Kaldi."""
    number = 0
    while not source.at_end():
        number += 1
        where = f"{source.name}:{number}"
        try:
            text = source.line().decode("utf-8")
        except UnicodeDecodeError as error:
            raise _bad_line(where, f"bytes that are not UTF-8 ({error.reason})") from None
        parts = text.strip().split(None, 1)
        if len(parts) != 2:
            raise _bad_line(where, repr(text[:80]))
        yield Line(parts[0], parse_place(parts[1], where), where, parts[1])


def _bad_line(where: str, found: str) -> InputError:
    problem = Problem(where, found, "a key and a place, such as utterance-1 feats.ark:12")
    return InputError(f"{where.rpartition(':')[0]} is no scp:", [problem])


class ScpFile(Mapping[str, np.ndarray]):
    """An scp whose objects are read when they are asked for.

    Args:
      path: the scp.
      allow_pipes: whether commands in it are run.
      memory_map: archives are mapped, and arrays are views of them.

    Raises:
      InputError: a line is none, or a key is there twice.
    """

    def __init__(
        self, path: str | os.PathLike[str], allow_pipes: bool = False, memory_map: bool = False
    ):
        self.path, self.allow_pipes, self.memory_map = os.fspath(path), allow_pipes, memory_map
        self._lines: dict[str, Line] = {}
        problems = []
        with opened(self.path) as source:
            for line in read_lines(source):
                if line.key in self._lines:
                    problems.append(Problem(line.where, f"{line.key} again", "a key of its own"))
                self._lines[line.key] = line
        if problems:
            raise InputError(f"{self.path} has keys twice:", problems)

    def __getitem__(self, key: str) -> np.ndarray:
        with Objects(self.path, self.allow_pipes, self.memory_map) as objects:
            return objects.read(self._lines[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


class Objects:
    """Reads what lines of an scp name; the file of the last one stays open.

    Args:
      path: the scp, whose folder relative paths may start from.
      allow_pipes, memory_map: see `ScpFile`.
    """

    def __init__(self, path: str, allow_pipes: bool, memory_map: bool = False):
        self._beside = Path(path).resolve().parent
        self._allow_pipes, self._memory_map = allow_pipes, memory_map
        self._context: AbstractContextManager[Source] | None = None
        self._source: Source | None = None
        self._name = ""

    def __enter__(self) -> Objects:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._context is not None:
            context, self._context, self._source = self._context, None, None
            context.__exit__(None, None, None)

    def read(self, line: Line) -> np.ndarray:
        """The object of a line, with its range cut out.

        Raises:
          InputError: it cannot be read, or has not these rows and columns.
        """
        place = line.place
        path = place.path if place.is_command else located(place.path, self._beside)
        if path != self._name or self._source is None or self._source.size is None:
            self._close()
            self._context = opened(path, self._allow_pipes, line.where, self._memory_map)
            self._source, self._name = self._context.__enter__(), path
        source = self._source
        try:
            go_to(source, place.offset or 0, line.where)
            array = read_object_of(source)
        except InputError as error:
            raise InputError(
                f"{line.key} of {line.where}: {error.summary}", error.problems
            ) from error
        return cut(array, place, line.where)


def go_to(source: Source, offset: int, where: str) -> None:
    """Goes to an object, which `where` says is at `offset`."""
    if source.size is None:
        source.skip(offset, "what comes before the object")
        return
    if offset >= source.size:
        found = f"the offset {offset} in {source.name} of {source.size} bytes"
        problem = Problem(where, found, "one within the file", "The scp is of another archive.")
        raise InputError(f"{source.name} cannot be read:", [problem])
    source.seek(offset)
    # Between objects are keys: numbers of the middle of one could be taken for an object.
    if source.peek(2) != b"\0B" and source.peek(64).lstrip()[:1] != b"[":
        source.seek(max(offset - 1, 0))
        if offset and not source.peek(1).isspace():
            remedy = "The scp is of another archive, or the archive was changed (as text, perhaps)."
            source.fail(
                "no object's first byte", "one, behind a key and a space", remedy, at=offset
            )
        source.seek(offset)


def cut(array: np.ndarray, place: Place, where: str) -> np.ndarray:
    """The range of rows and columns that a place says."""
    for axis, bounds in enumerate((place.rows, place.columns)):
        if bounds is None:
            continue
        first, last = bounds
        size = array.shape[axis] if axis < array.ndim else -1
        most = last - (_OVERSHOOT if axis == 0 and array.ndim == 2 else 0)
        if first >= size or most >= size:
            what = "rows" if axis == 0 else "columns"
            problem = Problem(where, f"the range {first}:{last}", f"{what} of 0 to {size - 1}")
            raise InputError("A range is not in its matrix:", [problem])
        array = array[first : last + 1] if axis == 0 else array[:, first : last + 1]
    return array
