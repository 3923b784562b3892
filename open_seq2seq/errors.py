"""What the framework raises when something is wrong, and how it is said.

Every bad input ends in an `InputError` that lists all problems of its kind at
once; each `Problem` says where, what was found, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Args:
      where: the place, as exact as it is known: `file:line:column`, or the path
        of a config key such as `encoder_params/convnet_layers[3]/stride`.
      found: what is there.
      expected: what should be there.
      remedy: what the user can do about it; may be empty.
    """

    where: str
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: found {self.found}, expected {self.expected}."
        return f"{text} {self.remedy}" if self.remedy else text


class OpenSeq2SeqError(Exception):
    """Base of the errors that `run.py` shows as a message, without a traceback."""

    exit_code = 1


class InputError(OpenSeq2SeqError):
    """Wrong usage or input (exit code 2): a config, a CSV, an audio file, a checkpoint.

    Args:
      summary: one sentence saying what was being read or checked.
      problems: everything that is wrong with it.
    """

    exit_code = 2

    def __init__(self, summary: str, problems: Sequence[Problem] = ()):
        self.summary = summary
        self.problems = list(problems)
        lines = [summary, *(f"  - {problem}" for problem in self.problems)]
        super().__init__("\n".join(lines))


class RunError(OpenSeq2SeqError):
    """A failure while running (exit code 1) that is not the input's fault."""
