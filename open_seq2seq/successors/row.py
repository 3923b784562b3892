"""A row of the table: something of OpenSeq2Seq's, and what there is here."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

WORKS = "works"
REPLACED = "replaced"
NOT_HERE = "not here"


@dataclass(frozen=True)
class Row:
    """One thing of OpenSeq2Seq's.

    Args:
      old: its names: paths from the repository's root, dotted modules or flags; a `*` stands for
        anything.
      here: WORKS (under this name), REPLACED (by what `now` says) or NOT_HERE (why, says `now`).
      now: Markdown; what is to be typed is in backticks. Empty where there is nothing to add.
    """

    old: tuple[str, ...]
    here: str
    now: str = ""

    def fits(self, name: str) -> bool:
        """Whether it is about this name, which may be a path that begins elsewhere."""
        return any(
            fnmatchcase(name, pattern) or ("/" in name and fnmatchcase(name, f"*/{pattern}"))
            for pattern in self.old
        )


def works(old: str, now: str = "") -> Row:
    """A row of names, separated by spaces, that work as they did."""
    return Row(tuple(old.split()), WORKS, now)


def replaced(old: str, now: str) -> Row:
    """A row of names, separated by spaces, whose place something else took."""
    return Row(tuple(old.split()), REPLACED, now)


def not_here(old: str, now: str) -> Row:
    """A row of names, separated by spaces, that nothing stands for."""
    return Row(tuple(old.split()), NOT_HERE, now)
