"""The bytes of a file, read where they are needed."""

from __future__ import annotations

import mmap
import os
from typing import Literal

# What all sizes of 32 bits from here on mean, where the file is shorter: the program that wrote
# to a pipe did not know the size. sox writes 0x7FFFF000 and, in AIFF, 0x7F000000; ffmpeg -1.
_UNKNOWN_32 = 0x7F000000
_UNKNOWN_64 = 1 << 62
_HEAD = 1 << 12


class Content:
    """The bytes of an open file; what is asked for behind its end is not there.

    Args:
      descriptor: of a regular file; it stays open.
      start, size: the part of the file that is meant; None: all of it.
    """

    def __init__(self, descriptor: int, start: int = 0, size: int | None = None):
        self._descriptor, self._start = descriptor, start
        there = max(os.fstat(descriptor).st_size - start, 0)
        self.size = there if size is None else min(size, there)
        # Most of what is asked for is in the header: one read serves it.
        self._head = os.pread(descriptor, min(_HEAD, self.size), start)

    def at(self, position: int, count: int) -> bytes:
        """Up to `count` bytes from `position` on."""
        if position >= self.size or position < 0:
            return b""
        if position + count <= len(self._head):
            return self._head[position : position + count]
        count = min(count, self.size - position)
        return os.pread(self._descriptor, count, self._start + position)

    def number(self, position: int, count: int, order: Literal["little", "big"] = "little") -> int:
        """An unsigned number of `count` bytes."""
        return int.from_bytes(self.at(position, count), order)

    def find(self, pattern: bytes, start: int = 0) -> int:
        """Where `pattern` is from `start` on; -1: nowhere. Looks through the whole file."""
        if start >= self.size:
            return -1
        with mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ) as memory:
            found = memory.find(pattern, self._start + start, self._start + self.size)
            return found - self._start if found >= 0 else -1

    def is_zero(self, start: int) -> bool:
        """Whether all bytes from `start` on are 0."""
        while start < self.size:
            block = self.at(start, 1 << 16)
            if block.strip(b"\0"):
                return False
            start += len(block) or self.size
        return True


def is_unknown(size: int, present: int, wide: bool = False) -> bool:
    """Whether a size in a header stands for "not known": larger than any file, or near 2^31.

    Args:
      size: what the header says, in bytes.
      present: how many there are.
      wide: the header's number has 64 bits.
    """
    return size > present and (size >= _UNKNOWN_64 if wide else size >= _UNKNOWN_32)
