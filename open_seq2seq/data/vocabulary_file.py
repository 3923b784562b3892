"""Files with a character in each line, and what other files and lines are."""

from __future__ import annotations

import json
import re
import unicodedata

from open_seq2seq.alphabet_file import alphabet_lines
from open_seq2seq.errors import InputError, Problem

_ONE = "one character"
_JSON = (
    "Write its characters into a file, one in each line, in the order of their numbers: a space "
    "for '|', no line for what stands in brackets (<pad>, [UNK])."
)
_PIECES = "Name the model beside it (.model) in vocab_file, and set bpe to True."
_SPACES = ("<space>", "<sp>", "<SPACE>", "[SPACE]")
_SPECIAL = re.compile(r"[<\[][^\s<>\[\]]{1,20}[>\]]")
_PIECE = re.compile(r"\S+\t-?[0-9.e-]+")
_NUMBERED = re.compile(r"(\S+|\s)\s+-?[0-9][0-9.e-]*")


def read_characters(path: str) -> dict[str, int]:
    r"""The symbols of a vocabulary file by the numbers of their lines, in the file's order.

    A line is one character; white space behind it counts nothing, empty lines and DeepSpeech's
    comments count nothing either (`alphabet_lines`).

    Raises:
      InputError: the file cannot be read; or naming every line that is more than a character,
        with what it seems to be, and every symbol that is there twice.
    """
    text = _read(path)
    _refuse_other_kinds(path, text)
    seen: dict[str, int] = {}
    problems = []
    for number, line in alphabet_lines(text):
        symbol = line.rstrip() or line[0]
        where = f"{path}:{number}"
        if len(symbol) > 1:
            problems.append(_too_long(where, line.rstrip("\t\r\n")))
        elif symbol in seen:
            found = f"{describe_character(symbol)} again (first in line {seen[symbol]})"
            problems.append(Problem(where, found, "each symbol once"))
        else:
            seen[symbol] = number
    if not seen and not problems:
        problems.append(Problem(path, "no symbols", "one symbol per line"))
    if problems:
        raise InputError("The vocabulary cannot be used:", problems)
    return seen


def describe_character(character: str) -> str:
    """A character for a message: itself, its code point and its Unicode name; a symbol: itself."""
    if len(character) > 1:
        return repr(character)
    name = unicodedata.name(character, "a character without a name")
    return f"{character!r} U+{ord(character):04X} {name}"


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        problem = Problem(path, error.strerror or str(error), "a file to read")
        raise InputError("The vocabulary cannot be read:", [problem]) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"{path}:{data[: error.start].count(10) + 1}"
        found = f"byte 0x{data[error.start]:02X}"
        remedy = "Save the file as UTF-8; for a SentencePiece model set bpe to True."
        problem = Problem(place, found, "UTF-8 text", remedy)
        raise InputError("The vocabulary cannot be read:", [problem]) from None


def _refuse_other_kinds(path: str, text: str) -> None:
    """Files of other toolkits, which no line by itself gives away."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = remedy = ""
    if text.lstrip()[:1] in ("{", "[") and any(len(line) > 1 for line in lines):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if content:
            found, remedy = "JSON, as Hugging Face's tokenizers write it", _JSON
    elif len(lines) > 1 and all(_PIECE.fullmatch(line) for line in lines):
        found, remedy = "SentencePiece's list of pieces and scores", _PIECES
    elif "\0" in text:
        found, remedy = "a binary file", "For a SentencePiece model set bpe to True."
    if found:
        problem = Problem(path, found, "a text file with one character in each line", remedy)
        raise InputError("The vocabulary cannot be used:", [problem])


def _too_long(where: str, line: str) -> Problem:
    """What is wrong with a line of more than a character: what it seems to be."""
    shown = repr(line if len(line) <= 40 else line[:40] + "...")
    first = describe_character(line[0])
    composed = unicodedata.normalize("NFC", line)
    marks = [character for character in line[1:] if unicodedata.combining(character)]
    numbered = _NUMBERED.fullmatch(line)
    if len(composed) == 1:
        # Only the bare letter would count, and its accent would silently be lost.
        found = f"{line!r}, a letter followed by a combining mark"
        expected = f"one character, {describe_character(composed)}"
        return Problem(where, found, expected, "Normalise to NFC.")
    if len(marks) == len(line) - 1:
        names = ", ".join(f"U+{ord(mark):04X}" for mark in composed[1:])
        found = f"{line!r}, a letter with a mark for which Unicode has no single character"
        remedy = f"Give each a line: {composed[0]!r} and {names}, as transcripts in NFC have them."
        return Problem(where, found, _ONE, remedy, kind="a letter with a mark")
    if line in _SPACES:
        return Problem(where, shown, "a space", "Write a line with one space.")
    if numbered and len(numbered[1]) == 1 and not _SPECIAL.match(line):
        found = f"{shown}, a symbol with its number"
        remedy = "Write only the symbol: the lines' order gives the numbers."
        return Problem(where, found, f"one character, {first}", remedy)
    if special := _SPECIAL.match(line):
        found = f"{shown}, which is no character of a text"
        remedy = "Remove the line: the blank has none (it is the class after all symbols)."
        if "unk" in special[0].lower():
            remedy = "Remove the line: texts have no unknown characters, they are refused."
        return Problem(where, found, _ONE, remedy)
    remedy = (
        "Give each character its line; for phonemes set symbol_separator to ' ', for pieces set "
        "bpe and a SentencePiece model."
    )
    return Problem(where, f"{shown}, {len(line)} characters", _ONE, remedy)
