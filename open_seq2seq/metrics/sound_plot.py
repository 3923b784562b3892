"""Recordings as one picture: spectrograms with reference and hypothesis under their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from open_seq2seq.metrics.analysis import ScoredUtterance
from open_seq2seq.metrics.sound import RANGE_DB, SECONDS_SHOWN, Sound, TimedWord, spectrogram
from open_seq2seq.metrics.wording import error_label, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches.
_WIDTH = 6.0  # of a spectrogram
_HEIGHT = 1.5
_LINE = 0.17  # of words
_GAP = 0.06  # between both
_LEFT, _RIGHT = 0.7, 0.3  # of a sample, for what the axes say
_ABOVE, _BELOW = 0.3, 0.5
_TITLE, _LEGEND, _BAR = 0.4, 0.35, 0.9
_FONT = 8.5
# Inches of a letter, about; what decides which words need a line of their own.
_LETTER = 0.62 * _FONT / 72
_LONGEST_NAME = 60
# As in the page of a report.
_COLORS = {"": "black", "substituted": "#b45f06", "deleted": "#b3261e", "inserted": "#1a5fb4"}


@dataclass(frozen=True)
class Sample:
    """An utterance to draw: its figures, its samples and its words."""

    scored: ScoredUtterance
    sound: Sound


@dataclass(frozen=True)
class _Track:
    """The words of reference or hypothesis, each in a line from 0, and how many lines there are."""

    label: str
    words: Sequence[TimedWord]
    lines: Sequence[int]
    height: int


def draw_samples(samples: Sequence[Sample], title: str, columns: int) -> Figure:
    """A figure with a grid of samples.

    Each has its spectrogram (level in dB below the loudest, over time in s and frequency in kHz),
    below it the words of reference and hypothesis at their times, above it its name and WER.

    Args:
      samples: at least one, row by row; of longer ones the first 20 s are drawn.
      title: of the picture.
      columns: of the grid.

    Returns:
      A figure of matplotlib, which draws it without a display.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    columns = min(columns, len(samples))
    tracks = [_tracks(sample.sound) for sample in samples]
    lines = [sum(track.height for track in some) for some in tracks]
    # All samples of a row have room for the most lines in it.
    heights = [
        _HEIGHT + _GAP + _LINE * max(lines[start : start + columns]) + _ABOVE + _BELOW
        for start in range(0, len(samples), columns)
    ]
    width = columns * (_LEFT + _WIDTH + _RIGHT) + _BAR
    height = _TITLE + sum(heights) + _LEGEND
    figure = Figure(figsize=(width, height))

    def axes(left: float, top: float, wide: float, high: float) -> Any:
        """Axes at a place in inches, from the upper left corner."""
        return figure.add_axes((left / width, 1 - (top + high) / height, wide / width,
                                high / height))  # fmt: skip

    image: Any = None
    for place, sample in enumerate(samples):
        row, column = divmod(place, columns)
        left = _LEFT + column * (_LEFT + _WIDTH + _RIGHT)
        top = _TITLE + sum(heights[:row]) + _ABOVE
        upper = axes(left, top, _WIDTH, _HEIGHT)
        image = _draw_spectrum(upper, sample)
        lower = axes(left, top + _HEIGHT + _GAP, _WIDTH, _LINE * lines[place])
        _draw_words(lower, tracks[place], lines[place], upper.get_xlim())
    bar = axes(width - _BAR + 0.05, _TITLE + _ABOVE, 0.15, _HEIGHT)
    figure.colorbar(image, cax=bar).set_label("level in dB", fontsize=_FONT)
    bar.tick_params(labelsize=_FONT)
    figure.text(0.5, 1 - 0.22 / height, title.replace("$", r"\$"), ha="center", fontsize=11)
    kinds = [kind for kind in _COLORS if kind]
    figure.legend(
        [Patch(color=_COLORS[kind]) for kind in kinds], kinds, loc="lower center",
        ncols=len(kinds), frameon=False, fontsize=_FONT,
    )  # fmt: skip
    return figure


def _draw_spectrum(axes: Axes, sample: Sample) -> Any:
    sound = sample.sound
    heard = sound.samples[: round(SECONDS_SHOWN * sound.sample_freq)]
    seconds = max(len(heard) / sound.sample_freq, 1e-3)
    image = axes.imshow(
        spectrogram(heard, sound.sample_freq), origin="lower", aspect="auto", cmap="magma",
        vmin=-RANGE_DB, vmax=0, extent=(0, seconds, 0, sound.sample_freq / 2000),
    )  # fmt: skip
    axes.set_ylabel("frequency in kHz", fontsize=_FONT)
    axes.tick_params(labelbottom=False, labelsize=_FONT)
    axes.set_title(_caption(sample), fontsize=_FONT + 0.5, loc="left")
    return image


def _caption(sample: Sample) -> str:
    words, name = sample.scored.words, sample.scored.utterance.name
    shown = name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
    rate = f"{error_label(sample.scored.utterance.unit)} {percent(words.rate)}"
    text = f"{shown}: {rate} ({words.errors} of {words.total})"
    whole = len(sample.sound.samples) / sample.sound.sample_freq
    if whole > SECONDS_SHOWN:
        text += f", the first {SECONDS_SHOWN:g} of {whole:.1f} s"
    # A dollar sign would begin a formula.
    return text.replace("$", r"\$")


def _tracks(sound: Sound) -> list[_Track]:
    """Reference and hypothesis; what would lie over other words is in a line below."""
    seconds = min(len(sound.samples) / sound.sample_freq, SECONDS_SHOWN)
    letter = _LETTER * seconds / _WIDTH
    tracks = []
    for label, words in (("REF", sound.reference), ("HYP", sound.hypothesis)):
        shown = [word for word in words if word.start < seconds]
        lines = word_lines(shown, letter)
        tracks.append(_Track(label, shown, lines, max(lines, default=0) + 1))
    return tracks


def _draw_words(
    axes: Axes, tracks: Sequence[_Track], lines: int, limits: tuple[float, float]
) -> None:
    axes.set_xlim(limits)
    axes.set_ylim(lines, 0)
    top = 0
    for track in tracks:
        for word, line in zip(track.words, track.lines):
            y = top + line + 0.5
            color = _COLORS.get(word.kind, "black")
            axes.plot([word.start] * 2, [y - 0.4, y + 0.4], color=color, linewidth=0.8)
            axes.annotate(
                word.text.replace("$", r"\$"), (word.start, y), (2, 0), color=color,
                textcoords="offset points", fontsize=_FONT, va="center",
            )  # fmt: skip
        top += track.height
        axes.axhline(top, color="0.8", linewidth=0.6)
    starts = [sum(track.height for track in tracks[:place]) + 0.5 for place in range(len(tracks))]
    axes.set_yticks(starts, [track.label for track in tracks], fontsize=_FONT)
    axes.tick_params(axis="x", labelsize=_FONT)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time in s", fontsize=_FONT)
    axes.spines[["top", "right"]].set_visible(False)


def word_lines(words: Sequence[TimedWord], letter: float) -> list[int]:
    """The line of each word, from 0, so that none is written over another.

    Args:
      words: in the order of their times.
      letter: seconds that a letter is wide.
    """
    ends: list[float] = []
    lines = []
    for word in words:
        line = next((n for n, end in enumerate(ends) if end <= word.start), len(ends))
        if line == len(ends):
            ends.append(0.0)
        ends[line] = word.start + (len(word.text) + 1) * letter
        lines.append(line)
    return lines
