"""A picture of the results: a bar for each condition, grouped, and a line for the clean WER."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from open_seq2seq.robustness.conditions import CLEAN
from open_seq2seq.robustness.measure import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEADINGS = {
    "silence": "Digital silence",
    "noise_floor": "Noise floor",
    "level": "Level",
    "clipping": "Clipping",
    "noise": "Noise",
    "telephone": "Telephone",
    "codec": "Codec",
    "reverberation": "Reverberation",
    "speed": "Speed",
}
_COLORS = ("tab:blue", "tab:cyan", "tab:green", "tab:olive", "tab:orange", "tab:red",
           "tab:pink", "tab:purple", "tab:brown")  # fmt: skip
# The longest bar, in percent: beyond it there is only a number.
_LONGEST = 100


def draw(results: Sequence[Result], title: str) -> Figure:
    """A figure.

    Args:
      results: those of `measure`; the first is the clean one.
      title: above the picture.
    """
    from matplotlib.figure import Figure

    clean, others = results[0], results[1:]
    groups = list(dict.fromkeys(result.condition.group for result in others))
    lines = len(others) + 1.5 * len(groups)
    figure = Figure(figsize=(7.6, 1.3 + 0.2 * lines), layout="constrained")
    axes = figure.subplots()
    longest = max(result.wer for result in results)
    right = min(_LONGEST, max(1.12 * longest, 1.0))
    y, ticks = 0.0, []
    for group in groups:
        axes.text(-0.012, y, _HEADINGS[group], transform=axes.get_yaxis_transform(),
                  ha="right", va="center", weight="bold", fontsize=9)  # fmt: skip
        color = _COLORS[list(_HEADINGS).index(group) % len(_COLORS)]
        for result in others:
            if result.condition.group != group:
                continue
            y += 1
            ticks.append((y, result.condition.label))
            axes.barh(y, min(result.wer, right), height=0.72, color=color)
            _number(axes, result, y, right)
        y += 1.5
    axes.axvline(clean.wer, color="black", linewidth=1, linestyle="--", zorder=3)
    axes.annotate(
        f"{CLEAN.name}: {clean.wer:.1f} %",
        (clean.wer, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=8,
    )
    axes.set_yticks([place for place, _ in ticks], [label for _, label in ticks], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, right), ylim=(y - 0.7, -0.8), xlabel=f"{clean.label}, %")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_title(title, fontsize=10, pad=18)
    return figure


def _number(axes: Axes, result: Result, y: float, right: float) -> None:
    """The WER behind its bar, or in it where there is no room behind."""
    inside = result.wer > 0.93 * right
    axes.annotate(
        f"{result.wer:.1f}",
        (min(result.wer, right), y),
        xytext=(-3 if inside else 3, 0),
        textcoords="offset points",
        ha="right" if inside else "left",
        va="center",
        fontsize=7.5,
        color="white" if inside else "black",
        # The clean line may pass behind it.
        bbox=None if inside else {"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        zorder=4,
    )
