"""The files of an exported folder are those that it describes, and lie in it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported.file import ExportedFile

_BLOCK = 1 << 20
_AGAIN = "Copy the folder again, or export the model again."


def is_safe_name(name: str) -> bool:
    """Whether a name can only mean a file below the folder, on every system."""
    parts = name.split("/")
    plain = not any(character in name for character in "\\:\0") and name.isprintable()
    return plain and not any(part in ("", ".", "..") for part in parts)


def file_in(folder: Path, name: str) -> Path:
    """The path of a file of the folder.

    Raises:
      InputError: it is missing, no regular file, or a link that leads out of the folder.
    """
    path = folder.joinpath(*PurePosixPath(name).parts)
    problem = None if is_safe_name(name) else _problem(folder / name, "a name that leads out")
    if problem is None:
        problem = _place_problem(folder, path)
    if problem is not None:
        raise InputError(f"The exported model in {folder} cannot be used:", [problem])
    return path


def verify(folder: Path, files: Mapping[str, ExportedFile]) -> None:
    """Compares files with their sizes and hashes.

    Raises:
      InputError: listing all that are missing, damaged or not in the folder.
    """
    problems: list[Problem] = []
    for name, expected in files.items():
        try:
            path = file_in(folder, name)
            size = path.stat().st_size
            if size != expected.size:
                problems.append(_problem(path, f"{size} bytes", f"{expected.size} bytes"))
            elif digest(path) != expected.sha256:
                problems.append(_problem(path, "another content", "that of its SHA-256"))
        except InputError as error:
            problems += error.problems
        except OSError as error:
            problems.append(_problem(folder / name, error.strerror or str(error)))
    if problems:
        raise InputError(f"The exported model in {folder} cannot be used:", problems)


def digest(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; read in blocks.

    Raises:
      OSError: it cannot be read.
    """
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _place_problem(folder: Path, path: Path) -> Problem | None:
    """What is wrong with a file's place, where links lead."""
    try:
        status = os.stat(path)
    except OSError as error:
        return _problem(path, error.strerror or str(error))
    if not stat.S_ISREG(status.st_mode):
        return _problem(path, "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file")
    inside = os.path.realpath(folder)
    if os.path.commonpath([inside, os.path.realpath(path)]) != inside:
        return _problem(path, f"a link to {os.path.realpath(path)}", "a file in the folder")
    return None


def _problem(path: Path, found: str, expected: str = "a file of the export") -> Problem:
    return Problem(str(path), found, expected, _AGAIN)
