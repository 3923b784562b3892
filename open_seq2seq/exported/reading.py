"""Reading `recognizer.json`, whoever wrote it."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported.checks import description_problems
from open_seq2seq.files import JsonObject

# Bytes: a vocabulary of 100,000 pieces takes 2 MB.
_LARGEST = 32 << 20
_LARGEST_NUMBER = 2**63
_WHAT = "the description of an exported model"
_REMEDY = "Name the folder that open-seq2seq export wrote."


def read_description(path: Path) -> JsonObject:
    """The checked value of a `recognizer.json`.

    Raises:
      InputError: it is missing, damaged, of a newer version, or too large to be one.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, "no regular file")
        if status.st_size > _LARGEST:
            raise _refused(path, f"{status.st_size} bytes", f"{_WHAT}, at most {_LARGEST} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    return parse_description(content, path)


def parse_description(content: bytes, path: Path) -> JsonObject:
    """The checked value of what is, or is going to be, in a file.

    Raises:
      InputError: it is damaged or of a newer version.
    """
    try:
        value = _parsed(content)
    except ValueError as error:
        found = f"no JSON ({error})" if content else "an empty file"
        raise _refused(path, found) from error
    problems = description_problems(value, str(path))
    if problems:
        raise InputError(f"The exported model in {path.parent} cannot be used:", problems)
    description: JsonObject = value
    return description


def _parsed(content: bytes) -> Any:
    """JSON without the numbers that only Python's has.

    Raises:
      ValueError: it is none.
    """
    try:
        return json.loads(content, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _finite(text: str) -> float:
    """1e999 is infinite to Python."""
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _whole(text: str) -> int:
    number = int(text) if len(text) < 20 else _LARGEST_NUMBER
    return number if abs(number) < _LARGEST_NUMBER else _no_number(text[:20])


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number that all programs have")


def _refused(path: Path, found: str, expected: str = _WHAT) -> InputError:
    problem = Problem(str(path), found, expected, _REMEDY)
    return InputError(f"The exported model in {path.parent} cannot be used:", [problem])
