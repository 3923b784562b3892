"""What C libraries print to standard error about an audio file, without its name."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# libmpg123's lines. What they tell is found by other means, and said with the file's name.
_CHATTER = re.compile(
    rb"\s*$|\[?[\w./]*(libmpg123|mpg123)|Note: |Warning: |main: |\S+\.c:\S+ (error|warning): "
)


class _Diverted:
    """The C library's `stderr` while files are decoded by libmpg123: a file without a name.

    It is the C library's variable that is set, not the descriptor 2: Python's `sys.stderr` and
    everything else that writes to the descriptor are as before, in all threads. What others
    printed through the variable in the meantime is passed on afterwards.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._read = 0
        self._stream: ctypes.c_void_p | None = None
        self._library: ctypes.CDLL | None = None
        self._own = 0
        self._former: int | None = None
        self._file = -1

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1 and self._open():
                assert self._stream is not None
                self._stream.value, self._former = self._own, self._stream.value

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._own or self._library is None or self._stream is None:
                return
            if not self._users:
                self._stream.value = self._former
            self._library.fflush(ctypes.c_void_p(self._own))
            self._pass_on()

    def _open(self) -> bool:
        """Makes the file at the first use; False: this C library has no such variable."""
        if self._library is None and sys.platform == "linux":
            try:
                self._library = ctypes.CDLL(None)
                self._stream = ctypes.c_void_p.in_dll(self._library, "stderr")
                self._library.fdopen.restype = ctypes.c_void_p
                with tempfile.TemporaryFile() as file:
                    self._file = os.dup(file.fileno())
                self._own = self._library.fdopen(self._file, b"w+") or 0
            except (ValueError, OSError, AttributeError):
                self._own = 0
        return bool(self._own)

    def _pass_on(self) -> None:
        size = os.fstat(self._file).st_size
        while self._read < size:
            block = os.pread(self._file, size - self._read, self._read)
            if not block:
                return
            self._read += len(block)
            rest = [line for line in block.splitlines(True) if not _CHATTER.match(line)]
            if rest:
                os.write(2, b"".join(rest))


_diverted = _Diverted()


@contextmanager
def without_chatter(needed: bool) -> Iterator[None]:
    """Keeps libmpg123's remarks off standard error.

    Args:
      needed: the file is read by it; else nothing is done.
    """
    if not needed:
        yield
        return
    _diverted.enter()
    try:
        yield
    finally:
        _diverted.leave()
