"""What the framework raises when something is wrong, and how it is said.

Every bad input ends in an `InputError` that lists all problems of its kind at
once; each `Problem` says where, what was found, what was expected and what to do.
Of many problems the message has the kinds, with counts and first places
(`problem_lines`); `open_seq2seq.commands.error_output` puts the whole list into a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

# So many problems are listed one by one, and so many of a kind with their places.
MOST_LISTED = 10
_FIRST_PLACES = 3
# So many kinds.
_MOST_GROUPS = 30
# Characters of what was found: a damaged file may have a line of a megabyte.
_LONGEST_FOUND = 1000
_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Args:
      where: the place, as exact as it is known: `file:line:column`, or the path
        of a config key such as `encoder_params/convnet_layers[3]/stride`.
      found: what is there; of more than a thousand characters, their beginning.
      expected: what should be there.
      remedy: what the user can do about it; may be empty.
      kind: what problems that are alike are counted under, instead of being listed one by one:
        of a character that no symbol is for, that character.
    """

    where: str
    found: str
    expected: str
    remedy: str = ""
    kind: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if len(self.found) > _LONGEST_FOUND:
            shown = f"{self.found[:_LONGEST_FOUND]}... ({len(self.found)} characters)"
            object.__setattr__(self, "found", shown)

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

    `is_shortened` says whether the message leaves out some of their places.
    """

    exit_code = 2

    def __init__(self, summary: str, problems: Sequence[Problem] = ()):
        self.summary = summary
        self.problems = list(problems)
        lines = problem_lines(self.problems)
        self.is_shortened = lines.shortened
        super().__init__("\n".join([summary, *lines]))

    def full_text(self) -> str:
        """The message with every problem in a line."""
        return "\n".join([self.summary, *(f"  - {problem}" for problem in self.problems)])


class RunError(OpenSeq2SeqError):
    """A failure while running (exit code 1) that is not the input's fault."""


class Lines(list[str]):
    """Lines of a message; `shortened` where they leave something out."""

    shortened = False


def problem_lines(problems: Sequence[Problem]) -> Lines:
    """Problems for a screen: up to ten one by one, of more of them the kinds.

    Problems with the same remedy (without one: of which the same was expected) are a group: its
    count, the remedy once, and the first ten with their places. Those of one `Problem.kind` are
    one of these, with their count and first places.
    """
    lines = Lines()
    if len(problems) <= MOST_LISTED:
        lines += [f"  - {problem}" for problem in problems]
        return lines
    groups = _gathered(problems, lambda problem: problem.remedy or problem.expected)
    for group in groups[:_MOST_GROUPS]:
        _add_group(lines, group)
    left = groups[_MOST_GROUPS:]
    if left:
        lines.append(f"  - and {sum(map(len, left))} more, of {len(left)} other kinds.")
        lines.shortened = True
    return lines


def _add_group(lines: Lines, group: Sequence[Problem]) -> None:
    if len(group) == 1:
        lines.append(f"  - {group[0]}")
        return
    first = group[0]
    alike = all(problem.expected == first.expected for problem in group)
    title = f"{len(group)} times" + (f", expected {first.expected}." if alike else ":")
    lines.append(f"  - {title} {first.remedy}".rstrip())
    parts = _gathered(group, lambda problem: problem.kind or problem)
    for part in parts[:MOST_LISTED]:
        if len(part) == 1:
            end = "" if alike else f", expected {part[0].expected}"
            lines.append(f"      {part[0].where}: found {part[0].found}{end}")
        else:
            # What, how many, and where first.
            places = "; ".join(problem.where for problem in part[:_FIRST_PLACES])
            more = "; ..." if len(part) > _FIRST_PLACES else ""
            what = part[0].kind or f"found {part[0].found}"
            lines.append(f"      {what}: {len(part)} times: {places}{more}")
            lines.shortened |= bool(more)
    left = sum(map(len, parts[MOST_LISTED:]))
    if left:
        kinds = len(parts) - MOST_LISTED
        lines.append(f"      and {left} more" + (f", of {kinds} kinds." if left > kinds else "."))
        lines.shortened = True


def _gathered(things: Iterable[_Thing], key: Callable[[_Thing], object]) -> list[list[_Thing]]:
    """Things with the same key together, the largest group first."""
    groups: dict[object, list[_Thing]] = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    return sorted(groups.values(), key=len, reverse=True)
