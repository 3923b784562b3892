"""How many utterances each batch has, from the shortest utterances to the longest."""

from __future__ import annotations

import numpy as np


def equal_sizes(count: int, most: int) -> np.ndarray:
    """Batches of `most` utterances; the last one has what remains."""
    sizes = np.full(-(-count // most), most)
    if count % most:
        sizes[-1] = count % most
    return sizes


def limited_sizes(
    lengths: np.ndarray, counts: np.ndarray, batch_size: int, limit: int, shares: int
) -> np.ndarray:
    """Cuts utterances of increasing padded lengths into batches to be divided into `shares`.

    The largest share has batch_size utterances at most, and longest x count within `limit`.

    Args:
      lengths: [bucket] increasing padded lengths, each within `limit`.
      counts: [bucket] utterances of each.
    """
    most = np.minimum(batch_size, limit // lengths) * shares
    runs: list[np.ndarray] = []
    left = counts.astype(np.int64)
    for bucket in range(len(lengths)):
        whole, rest = divmod(int(left[bucket]), int(most[bucket]))
        runs.append(np.full(whole, most[bucket]))
        if not rest:
            continue
        # The rest of a bucket is filled up with longer ones, as far as their length allows.
        size = rest
        for longer in range(bucket + 1, len(lengths)):
            taken = min(int(left[longer]), int(most[longer]) - size)
            if taken > 0:
                size += taken
                left[longer] -= taken
            if left[longer]:
                break
        runs.append(np.array([size]))
    return np.concatenate(runs)
