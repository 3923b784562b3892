"""Where Kaldi's files are: paths, offsets, ranges, commands and standard input ("rxfilenames")."""

from __future__ import annotations

import gzip
import mmap
import os
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.kaldi_io.source import Source

_RANGE = re.compile(r"(.*?)\[([^\[\]]*)\]$", re.DOTALL)
_OFFSET = re.compile(r"(.+):([0-9]{1,18})$", re.DOTALL)
_GZIP = b"\x1f\x8b"
_LONGEST_STDERR = 500


@dataclass(frozen=True)
class Place:
    """Where an object is.

    Args:
      path: a file, a command with `|` at its end, or `-`.
      offset: of the object's first byte; None: at the beginning.
      rows, columns: first and last ones that are meant, both included; None: all.
    """

    path: str
    offset: int | None = None
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None

    @property
    def is_command(self) -> bool:
        """Whether it is what a command writes."""
        return self.path.endswith("|")


def parse_place(text: str, where: str) -> Place:
    """An rxfilename: `path`, `path:offset`, `command |`, `-`, each with `[r0:r1,c0:c1]` or without.

    Args:
      text: the rxfilename.
      where: it was found, for messages.

    Raises:
      InputError: it is none.
    """
    expected = "a file, file:offset or 'command |', with a range such as [0:9,0:12] or without"
    rows = columns = None
    path = text
    found = _RANGE.fullmatch(text)
    if found and not os.path.exists(text):
        path = found.group(1)
        parts = found.group(2).split(",")
        try:
            if len(parts) > 2:
                raise ValueError
            rows = _bounds(parts[0])
            columns = _bounds(parts[1]) if len(parts) == 2 else None
        except ValueError:
            problem = Problem(where, f"the range [{found.group(2)}]", "one such as [0:9,0:12]")
            raise InputError("A place in a file is not as Kaldi writes it:", [problem]) from None
    if not path or path != path.strip() or "\0" in path or path.startswith("|"):
        problem = Problem(where, repr(text), expected)
        raise InputError("A place in a file is not as Kaldi writes it:", [problem])
    if path.endswith("|"):
        return Place(path, None, rows, columns)
    behind = _OFFSET.fullmatch(path)
    if behind:
        return Place(behind.group(1), int(behind.group(2)), rows, columns)
    return Place(path, None, rows, columns)


def _bounds(text: str) -> tuple[int, int] | None:
    if text.strip() in ("", ":"):
        return None
    first, _, last = text.partition(":")
    bounds = (int(first), int(last))
    if not 0 <= bounds[0] <= bounds[1]:
        raise ValueError
    return bounds


def located(path: str, beside: Path | None) -> str:
    """A file of an scp: from the working directory, or from the scp's folder or those around it."""
    if beside is None or path == "-" or os.path.isabs(path) or os.path.exists(path):
        return path
    places = (beside / path, beside.parent / path, beside.parent.parent / path)
    return next((str(one) for one in places if one.is_file()), path)


@contextmanager
def opened(
    path: str, allow_pipes: bool = False, where: str = "", memory_map: bool = False
) -> Iterator[Source]:
    """The bytes of a file, of what is in a gzip file, of a command's output or of standard input.

    Args:
      path: of a `Place`.
      allow_pipes: whether commands are run.
      where: the path was found, for messages; "": it was given.
      memory_map: a regular file is mapped: what is read takes memory only when it is looked at, and
        the file must not be cut while it is used.

    Raises:
      InputError: there is no such file, or a command is not to be run.
      RunError: a command failed.
    """
    if path.endswith("|"):
        with _command(path[:-1].strip(), allow_pipes, where or path) as file:
            yield Source(file, path, None)
        return
    if path == "-":
        yield Source(sys.stdin.buffer, "standard input", None)
        return
    try:
        with open(path, "rb") as file:
            yield from _of_file(file, path, memory_map)
    except OSError as error:
        if error.filename is None and isinstance(error, gzip.BadGzipFile):
            raise _damaged(path, error) from error
        remedy = "Paths are relative to the working directory." if not os.path.isabs(path) else ""
        found = f"{path}, which cannot be read ({error.strerror or error})"
        problem = Problem(where or path, found, "a file", remedy)
        raise InputError(f"{path} cannot be read:", [problem]) from error
    except (EOFError, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> InputError:
    problem = Problem(path, f"damaged gzip ({error})", "a whole gzip file")
    return InputError(f"{path} cannot be read:", [problem])


def _of_file(file: BinaryIO, path: str, memory_map: bool) -> Iterator[Source]:
    status = os.fstat(file.fileno())
    if not file.seekable():
        yield Source(file, path, None)
        return
    begin = file.read(2)
    file.seek(0)
    if begin == _GZIP:
        with gzip.open(file) as unpacked:
            yield Source(cast(BinaryIO, unpacked), path, None)
        return
    # Not closed here: arrays that were read look at it.
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if memory_map else None
    yield Source(file, path, status.st_size, mapped)


@contextmanager
def _command(command: str, allowed: bool, where: str) -> Iterator[BinaryIO]:
    """What a command writes, run by a shell as Kaldi does."""
    if not allowed:
        remedy = "If you trust it, --allow_pipes runs it; or write its output to a file."
        problem = Problem(where, f"the command {command}", "a file", remedy)
        raise InputError("Commands are run only when that is asked for:", [problem])
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        assert process.stdout is not None
        ended_early = True
        try:
            yield cast(BinaryIO, process.stdout)
            ended_early = bool(process.stdout.peek(1))  # type: ignore[attr-defined]
        except InputError as error:
            # What it wrote is no table: because it failed, perhaps.
            process.stdout.close()
            if process.wait():
                raise _failed(command, process.returncode, said) from error
            raise
        finally:
            process.stdout.close()  # a command that still writes ends by that
            process.wait()
        if process.returncode and not ended_early:
            raise _failed(command, process.returncode, said)


def _failed(command: str, code: int, said: BinaryIO) -> RunError:
    said.seek(0)
    text = said.read().decode(errors="replace").strip()[-_LONGEST_STDERR:]
    return RunError(f"The command {command} ended with {code}: {text or 'it said nothing'}")
