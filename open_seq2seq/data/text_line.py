"""A line of text, as language models are trained and evaluated on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class TextLine:
    """A row of text data, which has no recording.

    Args:
      transcript: the words, as in a recording's row.
      source: file and line that it comes from; empty: none.
    """

    transcript: str
    source: str = ""
    segment: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """What messages and lists call it."""
        return self.source
