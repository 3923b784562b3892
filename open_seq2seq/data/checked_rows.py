"""Which rows of a corpus are checked before a run."""

from __future__ import annotations

import numpy as np

from open_seq2seq.data.draws import Stream, generator

SAMPLED = 10_000


def checked_rows(which: str, count: int, seed: int) -> tuple[np.ndarray | None, str | None]:
    """The rows to check, and what to say of it.

    Args:
      which: "all", "sampled" or "none".
      count: rows there are.
      seed: the sample is the same for the same one.

    Returns:
      Increasing rows, None for all; a note, None where all are checked.
    """
    if which == "none":
        return np.zeros(0, np.int64), f"check_files is none: none of {count} rows were checked."
    if which == "all" or count <= SAMPLED:
        return None, None
    rng = generator(Stream.CHECKED, seed)
    rows = np.sort(rng.choice(count, SAMPLED, replace=False, shuffle=False))
    return rows, f"check_files is sampled: {SAMPLED} of {count} rows were checked."
