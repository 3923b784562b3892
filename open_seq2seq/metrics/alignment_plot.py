"""A CTC network's posteriors as a picture, with a text's forced alignment on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Labels that the text has not are shown from this probability on.
_SEEN = 0.1
_FONT = 8
_ROW = 0.17  # inches of a label


def shown_labels(posteriors: np.ndarray, path: np.ndarray | None) -> list[int]:
    """The classes that have a row: those of the path, and those that were ever probable.

    Args:
      posteriors: [time, class], blank last.
      path: [time] the forced alignment's class of each frame; None: there is none.

    Returns:
      In the vocabulary's order, the blank last.
    """
    blank = posteriors.shape[1] - 1
    seen = set(np.flatnonzero(posteriors.max(axis=0) >= _SEEN).tolist()) | {blank}
    return sorted(seen | (set() if path is None else set(path.tolist())))


def draw_alignment(
    posteriors: np.ndarray,
    path: np.ndarray | None,
    symbols: Sequence[str],
    frame_shift: float,
    title: str,
) -> Figure:
    """A heat map of label posteriors over time, the forced alignment's labels as rings on it.

    Args:
      posteriors: [time, class], rows that sum to 1, blank last; at least one frame.
      path: [time] the class of each frame on the most probable path of the reference
        (`decoders.forced_alignment.align_labels`); None where the recording is too short for it.
      symbols: [class - 1] the labels.
      frame_shift: seconds from one frame to the next.
      title: of the picture.

    Returns:
      A figure of matplotlib, which draws it without a display.
    """
    from matplotlib.figure import Figure

    frames, classes = posteriors.shape
    labels = shown_labels(posteriors, path)
    seconds = frames * frame_shift
    figure = Figure(figsize=(8, 1.1 + _ROW * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(
        posteriors[:, labels].T, aspect="auto", origin="lower", cmap="magma", vmin=0, vmax=1,
        extent=(0, seconds, -0.5, len(labels) - 0.5), interpolation="nearest",
    )  # fmt: skip
    if path is not None:
        spoken = np.flatnonzero(path != classes - 1)
        rows = [labels.index(label) for label in path[spoken].tolist()]
        axes.plot(
            (spoken + 0.5) * frame_shift, rows, linestyle="none", marker="o", markersize=4,
            markerfacecolor="none", markeredgecolor="#35d0ff", markeredgewidth=0.8,
        )  # fmt: skip
        axes.set_xlim(0, seconds)
    names = [_name(symbols[label]) if label < classes - 1 else "blank" for label in labels]
    axes.set_yticks(range(len(labels)), names, fontsize=_FONT)
    axes.set_xlabel("time in s; rings: the reference's forced alignment", fontsize=_FONT)
    axes.tick_params(axis="x", labelsize=_FONT)
    axes.set_title(title.replace("$", r"\$"), fontsize=_FONT + 1, loc="left")
    figure.colorbar(image, ax=axes, pad=0.01).set_label("posterior", fontsize=_FONT)
    return figure


def _name(symbol: str) -> str:
    """A symbol that can be seen; a dollar sign would begin a formula."""
    return "space" if symbol == " " else symbol.replace("$", r"\$")
