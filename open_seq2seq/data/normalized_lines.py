"""Text normalisation of many lines at once: what it gives for each line, several times as fast.

Lines of ASCII are joined and changed as one block of bytes, by a table and by replacements that
look for a few characters. Only what depends on neighbouring words is left to a line of its own, and
lines of other characters, numbers, signs and abbreviations go the slow way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from open_seq2seq.data.english_text import ABBREVIATIONS, SPELLED_OUT, librispeech_text, spelled
from open_seq2seq.data.normalization import normalizer, plain_text
from open_seq2seq.data.watched_words import WatchedWords

Normalize = Callable[[str], str]
# Lines, and the same joined -> each normalised.
OfBlock = Callable[[Sequence[str], str], list[str]]
# Lines of a block: its copies stay in the processor's cache.
_BLOCK = 1 << 10
# What stays of ASCII; capitals become small letters and line feeds end lines.
_SMALL = bytes(range(ord("a"), ord("z") + 1))
_CAPITAL = _SMALL.upper()
_DIGITS = b"0123456789"
# Stands for what librispeech_text reads as words, or may: digits, signs, a quotation mark that may
# be an apostrophe. It is a control character, which text of words does not have.
_RARE = b"\x01"
# Words of a line that goes alone, and those for which a line is looked at.
_ALONE = ABBREVIATIONS | {_RARE.decode()}
_WATCHED = WatchedWords(_ALONE | SPELLED_OUT)
_STREET_OR_SAINT = re.compile("St(?![A-Za-z])")


def _table(kept: bytes, rare: bytes = b"") -> bytes:
    """What becomes of each byte."""
    table = bytearray(b" " * 256)
    for code in (*_SMALL, *kept, *b"'\n"):
        table[code] = code
    for capital, small in zip(_CAPITAL, _SMALL):
        table[capital] = small
    for code in rare:
        table[code] = _RARE[0]
    return bytes(table)


_PLAIN = _table(_DIGITS)
_ENGLISH = _table(b"", _DIGITS + b"&%+@`" + _RARE)


def normalized_lines(name: str | None, texts: Sequence[str]) -> list[str]:
    """The `normalizer` of this name for each text.

    Raises:
      InputError: there is none of this name.
    """
    normalize = normalizer(name)
    of_block = _OF_BLOCKS.get(normalize)
    if of_block is None:
        return list(map(normalize, texts))
    found: list[str] = []
    for start in range(0, len(texts), _BLOCK):
        lines = texts[start : start + _BLOCK]
        joined = "\n".join(lines)
        if joined.isascii() and joined.count("\n") == len(lines) - 1:
            found += of_block(lines, joined)
        else:
            found += _mixed(lines, normalize, of_block)
    return found


def _mixed(lines: Sequence[str], normalize: Normalize, of_block: OfBlock) -> list[str]:
    """A block of lines that are not all of ASCII, or not all lines."""
    fits = [line.isascii() and "\n" not in line for line in lines]
    block = [line for line, one in zip(lines, fits) if one]
    done = iter(of_block(block, "\n".join(block)) if block else ())
    return [next(done) if one else normalize(line) for line, one in zip(lines, fits)]


def _plain_block(lines: Sequence[str], joined: str) -> list[str]:
    if "`" in joined:
        return list(map(plain_text, lines))
    text = joined.encode().translate(_PLAIN)
    while b"''" in text:
        text = text.replace(b"'''", b" ").replace(b"''", b" ").replace(b" '", b" ")
    return _without_ends(text).decode().split("\n")


def _english_block(lines: Sequence[str], joined: str) -> list[str]:
    text = joined.encode().translate(_ENGLISH)
    while b"''" in text:
        text = text.replace(b"''", b"'")
    if _RARE in text:
        text = text.replace(_RARE, b" " + _RARE + b" ")
    text = _without_ends(text)
    found = text.decode().split("\n")
    watched = set(_WATCHED.lines(text))
    if _STREET_OR_SAINT.search(joined):
        watched |= {n for n, line in enumerate(lines) if _STREET_OR_SAINT.search(line)}
    for place in watched:
        words = found[place].split(" ")
        if _ALONE.isdisjoint(words) and not _STREET_OR_SAINT.search(lines[place]):
            found[place] = spelled(words)
        else:
            found[place] = librispeech_text(lines[place])
    return found


def _without_ends(text: bytes) -> bytes:
    """Lines of words with one space between, without apostrophes at their ends.

    No apostrophe stands beside another one.
    """
    text = b"\n" + text + b"\n"
    if b"'" in text:
        for before, after in ((b" '", b" "), (b"' ", b" "), (b"\n'", b"\n"), (b"'\n", b"\n")):
            text = text.replace(before, after)
    while b"  " in text:
        text = text.replace(b"    ", b" ").replace(b"  ", b" ")
    return text.replace(b"\n ", b"\n").replace(b" \n", b"\n")[1:-1]


_OF_BLOCKS: dict[Normalize, OfBlock] = {
    plain_text: _plain_block,
    librispeech_text: _english_block,
}
