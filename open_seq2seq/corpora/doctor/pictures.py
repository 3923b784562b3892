"""Pictures of a corpus as SVG that stands in a page and takes its colours."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from open_seq2seq.corpora.doctor.characters import count_characters
from open_seq2seq.corpora.doctor.measure import Measurement, decibels
from open_seq2seq.corpora.doctor.outliers import label_rates
from open_seq2seq.corpora.doctor.split import Split

# What is no SVG cannot have the page's colours: these can be seen on light and dark.
_FIXED = ("#3b82c4", "#e08a2e")
# Drawn in these colours, which nothing else has; the page's variables take their place.
_COLOURS = {"#010203": "var(--text)", "#040506": "var(--line)", "#070809": "var(--soft)",
            "#0a0b0c": "var(--first)", "#0d0e0f": "var(--second)"}  # fmt: skip
_TEXT, _LINE, _SOFT, *_PARTS = _COLOURS
_STYLE: Any = {
    "svg.fonttype": "none",  # the page's font
    "svg.hashsalt": "doctor",  # the same picture every time
    "text.parse_math": False,
    "text.color": _TEXT,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
}
_SIZE = (4.4, 2.6)  # inches; the page scales it
_BINS = 36
_MOST_CHARACTERS = 44
# dB: everything below is in the first bar.
_LOWEST_LEVEL = -80.0


def draw_pictures(splits: Sequence[Split]) -> list[str]:
    """The histograms of a corpus, each an `<svg>` element."""
    sound = [[m for _, m in split.sound()] for split in splits]

    def of(value: Callable[[Measurement], float]) -> list[np.ndarray]:
        return [np.array([value(m) for m in ms]) for ms in sound]

    def peak(m: Measurement) -> float:
        return max(float(decibels(m.peak**2)), _LOWEST_LEVEL)

    names = [split.name for split in splits]
    highest = max((m.sample_freq / 2 for ms in sound for m in ms), default=0)
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The page's fonts have what Matplotlib's lack.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        pictures = [
            _histogram("Duration", "seconds", [split.seconds for split in splits], names),
            _histogram(
                "Label rate", "characters per second", list(map(label_rates, splits)), names
            ),
            _scatter(splits, names),
        ]
        if any(sound):
            pictures += [
                _histogram("Level of speech", "dBFS",
                           of(lambda m: max(m.level, _LOWEST_LEVEL)), names),
                _histogram("Peak", "dBFS; 0 is full scale", of(peak), names),
                _histogram("Silence", "% of the recording",
                           of(lambda m: 100 * m.silence_share), names, (0, 100)),
                _histogram("Bandwidth", "Hz", of(lambda m: m.bandwidth), names, (0, highest)),
                _counts("Sample rate and encoding", [
                    Counter(f"{m.sample_freq} Hz {m.codec}" for m in ms) for ms in sound], names),
            ]  # fmt: skip
        pictures.append(_characters([count_characters(split.texts) for split in splits], names))
        return [_svg(picture) for picture in pictures if picture is not None]


def _axes(title: str, label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.grid(axis="y", color=_LINE, linewidth=0.6)
    axes.tick_params(length=0)
    return figure, axes


def _legend(axes: Axes, names: Sequence[str]) -> None:
    if len(names) > 1:
        axes.legend(frameon=False, fontsize=8, labelcolor=_SOFT, handlelength=1.2)


def _histogram(
    title: str,
    label: str,
    values: Sequence[np.ndarray],
    names: Sequence[str],
    limits: tuple[float, float] | None = None,
) -> Figure | None:
    """Shares of each split, so that a large and a small one can be compared."""
    values = [one[np.isfinite(one)] for one in values]
    everything = np.concatenate(values)
    if not len(everything):
        return None
    low, high = limits or (float(everything.min()), float(everything.max()))
    if low == high:
        low, high = low - max(abs(low), 1) * 0.05, high + max(abs(high), 1) * 0.05
    edges = np.linspace(low, high, _BINS + 1)
    figure, axes = _axes(title, label)
    for one, name, colour in zip(values, names, _PARTS):
        if len(one):
            shares = 100 * np.histogram(one, edges)[0] / len(one)
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.35)
            axes.stairs(shares, edges, color=colour, linewidth=1.2, label=name)
    axes.set_ylabel("% of recordings")
    axes.set_xlim(low, high)
    _legend(axes, names)
    return figure


def _scatter(splits: Sequence[Split], names: Sequence[str]) -> Figure | None:
    """Text over time; what is far from the crowd has a wrong text or is cut off."""
    figure, axes = _axes("Text and time", "seconds")
    drawn = False
    for split, name, colour in zip(splits, names, _FIXED):
        characters = np.array([len(text.strip()) for text in split.texts])
        known = np.isfinite(split.seconds) & (characters > 0)
        if known.any():
            drawn = True
            # As a picture in the picture: 100,000 marks would be a page of many megabytes.
            axes.scatter(split.seconds[known], characters[known], s=6, alpha=0.6, linewidths=0,
                         color=colour, label=name, rasterized=True)  # fmt: skip
    axes.set_ylabel("characters")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    _legend(axes, names)
    return figure if drawn else None


def _counts(title: str, counts: Sequence[Counter[str]], names: Sequence[str]) -> Figure | None:
    total = sum(counts, Counter())
    labels = [label for label, _ in total.most_common(8)][::-1]
    if not labels:
        return None
    figure, axes = _axes(title, "recordings")
    axes.grid(visible=False)
    height = 0.7 / len(counts)
    for place, (count, name, colour) in enumerate(zip(counts, names, _PARTS)):
        where = np.arange(len(labels)) - (place - (len(counts) - 1) / 2) * height
        axes.barh(where, [count[label] for label in labels], height, color=colour, label=name)
        for y, label in zip(where, labels):
            if count[label]:
                axes.annotate(f"{count[label]:,}", (count[label], y), (3, 0),
                              textcoords="offset points", va="center", fontsize=8,
                              color=_SOFT)  # fmt: skip
    axes.set_yticks(range(len(labels)), labels)
    axes.margins(x=0.15)
    room = 0.5 + max(0, 2 - len(labels)) / 2  # a single bar is not as high as the picture
    axes.set_ylim(-room, len(labels) - 1 + room)
    _legend(axes, names)
    return figure


def _characters(counts: Sequence[Counter[str]], names: Sequence[str]) -> Figure | None:
    total = sum(counts, Counter())
    if not total:
        return None
    shown = [character for character, _ in total.most_common(_MOST_CHARACTERS)]
    more = len(total) - len(shown)
    figure, axes = _axes("Characters", f"and {more} more characters" if more else "")
    # The second split's bars are narrow and in front.
    for count, name, colour, width in zip(counts, names, _PARTS, (0.8, 0.4)):
        present = [(place, count[c]) for place, c in enumerate(shown) if count[c]]
        if present:
            places, times = map(list, zip(*present))
            axes.bar(places, times, width, color=colour, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda times, _: f"{times:,.0f}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0.8)
    axes.set_ylabel("times")
    axes.set_xlim(-0.8, len(shown) - 0.2)
    axes.set_xticks(range(len(shown)), [_visible(c) for c in shown], fontsize=8)
    _legend(axes, names)
    return figure


def _visible(character: str) -> str:
    if character == " ":
        return "␣"
    return character if character.isprintable() else f"{ord(character):X}"


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    figure.savefig(stream, format="svg", transparent=True, dpi=160, metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    # Groups are numbered alike in every picture; nothing refers to them.
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    for drawn, variable in _COLOURS.items():
        text = text.replace(drawn, variable)
    return text
