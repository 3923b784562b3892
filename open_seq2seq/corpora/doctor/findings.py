"""What the data doctor finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# From the worst on. Error: training would refuse the row, or leave it out when it reads it.
LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class Row:
    """One row of a manifest, or one thing in the texts, that a finding is about.

    Args:
      where: `file.csv:12`, or what it is about.
      name: the recording as the manifest writes it; "" where it is about none.
      value: what was measured or found.
      text: the transcript, where it helps.
    """

    where: str
    name: str
    value: str
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Args:
      level: one of `LEVELS`.
      check: a short name of the check: `clipping`.
      split: the name of the data that it is about: `train`.
      title: one sentence without its full stop: `12 recordings are clipped`.
      remedy: what to do about it; may be empty.
      rows: all of them, the worst first.
    """

    level: str
    check: str
    split: str
    title: str
    remedy: str = ""
    rows: Sequence[Row] = ()


def counted(count: int, one: str, many: str) -> str:
    """`1 recording is clipped`, `12 recordings are clipped`: the words without the number."""
    return f"{count} {one if count == 1 else many}"


def recordings(count: int, single: str, several: str) -> str:
    """`counted` of recordings."""
    return counted(count, f"recording {single}", f"recordings {several}")


def shorten(text: str, length: int = 120) -> str:
    """The beginning of a long text."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
