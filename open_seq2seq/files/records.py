"""Records as JSON and JSON lines: written so that a crash costs one line, read with care.

A disk that was full, a kill or a power failure leaves files that are cut, empty or end in NULs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files.whole import encoded, write_whole
from open_seq2seq.files.wording import unwritable

# What a value has to be: a type or several (None for null), a list of one form for lists of it, a
# dictionary of forms for objects: names that end in "?" may be missing, others may be there too.
Form = Any
# An object of JSON: its values are of any kind; a `Form` says which they have to be.
JsonObject: TypeAlias = Mapping[str, Any]
NUMBER = (int, float)
_LARGEST = 2**63 - 1  # of 64 bits; JSON has no limit


def parsed_json(text: str | bytes) -> Any:
    """JSON's value.

    Raises:
      ValueError: it is none, nested too deeply, or has a number that no computer keeps.
    """
    try:
        return json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError as error:  # Python's bound for whole numbers; it advises to raise it
        raise ValueError("a number of thousands of digits") from error


def read_json(path: Path, form: Form, summary: str, remedy: str = "") -> Any:
    """The value of a JSON file of the given form.

    Args:
      summary: the first line of the error.
      remedy: what to do about a damaged file.

    Raises:
      InputError: it cannot be read, or is not of this form.
    """
    try:
        value = parsed_json(path.read_bytes())
    except OSError as error:
        found = error.strerror or str(error)
    except ValueError as error:
        found = "an empty file" if not path.stat().st_size else f"no JSON ({error})"
    else:
        wrong = list(misfits(value, form))
        if not wrong:
            return value
        found = "; ".join(wrong[:3])
    problem = Problem(str(path), found, "what a run wrote there", remedy)
    raise InputError(summary, [problem])


def misfits(value: object, form: Form, where: str = "") -> Iterator[str]:
    """In what a value of JSON is not of a form, a few words each."""
    at = f" in {where}" if where else ""
    kind = _kind(value) if where else f"JSON {_kind(value)}"
    if isinstance(form, Mapping):
        if not isinstance(value, dict):
            yield f"a {kind}, not an object{at}"
            return
        for name, inner in form.items():
            key = name.removesuffix("?")
            if key in value:
                yield from misfits(value[key], inner, f"{where}.{key}" if where else key)
            elif key == name:
                yield f"no {key}{at}"
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield f"a {kind}, not a list{at}"
            return
        for index, one in enumerate(value):
            yield from misfits(one, form[0], f"{where}[{index}]")
    else:
        wanted = tuple(type(None) if one is None else one for one in _several(form))
        # JSON's true is no number.
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            names = " or ".join(dict.fromkeys(_NAMES[one] for one in wanted))
            yield f"a {kind}, not {names}{at}"
        elif isinstance(value, int) and abs(value) > _LARGEST:
            yield f"a number out of range{at}"


_NAMES = {str: "text", int: "a number", float: "a number", bool: "true or false", dict: "an object",
          list: "a list", type(None): "null"}  # fmt: skip


def _several(form: Form) -> tuple[Any, ...]:
    return form if isinstance(form, tuple) else (form,)


def _kind(value: object) -> str:
    return {str: "text", bool: "true or false", dict: "object", type(None): "null"}.get(
        type(value), type(value).__name__
    )


def read_json_lines(path: Path, form: Form) -> tuple[list[Any], list[str]]:
    """The values of a file of JSON lines, each of the given form.

    Returns:
      The values; and for each line that is none (cut off, NULs) a sentence, to be said: it is left
      out. A file that is not there has no lines.

    Raises:
      InputError: the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        found = error.strerror or str(error)
        problem = Problem(str(path), found, "a file of JSON lines")
        raise InputError("A record cannot be read:", [problem]) from error
    values, left_out = [], []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parsed_json(line)
            wrong = "; ".join(misfits(value, form))
        except ValueError as error:
            nothing = not line.strip(b"\0 \t\r")
            wrong = f"{len(line)} NUL bytes" if nothing else f"no whole record ({error})"
        if wrong:
            left_out.append(f"{path}:{number} is left out: {wrong}.")
        else:
            values.append(value)
    return values, left_out


def mend_json_lines(path: Path, form: Form) -> list[str]:
    """Takes the lines out of a file that are no records; before it is added to.

    Returns: a sentence for each of them.

    Raises:
      InputError: the file cannot be read.
      RunError: it cannot be written.
    """
    values, left_out = read_json_lines(path, form)
    if left_out:
        write_whole(path, "".join(json.dumps(value) + "\n" for value in values))
    return left_out


def append_text(path: Path, text: str) -> None:
    """Adds to a file, all of the text or nothing; it is on the disk when this returns.

    Where the file's last line was cut off, the text begins on a new one.

    Raises:
      RunError: the file cannot be written.
    """
    try:
        with open(path, "ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    text = "\n" + text
            rest = memoryview(encoded(text))
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise
    except OSError as error:
        raise unwritable(path, error) from error


def append_json_line(path: Path, value: object) -> None:
    """Adds a line to a file of JSON lines; as `append_text`."""
    append_text(path, json.dumps(value) + "\n")
