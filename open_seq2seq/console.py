"""What the user sees while something runs: a progress bar on a terminal, lines elsewhere.

The bar is drawn by rich; where it is not installed, as with exported models alone, there are lines.
"""

from __future__ import annotations

import io
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from open_seq2seq.distributed.launch import launched
from open_seq2seq.files import unwritable
from open_seq2seq.messages import NOTHING, news_stream, say, show_messages
from open_seq2seq.progress import clock

if TYPE_CHECKING:
    from open_seq2seq.live_bar import LiveBar

__all__ = ["OutputCopy", "ProgressBar", "be_quiet", "clock", "say"]


def be_quiet() -> None:
    """This process prints no more: another one of its job does."""
    show_messages(NOTHING)


class ProgressBar:
    """Progress of a long task: a live bar on a terminal, now and then a line elsewhere.

    Args:
      what: a word or two, shown before the bar.
      total: units of the whole task (steps, batches), or None when it is not known.
      done: units that were done before.
      interval: seconds between lines when the output is not a terminal.
    """

    def __init__(self, what: str, total: int | None, done: int = 0, interval: float = 15.0):
        self.what, self.total, self.done, self.interval = what, total, done, interval
        self.started = self._last_line = time.monotonic()
        self._first = done
        self._bar: LiveBar | None = None
        stream = news_stream()
        # Open MPI gives the processes a terminal, whatever their output goes to.
        if stream is not None and stream.isatty() and launched().size == 1 and find_spec("rich"):
            from open_seq2seq.live_bar import LiveBar

            self._bar = LiveBar(stream, what, total, done)

    def advance(self, *status: str) -> None:
        """One more unit is done.

        Args:
          status: how it goes (loss, epoch, speed), the most important first: a narrow terminal
            has no room for the last.
        """
        self.done += 1
        if self._bar is not None:
            self._bar.update(self.done, status, self.left())
            return
        now = time.monotonic()
        if now - self._last_line >= self.interval:
            self._last_line = now
            of = f"/{self.total}" if self.total else ""
            pieces = [f"{self.what} {self.done}{of}", *status, f"left {self.left()}"]
            say("  ".join(filter(None, pieces)))

    def left(self) -> str:
        """The time left, from the mean speed so far."""
        if not self.total or self.done <= self._first:
            return "?"
        elapsed = time.monotonic() - self.started
        return clock(elapsed / (self.done - self._first) * max(self.total - self.done, 0))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Tee:
    """Writes to two streams; line buffered, so that a log file can be followed."""

    def __init__(self, stream: TextIO, copy: TextIO):
        self._stream, self.copy = stream, copy

    def write(self, text: str) -> int:
        self.copy.write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()
        self.copy.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class OutputCopy:
    """Copies stdout and stderr while it is entered: into memory, until `keep` names a folder."""

    def __enter__(self) -> OutputCopy:
        self._before = sys.stdout, sys.stderr
        self._tees = [_Tee(stream, io.StringIO()) for stream in self._before]
        sys.stdout, sys.stderr = self._tees
        return self

    def keep(self, folder: Path, stamp: str) -> None:
        """From the beginning, in `folder/stdout_<stamp>.log` and `stderr_<stamp>.log`.

        Raises:
          RunError: they cannot be written.
        """
        for name, tee in zip(("stdout", "stderr"), self._tees):
            path = folder / f"{name}_{stamp}.log"
            try:
                file = path.open("a", buffering=1, encoding="utf-8", errors="backslashreplace")
                held, tee.copy = tee.copy, file
                file.write(held.getvalue())  # type: ignore[attr-defined]
            except OSError as error:
                raise unwritable(path, error) from error

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._before
        for tee in self._tees:
            with suppress(OSError):
                tee.copy.close()
