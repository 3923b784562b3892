"""Durations and label rates far from the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from open_seq2seq.corpora.doctor.findings import Finding, recordings
from open_seq2seq.corpora.doctor.split import Split
from open_seq2seq.corpora.doctor.thresholds import Thresholds

_NORMAL = 1.4826  # median absolute deviation -> standard deviation, of a normal distribution


def duration_limits(seconds: np.ndarray, limits: Thresholds) -> tuple[float, float]:
    """The shortest and the longest duration that is no outlier.

    Args:
      seconds: durations, NaN where unknown.
    """
    known = seconds[np.isfinite(seconds) & (seconds > 0)]
    if len(known) < limits.statistics_rows:
        return 0.0, np.inf
    # Ranks towards the middle: a single outlier of a small corpus is not its own limit.
    low = np.percentile(known, limits.tail_percentile, method="higher")
    high = np.percentile(known, 100 - limits.tail_percentile, method="lower")
    return float(low / limits.tail_factor), float(high * limits.tail_factor)


def label_rates(split: Split) -> np.ndarray:
    """[utterance] characters per second; NaN where there is no text or no sound."""
    characters = np.array([len(text.strip()) for text in split.texts], float)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = characters / split.seconds
    return np.where(characters > 0, rates, np.nan)


def rate_excess(
    rates: np.ndarray,
    characters: np.ndarray,
    speakers: Sequence[str | None],
    limits: Thresholds,
) -> np.ndarray:
    """How far each label rate is from what is usual, in limits: an outlier is beyond -1 or 1.

    The logarithm of a rate is compared with the median of its speaker, if that has recordings
    enough, and of the corpus otherwise. Slower and faster rates have their own spread.

    Args:
      rates: characters per second, NaN where unknown.
      characters: of each text.
      speakers: who speaks each, None where unknown.

    Returns:
      [utterance]; 0 where the rate is unknown, and everywhere if there are few.
    """
    known = np.flatnonzero(np.isfinite(rates) & (rates > 0))
    excess = np.zeros(len(rates))
    if len(known) < limits.statistics_rows:
        return excess
    logs = np.log(rates[known])
    usual = np.full(len(known), np.median(logs))
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(known.tolist()):
        speaker = speakers[row]
        if speaker is not None:
            by_speaker[speaker].append(place)
    for places in by_speaker.values():
        if len(places) >= limits.speaker_rows:
            usual[places] = np.median(logs[places])
    off = logs - usual
    spread = np.where(off > 0, _spread(off[off >= 0]), _spread(off[off <= 0]))
    allowed = np.sqrt(
        (limits.rate_deviations * spread) ** 2 + limits.rate_short**2 / characters[known]
    )
    excess[known] = off / np.maximum(allowed, np.log(limits.rate_factor))
    return excess


def outlier_findings(split: Split, limits: Thresholds) -> Iterator[Finding]:
    """Very short and long recordings; much or little text for the time."""
    seconds = split.seconds
    shortest, longest = duration_limits(seconds, limits)
    for rows, what, limit, remedy in (
        (
            np.flatnonzero(seconds > longest).tolist(),
            "long",
            longest,
            "Cut them, or set max_duration: a batch is as long as its longest recording.",
        ),
        (
            np.flatnonzero(seconds < shortest).tolist(),
            "short",
            shortest,
            "Listen: cut off, or empty? min_duration leaves them out.",
        ),
    ):
        if rows:
            worst = sorted(rows, key=lambda row: seconds[row], reverse=what == "long")
            title = recordings(len(rows), f"is unusually {what}", f"are unusually {what}")
            title += f" ({'over' if what == 'long' else 'under'} {limit:.2g} s)"
            listed = [split.row(row, f"{seconds[row]:.2f} s", text=True) for row in worst]
            yield Finding("warning", f"{what} recordings", split.name, title, remedy, listed)
    yield from _rate_findings(split, limits)


def _rate_findings(split: Split, limits: Thresholds) -> Iterator[Finding]:
    rates = label_rates(split)
    characters = np.array([len(text.strip()) for text in split.texts])
    excess = rate_excess(rates, characters, split.speakers, limits)
    usual = np.nanmedian(rates) if np.isfinite(rates).any() else np.nan
    for rows, what, remedy in (
        (
            np.flatnonzero(excess > 1).tolist(),
            "much",
            "Listen: the recording is cut off, or the text belongs to another one.",
        ),
        (
            np.flatnonzero(excess < -1).tolist(),
            "little",
            "Listen: words are missing in the text, or there is a long pause, noise or music.",
        ),
    ):
        if not rows:
            continue
        worst = sorted(rows, key=lambda row: -abs(excess[row]))
        title = recordings(len(rows), f"has {what} text", f"have {what} text")
        title += f" for the time (usual: {usual:.1f} characters per second)"
        listed = [split.row(row, f"{rates[row]:.1f} characters/s", text=True) for row in worst]
        yield Finding("warning", f"{what} text", split.name, title, remedy, listed)


def _spread(deviations: np.ndarray) -> float:
    """Of one side; both sides have the median itself."""
    return _NORMAL * float(np.median(np.abs(deviations))) if len(deviations) else 0.0
