"""What the likeliest path of a CTC network says about how far its training is."""

from __future__ import annotations

import numpy as np


def path_figures(
    logits: np.ndarray, lengths: np.ndarray, label_lengths: np.ndarray
) -> dict[str, float]:
    """How much of the likeliest path is blank, and how many labels it emits.

    A network that has learned nothing yet says blanks only: a share of 1, a ratio of 0. Trained,
    the ratio is near 1.

    Args:
      logits: [batch, time, class], blank last.
      lengths: [batch] frames.
      label_lengths: [batch] labels of the references.

    Returns:
      "blank_share", of the frames, and "emitted_ratio", labels emitted for each one of the
      references; neither of them where there is nothing to divide by.
    """
    best = logits.argmax(axis=-1)
    inside = np.arange(best.shape[1]) < np.asarray(lengths)[:, None]
    blank = best == logits.shape[-1] - 1
    # A label that repeats in the next frame is the same one.
    again = np.zeros_like(blank)
    again[:, 1:] = best[:, 1:] == best[:, :-1]
    emitted = int(np.count_nonzero(inside & ~blank & ~again))
    frames, labels = int(np.count_nonzero(inside)), int(np.sum(label_lengths))
    figures: dict[str, float] = {}
    if frames:
        figures["blank_share"] = int(np.count_nonzero(inside & blank)) / frames
    if labels:
        figures["emitted_ratio"] = emitted / labels
    return figures
