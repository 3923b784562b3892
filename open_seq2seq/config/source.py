"""The text of a config file, in whatever encoding Python itself would read it."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

from open_seq2seq.errors import InputError, Problem

# The last line of a copy that a run keeps: paths that the config makes from `__file__`, and
# its imports, are still resolved from where it was.
COPY_MARK = "# run.py: a copy of "
# What Python looks for in the first two lines (PEP 263).
_DECLARED = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)([-\w.]+)", re.ASCII)


def read_source(path: Path) -> str:
    """A Python file's text, with line feeds as line ends.

    As Python does: UTF-8, with or without byte order mark, or what a `coding:` in the first two
    lines declares (PEP 263).

    Raises:
      InputError: it cannot be read, or is not text in this encoding, with its line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _refused(str(path), error.strerror or str(error), "a Python config module") from error
    line = 1 + content[: content.find(b"\0")].count(b"\n") if b"\0" in content else 0
    if line:
        raise _refused(f"{path}:{line}", "a NUL byte", "Python", "The file is damaged.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError as error:
        # Either the declaration names no encoding, or the first lines are not in it.
        found = _byte(content, "utf-8")
        if found is None or _declaration(content) is not None:
            declared = _declaration(content) or 1
            expected = "an encoding that Python knows, like utf-8 or latin-1"
            raise _refused(f"{path}:{declared}", error.msg, expected) from error
        raise _not_text(path, content, *found) from error
    found = _byte(content, encoding)
    if found is not None:
        raise _not_text(path, content, *found)
    try:
        text = content.decode(encoding)
    except LookupError as error:  # rot13 and the like: of no text
        expected = "an encoding of text, like utf-8 or latin-1"
        raise _refused(f"{path}:{_declaration(content) or 1}", str(error), expected) from error
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)


def as_utf8(text: str) -> str:
    """The same source for a file that is UTF-8: another declared encoding is replaced."""
    lines = text.split("\n")
    for number in range(min(len(lines), 2)):
        lines[number] = _DECLARED.sub(r"\g<1>utf-8", lines[number])
    return "\n".join(lines)


def copied_from(text: str) -> Path | None:
    """The config that a run's copy of it was made from; None where it is no copy."""
    last_line = text.rstrip().rpartition("\n")[2]
    return Path(last_line.removeprefix(COPY_MARK)) if COPY_MARK in last_line else None


def _byte(content: bytes, encoding: str) -> tuple[int, str] | None:
    """Where the first byte is that is no text in an encoding, and the encoding; None: none is."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start, encoding
    except (LookupError, UnicodeError):
        return None
    return None


def _declaration(content: bytes) -> int | None:
    """The line of a `coding:`, if there is one."""
    for number, line in enumerate(content.split(b"\n")[:2], start=1):
        if _DECLARED.match(line.decode("latin-1")):
            return number
    return None


def _not_text(path: Path, content: bytes, place: int, encoding: str) -> InputError:
    line = content.count(b"\n", 0, place) + 1
    remedy = "Save the file as UTF-8, or declare its encoding in its first line: # coding: latin-1"
    name = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8"}.get(encoding, encoding)
    return _refused(f"{path}:{line}", f"byte 0x{content[place]:02X}", name, remedy)


def _refused(where: str, found: str, expected: str, remedy: str = "") -> InputError:
    problem = Problem(where, found, expected, remedy)
    return InputError("The config file cannot be read:", [problem])
