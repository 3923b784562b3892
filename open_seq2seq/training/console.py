"""What the user sees: lines that start with `*** `, and a progress bar on a terminal."""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from open_seq2seq.files import unwritable
from open_seq2seq.training.workers.launch import launched

_quiet = False


def be_quiet() -> None:
    """This process prints no more: another one of its job does."""
    global _quiet
    _quiet = True


def say(text: str, indent: int = 0) -> None:
    """Prints one line (or several) of the toolkit."""
    if _quiet:
        return
    for line in text.splitlines() or [""]:
        try:
            print(f"*** {' ' * indent}{line}", flush=True)
        except OSError:  # a closed terminal or pipe, a full disk: no reason to end a training
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def clock(seconds: float) -> str:
    """`h:mm:ss`."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


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
        # Open MPI gives the processes a terminal, whatever their output goes to.
        if sys.stdout.isatty() and launched().size == 1:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[status]}"),
                TimeElapsedColumn(),
                TextColumn("left {task.fields[left]}"),
                console=Console(file=sys.stdout),
                redirect_stdout=True,
                transient=True,
            )
            self._task = self._bar.add_task(what, total=total, completed=done, status="", left="?")
            self._bar.start()

    def advance(self, status: str) -> None:
        """One more unit is done; `status` says how it goes (loss, speed)."""
        self.done += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, status=status, left=self.left())
            return
        now = time.monotonic()
        if now - self._last_line >= self.interval:
            self._last_line = now
            of = f"/{self.total}" if self.total else ""
            say(f"{self.what} {self.done}{of}  {status}  left {self.left()}")

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
