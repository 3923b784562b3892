"""A progress bar that rich draws on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column


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


class LiveBar:
    """A bar of one task, from the start.

    Args:
      stream: the terminal.
      what: a word or two, shown before the bar.
      total: units of the whole task, or None when it is not known.
      done: units that were done before.
    """

    def __init__(self, stream: TextIO, what: str, total: int | None, done: int):
        console = Console(file=stream)
        self._bar = _live_bar(console)
        self._width = console.width - len(f"{what} {total}/{total}  left 0:00:00") - _MARGIN
        self._task = self._bar.add_task(what, total=total, completed=done, status="", left="?")
        self._bar.start()

    def update(self, done: int, status: Sequence[str], left: str) -> None:
        """Shows how far it is.

        Args:
          done: units.
          status: how it goes, the most important first: a narrow terminal has no room for the last.
          left: the time that is left.
        """
        shown = fitting(status, self._width)
        self._bar.update(self._task, completed=done, status=shown, left=left)

    def stop(self) -> None:
        """Takes the bar from the terminal."""
        self._bar.stop()
