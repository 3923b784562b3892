"""The lines of a text in UTF-8, read as they are needed, and what is wrong with a file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

from open_seq2seq.errors import Problem

UTF8_REMEDY = "Save the file as UTF-8."
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TextLines:
    """Lines with their ends, numbered from 1; the next one can be looked at.

    Args:
      file: UTF-8, with or without byte order mark.

    Raises, when lines are asked for:
      OSError, ValueError: it cannot be read, or is no UTF-8 (UnicodeDecodeError).
    """

    def __init__(self, file: str):
        self._source = _lines(file)
        self._ahead: str | None = None
        self.number = 0
        self.is_blank = True

    def __iter__(self) -> TextLines:
        return self

    def __next__(self) -> str:
        line = self.following
        if line is None:
            raise StopIteration
        self._ahead = None
        self.number += 1
        return line

    @property
    def following(self) -> str | None:
        """The next line; None at the end."""
        if self._ahead is None:
            self._ahead = next(self._source, None)
            self.is_blank = self.is_blank and not (self._ahead or "").strip()
        return self._ahead


def _lines(file: str) -> Iterator[str]:
    # As they are: newlines inside quotes belong to the cell.
    with open(file, encoding="utf-8-sig", newline="") as stream:
        yield from stream


def file_problem(file: str, error: Exception, expected: str, remedy: str) -> Problem:
    """What an operating system's error says of a file."""
    found = getattr(error, "strerror", None) or str(error)
    return Problem(file, found, expected, remedy)


def text_problem(file: str) -> Problem:
    """Where a file stops being UTF-8."""
    with open(file, "rb") as stream:
        if stream.read(len(_BYTE_ORDER_MARK)) != _BYTE_ORDER_MARK:
            stream.seek(0)
        for number, line in zip(itertools.count(1), stream):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                found = f"byte 0x{line[error.start]:02X}"
                where = f"{os.fspath(file)}:{number}:{error.start + 1}"
                return Problem(where, found, "UTF-8 text", UTF8_REMEDY)
    raise AssertionError(f"{file} is UTF-8")
