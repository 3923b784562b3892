"""What the numbers of a file of logits are: logits, or something that only looks like them.

A decoder takes the softmax of what it is given, so probabilities, costs and logits with the blank
elsewhere decode without an error, to nonsense. Numbers that can only be of another kind are
converted and it is said; where it is likely only, that is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

# How far a frame's probabilities may add up to something else than 1, by the type's rounding.
_TOLERANCE = {np.dtype(np.float16): 1e-2}
_USUAL_TOLERANCE = 1e-3
# Fewer frames say nothing about how often a class is the best one.
_FEWEST_FRAMES = 50
_LN10 = math.log(10.0)


def as_logits(arrays: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[str]]:
    """The arrays as log probabilities or logits, and what the user should know.

    * Not negative, and each frame adds up to 1: probabilities; their logarithm is taken.
    * Each frame adds up to 1 when the numbers are changed in sign and exponentiated: negated log
      probabilities (costs); the sign is changed back.
    * Each frame adds up to 1 as a power of 10: log10; they are made natural logarithms.

    Args:
      arrays: [time, class] floats each, without NaN.
    """
    for is_kind, convert, note in _KINDS:
        if _all(arrays, is_kind):
            with np.errstate(divide="ignore"):
                return [convert(array.astype(np.float32)) for array in arrays], [note]
    return list(arrays), []


def _all(arrays: Sequence[np.ndarray], is_kind: Callable[[np.ndarray, float], bool]) -> bool:
    known = [array for array in arrays if array.size]
    return bool(known) and all(
        is_kind(array, _TOLERANCE.get(array.dtype, _USUAL_TOLERANCE)) for array in known
    )


def _is_probabilities(array: np.ndarray, tolerance: float) -> bool:
    return bool(array.min() >= 0) and _adds_up_to_one(array, tolerance)


def _is_negated(array: np.ndarray, tolerance: float) -> bool:
    return bool(array.min() >= -tolerance) and _adds_up_to_one(
        np.exp(-array.astype(np.float32)), tolerance
    )


def _is_log10(array: np.ndarray, tolerance: float) -> bool:
    """In float16 a logarithm is rounded by more than a probability: by up to 1 % of it."""
    if array.max() > tolerance:
        return False
    return _adds_up_to_one(np.exp(array.astype(np.float32) * _LN10), tolerance)


def _adds_up_to_one(probabilities: np.ndarray, tolerance: float) -> bool:
    sums = probabilities.sum(axis=1, dtype=np.float64)
    return bool((np.abs(sums - 1.0) <= tolerance).all())


_KINDS: list[
    tuple[Callable[[np.ndarray, float], bool], Callable[[np.ndarray], np.ndarray], str]
] = [
    (
        _is_probabilities,
        np.log,
        "The frames add up to 1: these are probabilities, not logits. Their logarithm is taken.",
    ),
    (
        _is_negated,
        np.negative,
        "The numbers are log probabilities with their sign changed (costs): it is changed back.",
    ),
    (
        _is_log10,
        lambda array: array * np.float32(_LN10),
        "The numbers are logarithms of base 10: they are made natural ones.",
    ),
]


def with_blank_last(array: np.ndarray, blank: int) -> np.ndarray:
    """[time, class] with the class `blank` behind the others."""
    return np.concatenate(
        [array[:, :blank], array[:, blank + 1 :], array[:, blank : blank + 1]], axis=1
    )


def blank_note(arrays: Sequence[np.ndarray]) -> str | None:
    """A sentence where the last class seems not to be the blank, or the numbers negated; else None.

    The blank is the best class of most frames of a network that has learned something, and the
    worst one of few.
    """
    known = [array for array in arrays if len(array)]
    frames = sum(map(len, known))
    if frames < _FEWEST_FRAMES:
        return None
    classes = known[0].shape[1]
    best = _counts([array.argmax(axis=1) for array in known], classes) / frames
    worst = _counts([array.argmin(axis=1) for array in known], classes) / frames
    last, other = len(best) - 1, int(np.argmax(best))
    sign = "the numbers the wrong sign? Then write the file again without it."
    if best[last] < 0.01 and best[other] > 0.4:
        which = "first" if other == 0 else f"class {other}"
        # A rare symbol that is last may be the worst class too.
        more = f" Or have {sign}" if worst[last] > 0.5 else ""
        return (
            f"WARNING: class {last} is the best one of {best[last]:.1%} of the frames, class "
            f"{other} of {best[other]:.1%}: is the blank {which}? Then give "
            f"--blank={other}.{more}"
        )
    if worst[last] > 0.5:
        return (
            f"WARNING: the blank, class {last}, is the worst class of {worst[last]:.1%} of the "
            f"frames: have {sign}"
        )
    return None


def _counts(chosen: Sequence[np.ndarray], classes: int) -> np.ndarray:
    return np.bincount(np.concatenate(chosen), minlength=classes)
