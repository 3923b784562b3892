"""The few lengths that batches are padded to."""

from __future__ import annotations

import numpy as np

from open_seq2seq.data.draws import blocks

# More candidates for bucket lengths than these would not make the padding less.
_MAX_CANDIDATES = 512


def optimal_lengths(lengths: np.ndarray, number: int, multiple: int) -> np.ndarray:
    """At most `number` lengths to pad to, such that padding `lengths` up adds least.

    Dynamic programming over the sorted distinct lengths (rounded up to `multiple`):
    cost[j] is the least total of padded frames for everything up to length j with k
    buckets, the last of which is j.

    Returns:
      Increasing multiples of `multiple`, the last of them at least `lengths.max()`.
    """
    step = multiple * -(-int(lengths.max()) // (multiple * _MAX_CANDIDATES))
    ends, counts = _rounded(lengths, max(step, multiple))
    below = np.cumsum(counts)
    # [i, j]: padded frames of the lengths in (i, j] when they are padded to j.
    between = (below[None, :] - below[:, None]) * ends[None, :].astype(np.float64)
    between[np.tril_indices(len(ends))] = np.inf
    cost = below * ends.astype(np.float64)
    previous = []
    for _ in range(1, min(number, len(ends))):
        total = cost[:, None] + between
        previous.append(total.argmin(axis=0))
        cost = total.min(axis=0)
    chosen = [len(ends) - 1]
    for choice in reversed(previous):
        chosen.append(int(choice[chosen[-1]]))
    return ends[chosen[::-1]]


def _rounded(lengths: np.ndarray, multiple: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct lengths, rounded up to a multiple, and how many there are of each."""
    counts = np.zeros(-(-int(lengths.max()) // multiple) + 2, np.int64)
    for _, rows in blocks(len(lengths)):
        quotients = -(-np.maximum(lengths[rows].astype(np.int64), 1) // multiple)
        counts += np.bincount(quotients, minlength=len(counts))
    there = np.flatnonzero(counts)
    return there * multiple, counts[there]
