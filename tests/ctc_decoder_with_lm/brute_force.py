"""CTC by listing every path: slow, and right by its definition."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

Labels = tuple[int, ...]


def log_add(*values: float) -> float:
    """log of the sum of exponentials."""
    top = max(values, default=-math.inf)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(value - top) for value in values))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, in float64."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def collapse(path: Sequence[int], blank: int) -> Labels:
    """A path's labels: runs merged, blanks removed."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def paths(log_probs: np.ndarray) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every path [time] with its log probability; the blank is the last class."""
    frames, classes = log_probs.shape
    for path in itertools.product(range(classes), repeat=frames):
        yield path, float(sum(log_probs[frame, label] for frame, label in enumerate(path)))


def prefix_log_probs(log_probs: np.ndarray, merge: str = "sum") -> dict[Labels, float]:
    """log P(labels) of every label sequence, by the sum or the maximum over its paths."""
    blank = log_probs.shape[1] - 1
    found: dict[Labels, list[float]] = {}
    for path, value in paths(log_probs):
        found.setdefault(collapse(path, blank), []).append(value)
    unite = max if merge == "max" else lambda values: log_add(*values)
    return {labels: unite(values) for labels, values in found.items()}


def best_alignment(log_probs: np.ndarray, labels: Labels) -> list[tuple[int, int]]:
    """The first and the last frame of each label in the labels' best path."""
    blank = log_probs.shape[1] - 1
    matching = (
        (value, path) for path, value in paths(log_probs) if collapse(path, blank) == labels
    )
    _, best = max(matching)
    frames, start = [], 0
    for label, run in itertools.groupby(best):
        length = len(list(run))
        if label != blank:
            frames.append((start, start + length - 1))
        start += length
    return frames
