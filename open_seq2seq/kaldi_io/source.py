"""Bytes of a file in order, with their places: what all of Kaldi's formats are read from.

Nothing is allocated for what a header promises before the file is known to hold so much.
"""

from __future__ import annotations

import mmap
from typing import BinaryIO, NoReturn

from open_seq2seq.errors import InputError, Problem

_CHUNK = 1 << 13
# Of what has no known size: read in pieces, so that a promise alone takes no memory.
_PIECE = 1 << 22
_LONGEST_WORD = 1000
_SPACES = b" \t\n\r\f\v"


class Source:
    """A file that is read once, from its place on.

    Args:
      file: where to read; a stream, if `size` is None.
      name: of the file, for messages.
      size: bytes of the whole file; None: unknown (a pipe, gzip).
      mapped: the same file in memory: what is read of it are views.
    """

    def __init__(
        self, file: BinaryIO, name: str, size: int | None, mapped: mmap.mmap | None = None
    ):
        self.name, self.size = name, size
        self._file, self._mapped = file, mapped
        self._buffer, self._start = b"", 0
        self._base = 0  # of the buffer's first byte

    @property
    def position(self) -> int:
        """The next byte's number."""
        return self._base + self._start

    def fail(
        self, found: str, expected: str, remedy: str = "", at: int | None = None, of: str = ""
    ) -> NoReturn:
        """Raises an `InputError` about a place of the file (the next byte, unless `at` says)."""
        place = f"{self.name}: byte {self.position if at is None else at}"
        problem = Problem(f"{place} ({of})" if of else place, found, expected, remedy)
        raise InputError(f"{self.name} cannot be read:", [problem])

    def _fill(self, count: int) -> None:
        """Has `count` bytes in the buffer, if the file does."""
        while len(self._buffer) - self._start < count:
            more = self._file.read(max(_CHUNK, count - (len(self._buffer) - self._start)))
            if not more:
                return
            self._base += self._start
            self._buffer, self._start = self._buffer[self._start :] + more, 0

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay; fewer at the end. For a few."""
        self._fill(count)
        return self._buffer[self._start : self._start + count]

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return not self.peek(1)

    def need(self, count: int, what: str) -> None:
        """Says so if the file is known to hold less than `count` bytes more."""
        if self.size is not None and count > self.size - self.position:
            left = max(self.size - self.position, 0)
            self._truncated(what, count, left)

    def _truncated(self, what: str, count: int, left: int) -> NoReturn:
        remedy = "The file is cut off, or is no such file."
        self.fail(f"{left} bytes to the end of the file", f"{what} of {count} bytes", remedy)

    def read_data(self, count: int, what: str) -> bytes | memoryview:
        """The same as `read`, of a mapped file without a copy."""
        if self._mapped is None:
            return self.read(count, what)
        self.need(count, what)
        start = self.position
        self.skip(count, what)
        return memoryview(self._mapped)[start : start + count]

    def read(self, count: int, what: str) -> bytes:
        """The next `count` bytes: all of them, or an error that says of `what`."""
        self.need(count, what)
        begin = self._buffer[self._start : self._start + count]
        if len(begin) == count:
            self._start += count
            return begin
        parts, missing = [begin], count - len(begin)
        while missing:
            more = self._file.read(missing if self.size is not None else min(missing, _PIECE))
            if not more:
                self._truncated(what, count, count - missing)
            parts.append(more)
            missing -= len(more)
        self._base += self._start + count
        self._buffer, self._start = b"", 0
        return b"".join(parts)

    def skip(self, count: int, what: str) -> None:
        """Goes past `count` bytes."""
        self.need(count, what)
        held = len(self._buffer) - self._start
        if count <= held:
            self._start += count
        elif self.size is not None:
            self.seek(self.position + count)
        else:
            while count:
                count -= len(self.read(min(count, _PIECE), what))

    def seek(self, position: int) -> None:
        """Goes to a byte, of a file whose size is known."""
        self._file.seek(position)
        self._buffer, self._start, self._base = b"", 0, position

    def skip_spaces(self, spaces: bytes = _SPACES) -> None:
        """Goes past white space."""
        while True:
            self._fill(1)
            held = self._buffer[self._start :]
            if not held:
                return
            rest = held.lstrip(spaces)
            self._start += len(held) - len(rest)
            if rest:
                return

    def word(self, what: str) -> bytes:
        """Bytes up to white space, which stays; "" at the end of the file or before a space."""
        size = 64
        while True:
            held = self.peek(size)
            found = held.split(None, 1)[:1] if held[:1].strip() else []
            word = found[0] if found else b""
            if len(word) < len(held) or len(held) < size:
                self._start += len(word)
                return word
            if size > _LONGEST_WORD:
                remedy = "It is another kind of file, or reading began in the middle of one."
                self.fail(f"{shown(held[:20])}... without a space", what, remedy)
            size *= 4

    def until(self, end: bytes, what: str) -> bytes:
        """Bytes up to `end` (one byte), which is gone past; of a text that has to have it."""
        parts: list[bytes] = []
        start = self.position
        while True:
            self._fill(1)
            held = self._buffer[self._start :]
            if not held:
                text = f"no {end.decode()!r} up to the end of the file"
                self.fail(text, f"the end of {what}", at=start)
            place = held.find(end)
            if place >= 0:
                parts.append(held[:place])
                self._start += place + 1
                return b"".join(parts)
            parts.append(held)
            self._start += len(held)

    def line(self) -> bytes:
        """The rest of the line, without its end."""
        parts: list[bytes] = []
        while True:
            self._fill(1)
            held = self._buffer[self._start :]
            place = held.find(b"\n")
            if place >= 0 or not held:
                parts.append(held[: max(place, 0)])
                self._start += max(place, 0) + (place >= 0)
                return b"".join(parts).rstrip(b"\r")
            parts.append(held)
            self._start += len(held)


def shown(content: bytes) -> str:
    """Bytes for a message: text as it is, others as escapes."""
    return repr(content)[1:]
