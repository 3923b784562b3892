"""Rows that the limits on duration leave out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from open_seq2seq.data.manifest_table import Manifest


class FilteredRows(Sequence[str]):
    """A sentence for each row that was left out, made when it is asked for.

    Args:
      rows: what was left out.
      durations: [row] seconds, of several voices those that are outside.
      short: [row] bool, whether it is too short; else it is too long.
      shortest, longest: the limits in seconds.
    """

    def __init__(
        self,
        rows: Manifest,
        durations: np.ndarray,
        short: np.ndarray,
        shortest: float,
        longest: float,
    ):
        self._rows, self._durations, self._short = rows, durations, short
        self._limits = f"max_duration {longest:g}", f"min_duration {shortest:g}"

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[one] for one in range(len(self))[row]]
        utterance, limit = self._rows[row], self._limits[int(self._short[row])]
        reason = f"{self._durations[row]:.3f} s, outside {limit} s"
        return f"{utterance.source}: {utterance.name}: {reason}"

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))
