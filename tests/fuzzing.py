"""Damaged files, by the thousand: what readers make of them.

A reader may only end in a result or in an error of ours, whatever it is given:

    for damaged in mutations(path.read_bytes(), seed=1, count=300):
        path.write_bytes(damaged)
        assert_reads_or_refuses(lambda: read(path), damaged)

The mutations are the same for the same seed on every machine and Python version.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from open_seq2seq.errors import OpenSeq2SeqError

# How many mutations a reader is tried with in the fast suite and in the slow one.
FEW, MANY = 300, 10_000

# `@pytest.mark.parametrize("count", COUNTS)`: a few hundred always, ten thousand in the slow suite.
COUNTS = (
    pytest.param(FEW, id="few"),
    pytest.param(MANY, id="many", marks=pytest.mark.slow),
)

_EXTREMES = (
    b"-1", b"0", b"-0", b"1e999", b"-1e999", b"NaN", b"nan", b"Infinity", b"1e-320", b"0.1",
    b"2147483647", b"2147483648", b"4294967295", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775809", b"1" * 400, b"1" * 5000, b"", b"true", b"null", b"0x10", b"1_000",
    b"\xd9\xa3",
)  # fmt: skip
_BINARY = tuple(
    number.to_bytes(size, order)  # type: ignore[arg-type]
    for size in (1, 2, 4, 8)
    for number in {0, 1, 256**size - 1, 256**size // 2, 256**size // 2 - 1, 256**size - 8}
    if number < 256**size
    for order in ("little", "big")
)
_STRANGE = (
    b"\0", b"\0" * 512, b"\r", b"\n", b"\r\n", b"\n\n\n", b"\t", b'"', b"'", b"\\", b"\\u0000",
    b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xc2\x85",
    b"\x0b", b"\x0c", b"\x1a", b"{", b"}", b"[", b"]" * 3, b"[" * 2000, b",", b",,,,", b";", b"#",
    b"%n", b"../", b"A" * 10_000, "e\u0301\u0130\u0131\u200d".encode(),
)  # fmt: skip
# Of a message, though the file has a line of a megabyte.
_LONGEST_LINE = 5000
_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def mutations(content: bytes, seed: int, count: int, *others: bytes) -> Iterator[bytes]:
    """Damaged variants of a file, each by one to four changes.

    Args:
      content: a whole, valid file.
      seed: the same seed gives the same variants.
      count: how many.
      others: more valid files of the kind, which pieces are taken from and which are damaged too.
    """
    sources = (content, *others)
    for number in range(count):
        # Seeded for each: the seventh of ten thousand is the seventh of ten.
        generator = random.Random(f"{seed}:{number}")
        damaged = generator.choice(sources)
        for _ in range(generator.choice((1, 1, 1, 2, 4))):
            damaged = generator.choice(_CHANGES)(damaged, generator, sources)
        yield damaged


def assert_reads_or_refuses(read: Callable[[], Any], damaged: bytes) -> Any:
    """Calls a reader: a result, or an error of ours with something to read in it.

    Args:
      read: reads the damaged file.
      damaged: its content, shown if the reader fails otherwise.

    Returns:
      the reader's result, or the `OpenSeq2SeqError`.
    """
    try:
        return read()
    except OpenSeq2SeqError as error:
        text = str(error)
        assert text.strip() and max(map(len, text.splitlines())) < _LONGEST_LINE, text
        return error
    except Exception as error:
        shown = damaged if len(damaged) <= 2000 else damaged[:1000] + b" ... " + damaged[-1000:]
        raise AssertionError(
            f"{type(error).__name__}: {error}\nfor these {len(damaged)} bytes:\n{shown!r}"
        ) from error


def fuzz_file(
    read: Callable[[Path], Any],
    path: Path,
    seed: int,
    count: int,
    others: Sequence[bytes] = (),
    prepare: Callable[[Path], Any] | None = None,
) -> tuple[int, int]:
    """Damages the file at `path` again and again, and reads it.

    Args:
      read: the reader; it gets the path.
      path: a valid file; afterwards it is what it was.
      seed, count, others: see `mutations`.
      prepare: called with the path before each reading, where a reader writes too.

    Returns:
      how many were read and how many refused. A test asserts that both happened: a mutation that
      nobody notices, and one that somebody does.
    """
    whole = path.read_bytes()
    was_read = refused = 0
    try:
        for damaged in mutations(whole, seed, count, *others):
            path.write_bytes(damaged)
            if prepare is not None:
                prepare(path)
            result = assert_reads_or_refuses(lambda: read(path), damaged)
            if isinstance(result, OpenSeq2SeqError):
                refused += 1
            else:
                was_read += 1
    finally:
        path.write_bytes(whole)
    return was_read, refused


def _place(content: bytes, generator: random.Random) -> int:
    """Headers are short and matter most: half of the places are among the first bytes."""
    size = len(content)
    return generator.randint(0, min(size, 64) if generator.random() < 0.5 else size)


def _flip_bits(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 8))):
        if changed:
            place = min(_place(content, generator), len(changed) - 1)
            changed[place] ^= 1 << generator.randrange(8)
    return bytes(changed)


def _truncate(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    return content[: _place(content, generator)]


def _behead(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    return content[_place(content, generator) :]


def _insert(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    place = _place(content, generator)
    inserted = generator.choice((*_STRANGE, generator.randbytes(generator.randint(1, 40))))
    return content[:place] + inserted + content[place:]


def _overwrite(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    place = _place(content, generator)
    written = generator.choice((*_BINARY, *_STRANGE, generator.randbytes(8)))
    return content[:place] + written + content[place + len(written) :]


def _cut_out(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    place = _place(content, generator)
    return content[:place] + content[place + generator.choice((1, 1, 2, 4, 16, 256)) :]


def _repeat(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    place, size = _place(content, generator), generator.choice((1, 4, 32, 512))
    chunk = content[place : place + size]
    return content[:place] + chunk * generator.choice((2, 2, 50)) + content[place + size :]


def _splice(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    other = generator.choice(sources)
    return content[: _place(content, generator)] + other[_place(other, generator) :]


def _join(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    return content + generator.choice(sources)


def _zeros_at_the_end(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    """What a file system leaves after a power failure."""
    size = generator.randint(1, 600)
    kept = content if generator.random() < 0.5 else content[: max(len(content) - size, 0)]
    return kept + b"\0" * size


def _extreme_number(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    numbers = list(_NUMBER.finditer(content[:200_000]))
    if not numbers:
        return _overwrite(content, generator, sources)
    found = generator.choice(numbers)
    return content[: found.start()] + generator.choice(_EXTREMES) + content[found.end() :]


def _lines_changed(content: bytes, generator: random.Random, sources: Sequence[bytes]) -> bytes:
    """A line more, fewer, elsewhere, or with another's ending."""
    lines = content.split(b"\n")
    place, other = generator.randrange(len(lines)), generator.randrange(len(lines))
    kind = generator.randrange(4)
    if kind == 0:
        lines.insert(place, lines[other])
    elif kind == 1:
        del lines[place]
    elif kind == 2:
        lines[place], lines[other] = lines[other], lines[place]
    else:
        lines[place] += lines[other]
    return b"\n".join(lines)


_CHANGES = (
    _flip_bits, _truncate, _behead, _insert, _overwrite, _cut_out, _repeat, _splice, _join,
    _zeros_at_the_end, _extreme_number, _lines_changed,
)  # fmt: skip
