"""CTC by enumeration: the definition of Graves et al. 2006, nothing clever."""

from __future__ import annotations

import itertools

import numpy as np


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def collapse(path, blank):
    """Merges runs and removes blanks."""
    merged = [symbol for symbol, _ in itertools.groupby(path)]
    return [symbol for symbol in merged if symbol != blank]


def ctc_loss(logits, labels):
    """Minus log of the summed probability of all paths that collapse to `labels`.

    Args:
      logits: [time, symbol + 1] float64, blank last; few frames and symbols.
      labels: a list of symbols.
    """
    frames, classes = logits.shape
    log_probs = log_softmax(logits.astype(np.float64))
    total = 0.0
    for path in itertools.product(range(classes), repeat=frames):
        if collapse(path, classes - 1) == list(labels):
            total += np.exp(sum(log_probs[frame, symbol] for frame, symbol in enumerate(path)))
    return -np.log(total) if total > 0 else np.inf
