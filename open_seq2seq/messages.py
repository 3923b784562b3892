"""What the user is told: records of the logger `open_seq2seq`, as lines that start with `*** `.

The library only logs. A command line shows it, by `show_messages`; in a program that uses the
package, logging's own rules hold: warnings are seen, news are not.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

LOGGER = logging.getLogger("open_seq2seq")

# What a command was started for: shown with --quiet too.
RESULT = 25
logging.addLevelName(RESULT, "RESULT")

# Above all levels.
NOTHING = 100

# Said by every process of a job, also where only the first one speaks; on standard error.
EVERY_RANK = 110
logging.addLevelName(EVERY_RANK, "EVERY_RANK")


class _Lines(logging.Handler):
    """Writes each line of a message with the prefix; warnings say that they are.

    Args:
      to_stderr: write on standard error, not on standard output.
      level: the lowest that is shown.
      prefix: of each line.
    """

    def __init__(self, to_stderr: bool, level: int, prefix: str):
        super().__init__(level)
        self.to_stderr, self.prefix = to_stderr, prefix

    @property
    def stream(self) -> TextIO:
        """What the stream is now: a copy may go to a log file meanwhile."""
        return sys.stderr if self.to_stderr else sys.stdout

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno == logging.WARNING and not text.startswith("WARNING"):
            text = f"WARNING: {text}"
        prefix = self.prefix + " " * getattr(record, "indent", 0)
        stream = sys.stderr if record.levelno >= EVERY_RANK else self.stream
        try:
            for line in text.splitlines() or [""]:
                stream.write(f"{prefix}{line}\n")
                stream.flush()
        except OSError:  # a closed terminal or pipe, a full disk: no reason to end a training
            nowhere = open(os.devnull, "w")  # noqa: SIM115
            if stream is sys.stderr:
                sys.stderr = nowhere
            else:
                sys.stdout = nowhere


def show_messages(level: int = logging.INFO, to_stderr: bool = False, prefix: str = "*** ") -> None:
    """Shows what the package says from now on, instead of what was shown before.

    Args:
      level: the lowest level that is shown: `logging.DEBUG`, `logging.INFO`, `RESULT` or `NOTHING`.
      to_stderr: on standard error, which leaves standard output to results.
      prefix: of each line.
    """
    for handler in _handlers():
        LOGGER.removeHandler(handler)
    LOGGER.addHandler(_Lines(to_stderr, level, prefix))
    LOGGER.setLevel(min(level, logging.WARNING))
    # Another handler further up (TensorFlow's libraries install one) would say it again.
    LOGGER.propagate = False


@contextmanager
def messages_shown(
    level: int = logging.INFO, to_stderr: bool = False, prefix: str = "*** "
) -> Iterator[None]:
    """Shows messages as `show_messages` does, in the block; then as before."""
    before, lowest, propagate = _handlers(), LOGGER.level, LOGGER.propagate
    show_messages(level, to_stderr, prefix)
    try:
        yield
    finally:
        for handler in _handlers():
            LOGGER.removeHandler(handler)
        for handler in before:
            LOGGER.addHandler(handler)
        LOGGER.setLevel(lowest)
        LOGGER.propagate = propagate


def _handlers() -> list[_Lines]:
    """The handlers that show messages: one, or none in a program that uses the package."""
    return [handler for handler in LOGGER.handlers if isinstance(handler, _Lines)]


def news_stream() -> TextIO | None:
    """Where news are shown, for a progress bar to go there too; None: they are not."""
    for handler in _handlers():
        if handler.level <= logging.INFO:
            return handler.stream
    return None


def say(text: str, indent: int = 0, level: int = logging.INFO) -> None:
    """One line (or several) to the user.

    Args:
      indent: spaces before each line.
      level: `logging.DEBUG` for what --verbose adds, `RESULT` for what --quiet leaves.
    """
    LOGGER.log(level, "%s", text, extra={"indent": indent})
