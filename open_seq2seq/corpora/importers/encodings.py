"""Texts of any of the usual encodings: which it is, is found."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.errors import InputError, Problem

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
# Western European texts have fewer accented letters than this share. (Vietnamese, which has more,
# is not written in that encoding.)
_MOST_ACCENTS = 0.3
_SHOWN = 40


@dataclass(frozen=True)
class Decoded:
    """A text.

    Args:
      text: without byte order mark.
      guess: where the encoding is only likely, an example of what that made; else "".
    """

    text: str
    guess: str = ""


def read_text(path: str | Path, encoding: str | None = None) -> Decoded:
    """The text of a file: UTF-8, UTF-16, or, if it looks like that, Windows-1252.

    Args:
      encoding: Python's name of the encoding; None: it is found.

    Raises:
      InputError: it cannot be read, or is not in the encoding, or that cannot be told.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        found = error.strerror or str(error)
        problem = Problem(str(path), found, "a text file of the corpus")
        raise InputError("The corpus cannot be read:", [problem]) from error
    return _decoded(path, data, encoding)


def _decoded(path: str | Path, data: bytes, encoding: str | None) -> Decoded:
    named = encoding
    if encoding is None:
        named = next((name for mark, name in _MARKS if data.startswith(mark)), None)
        named = named or _without_mark(data)
    try:
        return Decoded(data.decode(named or "utf-8").removeprefix("\ufeff"))
    except LookupError:
        expected = "a name that Python knows: utf-8, utf-16, cp1250, cp1251, latin-1, ..."
        problem = Problem("--encoding", repr(encoding), expected)
        raise InputError("The corpus cannot be read:", [problem]) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02X}"
        if named is None:
            text = _western(data)
            if text is not None:
                return Decoded(text, _example(text))
        expected = f"text in {encoding}" if encoding else "UTF-8 text"
        remedy = "Save the file as UTF-8, or name its encoding: --encoding=cp1251."
        raise InputError(
            "The corpus cannot be read:", [Problem(f"{path}:{line}", found, expected, remedy)]
        ) from None


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of ASCII in it is 0."""
    start = data[:2000]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = start[first::2].count(0)
        if (
            len(start) > 3
            and zeros > 0.6 * (len(start) // 2)
            and not start[1 - first :: 2].count(0)
        ):
            return name
    return None


def _western(data: bytes) -> str | None:
    """The text in Windows-1252, if it looks like one; other one-byte encodings are not told."""
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError:
        return None
    letters = [c for c in text if c.isalpha()]
    accented = sum(not c.isascii() for c in letters)
    return None if accented > _MOST_ACCENTS * len(letters) or _has_signs_in_words(text) else text


def _has_signs_in_words(text: str) -> bool:
    """Whether there are signs like ³ or ¿ between two letters: letters of another encoding."""
    return any(
        not middle.isascii()
        and not middle.isalpha()
        and middle not in "’‘–—·\xad…"
        and before.isalpha()
        and after.isalpha()
        for before, middle, after in zip(text, text[1:], text[2:])
    )


def _example(text: str) -> str:
    """A stretch of text around its first character that is not ASCII."""
    place = next(i for i, c in enumerate(text) if not c.isascii())
    start = max(text.rfind("\n", 0, place) + 1, place - _SHOWN // 2)
    return text[start : place + _SHOWN // 2].split("\n")[0].strip()


def guess_note(guesses: list[tuple[str, str]]) -> str | None:
    """What to say of texts whose encoding is only likely: (file, example) of each."""
    if not guesses:
        return None
    path, example = guesses[0]
    files = path if len(guesses) == 1 else f"{len(guesses)} files, {path} the first of them,"
    verb = "is" if len(guesses) == 1 else "are"
    return (
        f"{files} {verb} not UTF-8 and read as Windows-1252 ({example!r}); if that is wrong, "
        "name the encoding: --encoding."
    )
