"""What the user sees while something runs: a progress bar on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from open_seq2seq.distributed.launch import launched
from open_seq2seq.files import unwritable
from open_seq2seq.messages import NOTHING, news_stream, say, show_messages
from open_seq2seq.progress import clock

__all__ = ["OutputCopy", "ProgressBar", "be_quiet", "clock", "say"]


def be_quiet() -> None:
    """This process prints no more: another one of its job does."""
    show_messages(NOTHING)


def fitting(pieces: Sequence[str], width: int) -> str:
    """The first pieces of a status that fit into so many characters, two spaces between them."""
    text = ""
    for piece in filter(None, pieces):
        longer = f"{text}  {piece}" if text else piece
        if len(longer) > width:
            break
        text = longer
    return text


# What the shortest bar, and the spaces between the columns, take of a line.
_SHORTEST_BAR = 4
_MARGIN = _SHORTEST_BAR + 4


def _live_bar(console: Console) -> Progress:
    """What and how far, how it goes, and a bar in the room that is left."""
    as_it_is = Column(no_wrap=True)
    return Progress(
        TextColumn("{task.description}", table_column=as_it_is),
        MofNCompleteColumn(table_column=as_it_is.copy()),
        TextColumn("{task.fields[status]}", table_column=as_it_is.copy()),
        BarColumn(None, table_column=Column(ratio=1, min_width=_SHORTEST_BAR)),
        TextColumn("left {task.fields[left]}", table_column=as_it_is.copy()),
        console=console,
        expand=True,
        # What goes to a file or a pipe stays there.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
        transient=True,
    )


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
        self._bar: Progress | None = None
        self._task: Any = None
        stream = news_stream()
        # Open MPI gives the processes a terminal, whatever their output goes to.
        if stream is not None and stream.isatty() and launched().size == 1:
            console = Console(file=stream)
            self._bar = _live_bar(console)
            self._width = console.width - len(f"{what} {total}/{total}  left 0:00:00") - _MARGIN
            self._task = self._bar.add_task(what, total=total, completed=done, status="", left="?")
            self._bar.start()

    def advance(self, *status: str) -> None:
        """One more unit is done.

        Args:
          status: how it goes (loss, epoch, speed), the most important first: a narrow terminal
            has no room for the last.
        """
        self.done += 1
        if self._bar is not None:
            shown = fitting(status, self._width)
            self._bar.update(self._task, completed=self.done, status=shown, left=self.left())
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
