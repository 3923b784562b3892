"""Where in a recording a given text is, as far as a CTC network can tell."""

from __future__ import annotations

import numpy as np

from open_seq2seq.decode_result import Word
from open_seq2seq.decoders.greedy import greedy_decode_numpy
from open_seq2seq.vocabulary import Vocabulary


def align_labels(logits: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """The most probable path of those that CTC makes `labels` of (Viterbi).

    Args:
      logits: [time, class], unnormalised, blank last.
      labels: [label], ids below the blank.

    Returns:
      [time] the class of each frame; None where there are too few frames for the labels.
    """
    frames, classes = logits.shape
    blank = classes - 1
    repeats = int(np.count_nonzero(labels[1:] == labels[:-1]))
    if not frames or len(labels) + repeats > frames:
        return None
    # A blank before, between and behind the labels: [state].
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    skips = np.zeros(len(states), bool)
    skips[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
    top = logits.max(axis=1, keepdims=True)
    log_probs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    came_from = np.zeros((frames, len(states)), np.int8)
    for frame in range(1, frames):
        choices = np.full((3, len(states)), -np.inf)
        choices[0] = score
        choices[1, 1:] = score[:-1]
        choices[2, 2:] = np.where(skips[2:], score[:-2], -np.inf)
        came_from[frame] = choices.argmax(axis=0)
        score = choices.max(axis=0) + log_probs[frame, states]
    state = len(states) - 1
    if len(states) > 1 and score[-2] > score[-1]:
        state -= 1
    path = np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = states[state]
        state -= int(came_from[frame, state])
    return path


def align_words(
    logits: np.ndarray, text: str, vocabulary: Vocabulary, frame_shift: float
) -> tuple[Word, ...]:
    """The words of `text` with the times at which they are most probable.

    Times follow the rule of `greedy_decode`: from the frame of a word's first symbol to that of
    its last.

    Args:
      logits: [time, class] of one recording, unnormalised, blank last.
      text: in the vocabulary's symbols.
      vocabulary: gives `symbols`, `encode(text)` and `decode(ids)`.
      frame_shift: seconds from one frame to the next.

    Returns:
      The words; none where the recording is too short for the text.
    """
    path = align_labels(np.asarray(logits, np.float64), np.asarray(vocabulary.encode(text)))
    if path is None:
        return ()
    chosen = np.zeros((1, *logits.shape), np.float32)
    chosen[0, np.arange(len(path)), path] = 1.0
    (result,) = greedy_decode_numpy(chosen, np.array([len(path)]), vocabulary, frame_shift)
    return result.words
