"""Archives: keys and what stands behind them, read one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from open_seq2seq.kaldi_io.compressed import COMPRESSED, packed_size
from open_seq2seq.kaldi_io.source import Source, shown
from open_seq2seq.kaldi_io.text_numbers import integers, matrix_rows, reals
from open_seq2seq.kaldi_io.values import FLOATS, OTHERS, ValueReader

_BINARY = b"\0B"
_KINDS = (*FLOATS, *COMPRESSED)
_EXPECTED = "a matrix or vector (FM, DM, CM, CM2, CM3, FV, DV) or a vector of int32"
_INTS = "int32"


@dataclass(frozen=True)
class Entry:
    """What an archive has behind a key.

    Args:
      key: the utterance.
      kind: FM, DM, CM, CM2, CM3, FV, DV or int32; "text" where it is none of the binary ones.
      shape: rows and columns, or the length.
      offset: its first byte's number, as an scp has it.
    """

    key: str
    kind: str
    shape: tuple[int, ...]
    offset: int


def read_key(source: Source) -> str | None:
    """The next key and the space behind it; None at the end of the archive."""
    source.skip_spaces()
    start = source.position
    if source.at_end():
        return None
    word = source.word("a key and a space")
    remedy = "It is no archive, or reading began in the middle of one."
    if word.startswith(_BINARY) or word in (b"[", b"[]"):
        remedy = "It is one matrix or vector, not an archive of them: read it as one."
        source.fail("no key", "a key and a space before it", remedy, at=start)
    try:
        key = word.decode("utf-8")
    except UnicodeDecodeError:
        key = ""
    if not key.isprintable() or not key:
        remedy = "Keys are UTF-8. " + remedy
        source.fail(shown(word[:40]), "a key", remedy, at=start)
    # A newline stays: behind it the next line begins, and this one has an empty vector.
    if source.peek(1) in (b" ", b"\t"):
        source.skip(1, "a space")
    elif source.at_end():
        source.fail(f"the key {key[:40]} at the end of the file", _EXPECTED, at=start)
    return key


def read_object_of(source: Source) -> np.ndarray:
    """A matrix, a vector, or a vector of int32, binary or text, from its first byte on."""
    if source.peek(2) == _BINARY:
        source.skip(2, "an object")
        reader = ValueReader(source, binary=True)
        if source.peek(1) == b"\4":
            return _read_integers(source)
        kind = _read_kind(reader)
        if kind in ("FV", "DV"):
            (size,) = reader.sizes("a vector", 1)
            content = source.read_data(size * FLOATS[kind].itemsize, "a vector")
            return np.frombuffer(content, FLOATS[kind])
        return reader.matrix_of(kind, "a matrix")
    return _read_text(source)


def _read_kind(reader: ValueReader) -> str:
    start = reader.source.position
    kind = reader.token(_EXPECTED)
    if kind not in _KINDS:
        found = f"{kind} ({OTHERS[kind]})" if kind in OTHERS else kind
        reader.source.fail(found, _EXPECTED, at=start)
    return kind


def _read_integers(source: Source) -> np.ndarray:
    """As table values have them: each with its size byte."""
    what = "a vector of int32"
    start = source.position
    source.skip(1, what)
    count = int.from_bytes(source.read(4, what), "little", signed=True)
    if count < 0:
        source.fail(f"the size {count}", what, at=start)
    items = np.frombuffer(source.read(5 * count, what), np.dtype([("size", "u1"), ("n", "<i4")]))
    if (items["size"] != 4).any():
        source.fail(f"{count} elements without their size bytes", what, at=start)
    return items["n"].copy()


def _read_text(source: Source) -> np.ndarray:
    source.skip_spaces(b" \t")
    start = source.position
    if source.at_end():
        source.fail("the end of the file", _EXPECTED, at=start)
    if source.peek(1) != b"[":
        line = source.line()
        words = line.split()
        if words and words[0].decode(errors="replace") in OTHERS:
            name = words[0].decode()
            source.fail(f"{name} ({OTHERS[name]})", _EXPECTED, at=start)
        return integers(source, words, "a vector of int32, or numbers in brackets", start)
    source.skip(1, "a matrix")
    text = source.until(b"]", "a matrix")
    # A vector is on one line, and a matrix begins a new one for its first row.
    if b"\n" in text.rstrip() or b";" in text:
        return matrix_rows(source, text, "a matrix", start)
    return reals(source, text.split(), "a vector", start)


def read_entries(source: Source) -> Iterator[tuple[str, np.ndarray]]:
    """All keys and objects of an archive."""
    while (key := read_key(source)) is not None:
        yield key, read_object_of(source)


def scan_entries(source: Source) -> Iterator[Entry]:
    """All keys with kinds and sizes, as headers say; numbers are gone past (those of text read)."""
    while (key := read_key(source)) is not None:
        offset = source.position
        if source.peek(2) != _BINARY:
            yield Entry(key, "text", _read_text(source).shape, offset)
            continue
        source.skip(2, "an object")
        if source.peek(1) == b"\4":
            yield Entry(key, _INTS, _read_integers(source).shape, offset)
            continue
        reader = ValueReader(source, binary=True)
        kind = _read_kind(reader)
        if kind in COMPRESSED:
            rows, columns = reader.compressed_header("a matrix")[2:]
            shape: tuple[int, ...] = (rows, columns)
            size = packed_size(kind, rows, columns)
        else:
            shape = tuple(reader.sizes("a matrix", 1 if kind in ("FV", "DV") else 2))
            size = FLOATS[kind].itemsize * int(np.prod(shape, dtype=object))
        source.skip(size, f"{kind} of {list(shape)}")
        yield Entry(key, kind, shape, offset)
