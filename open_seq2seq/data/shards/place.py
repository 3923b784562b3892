"""A recording inside a tar file: `shard.tar:1536+230400`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_PLACE = re.compile(r"(.+\.tar):(\d+)\+(\d+)", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Where a recording's bytes are.

    Args:
      tar: the path or address of the tar file.
      start, size: in bytes.
    """

    tar: str
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.tar}:{self.start}+{self.size}"


def place_of(path: str | os.PathLike[str]) -> Place | None:
    """The place that a path means; None: it is a file of its own."""
    match = _PLACE.fullmatch(os.fsdecode(path))
    return Place(match[1], int(match[2]), int(match[3])) if match else None
