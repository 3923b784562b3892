"""Joining the logits of two pieces that share frames: each word from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.inference.pauses import runs
from open_seq2seq.vocabulary import PIECE_SPACE

# The ends of a piece are heard without what is behind them: a quarter of what is shared.
_EDGE = 4


@dataclass(frozen=True)
class WordMarks:
    """Which classes stand between words, and which begin one.

    Args:
      spaces: `[class]` bool, nothing but a space.
      starts: `[class]` bool, a space comes first.
      blank: the class of the blank.
    """

    spaces: np.ndarray
    starts: np.ndarray
    blank: int

    @classmethod
    def of(cls, symbols: Sequence[str]) -> WordMarks:
        """For a vocabulary, without the blank."""
        texts = [symbol.replace(PIECE_SPACE, " ") for symbol in symbols]
        spaces = np.array([not text.strip() for text in texts] + [False])
        starts = np.array([text.startswith(" ") for text in texts] + [False])
        return cls(spaces, starts, len(symbols))

    @property
    def has_words(self) -> bool:
        """Whether the vocabulary tells words apart."""
        return bool(self.starts.any())


def join(left: np.ndarray, right: np.ndarray, marks: WordMarks) -> int:
    """Where to change over from one piece to the next.

    That is the middle of the longest stretch in which both networks say nothing (their best class
    is the blank or a space), in the middle half of what they share: of those between two words, if
    there is one, and of the longest the one nearest to the middle. If they never do, it is where
    the blank is likeliest in both.

    Args:
      left, right: `[shared, class]` logits of the same frames.
      marks: the vocabulary's.

    Returns:
      How many of the shared frames are the left piece's.
    """
    count = len(left)
    low, high = count // _EDGE, count - count // _EDGE
    best_left, best_right = left.argmax(axis=1), right.argmax(axis=1)
    silent = _nothing(best_left, marks) & _nothing(best_right, marks)
    found = []
    for first, last in runs(silent):
        inner = max(first, low), min(last, high)
        if inner[0] >= inner[1]:
            continue
        between = not marks.has_words or all(
            _between_words(best, first, last, marks) for best in (best_left, best_right)
        )
        middle = (inner[0] + inner[1]) // 2
        found.append((between, inner[1] - inner[0], -abs(2 * middle - count), middle))
    if found:
        return max(found)[-1]
    blanks = _log_probs(left)[:, marks.blank] + _log_probs(right)[:, marks.blank]
    return low + int(blanks[low : max(high, low + 1)].argmax())


def blank_rows(count: int, classes: int) -> np.ndarray:
    """Logits of frames in which there is nothing: `[count, classes]` float32."""
    rows = np.full((count, classes), -30, np.float32)
    rows[:, -1] = 0
    return rows


def _nothing(best: np.ndarray, marks: WordMarks) -> np.ndarray:
    return (best == marks.blank) | marks.spaces[best]


def _between_words(best: np.ndarray, first: int, last: int, marks: WordMarks) -> bool:
    """Whether a run of blanks and spaces is between two words, or what is around it is unknown."""
    if marks.spaces[best[first:last]].any():
        return True
    return last == len(best) or first == 0 or bool(marks.starts[best[last]])


def _log_probs(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
