"""What is wrong with the sound: clipping, silence, level, offset, bandwidth, formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from open_seq2seq.corpora.doctor.findings import Finding, recordings
from open_seq2seq.corpora.doctor.measure import Measurement, decibels
from open_seq2seq.corpora.doctor.split import Recording, Split
from open_seq2seq.corpora.doctor.thresholds import Thresholds

# So many names of formats and rates are told.
_KINDS_SHOWN = 8

_Heard = tuple[Recording, Measurement]


class _Check(NamedTuple):
    """A check of single recordings.

    Args:
      name, single, several, remedy: of the finding; `single` goes on "1 recording ...".
      badness: above 0 for a recording that has it, more for the worse.
      value: what to say of such a one.
    """

    name: str
    single: str
    several: str
    remedy: str
    badness: Callable[[Measurement], float]
    value: Callable[[Measurement], str]


def is_silent(m: Measurement, limits: Thresholds) -> bool:
    """Nothing to hear: then nothing else is said of a recording."""
    return m.constant or m.loud < limits.silent_file


def _checks(limits: Thresholds, sample_freq: int) -> list[_Check]:
    def band(m: Measurement) -> float:
        """The band that the features would see."""
        return min(m.sample_freq, sample_freq) / 2

    def offset(m: Measurement) -> float:
        usual = max(limits.dc_level, limits.dc_share * m.rms)
        return abs(m.mean) / usual - 1

    def edges(m: Measurement) -> float:
        return max(m.leading, m.trailing) - limits.edge_silence

    def clips(m: Measurement) -> str:
        run = m.longest_clip / m.sample_freq * 1000
        return f"{m.clip_share:.2%} of the samples, {run:.1f} ms at a stretch"

    return [
        _Check(
            "clipping",
            "is clipped",
            "are clipped",
            "Record with less gain, or leave them out: what was cut off cannot be restored.",
            lambda m: m.clip_share - limits.clip_share,
            clips,
        ),
        _Check(
            "level",
            "is very quiet",
            "are very quiet",
            "Look at the recording's gain. The features' gain is normalised, its noise is not.",
            lambda m: limits.quiet_speech - m.level,
            lambda m: f"{m.level:.0f} dBFS",
        ),
        _Check(
            "steady sound",
            "has a level that does not change",
            "have a level that does not change",
            "Noise, hum or a tone, and no speech: remove the row.",
            lambda m: (
                limits.steady_range - (m.loud - m.quiet)
                if m.duration >= limits.steady_seconds
                else 0.0
            ),
            lambda m: f"{m.quiet:.0f} to {m.loud:.0f} dBFS",
        ),
        _Check(
            "silence",
            "is mostly silence",
            "are mostly silence",
            "Cut the silence off, or look for missing speech.",
            lambda m: m.silence_share - limits.silence_share,
            lambda m: f"{m.silence_share:.0%} of {m.duration:.2f} s",
        ),
        _Check(
            "silent ends",
            "begins or ends with long silence",
            "begin or end with long silence",
            "Cut the silence off; compare the text with what is said.",
            edges,
            lambda m: f"{m.leading:.1f} s before, {m.trailing:.1f} s after, of {m.duration:.1f} s",
        ),
        _Check(
            "DC offset",
            "has a DC offset",
            "have a DC offset",
            "Subtract the mean, or filter below 20 Hz: a fault of the sound card.",
            offset,
            lambda m: f"mean {m.mean:+.4f}, level {m.rms:.4f}",
        ),
        _Check(
            "bandwidth",
            "has nothing in the upper part of its band",
            "have nothing in the upper part of their band",
            "Converted from a lower sample rate, or filtered: a model learns this difference. "
            "Convert all to the lower rate and set sample_freq to it, or use other copies.",
            lambda m: limits.band_share * band(m) - m.bandwidth,
            lambda m: f"up to {m.bandwidth:.0f} Hz at {m.sample_freq} Hz",
        ),
    ]


def audio_findings(split: Split, limits: Thresholds) -> Iterator[Finding]:
    """One finding for each fault that recordings of the split have."""
    cancelling: list[_Heard] = []
    silent: list[_Heard] = []
    heard: list[_Heard] = []
    for recording, m in split.sound():
        group = silent if is_silent(m, limits) else heard
        (cancelling if m.channel_loss > limits.cancelling else group).append((recording, m))
    yield from _check(split, _silent_check(), silent)
    yield from _check(split, _cancelling_check(limits), cancelling)
    for check in _checks(limits, split.sample_freq):
        yield from _check(split, check, heard)
    yield from _format_findings(split)


def _check(split: Split, check: _Check, heard: Sequence[_Heard]) -> Iterator[Finding]:
    bad = [(check.badness(m), r, m) for r, m in heard]
    bad = sorted((item for item in bad if item[0] > 0), key=lambda item: -item[0])
    if bad:
        title = recordings(len(bad), check.single, check.several)
        title += _whose(split, [r for _, r, _ in bad])
        rows = [split.row_of(r, check.value(m)) for _, r, m in bad]
        yield Finding("warning", check.name, split.name, title, check.remedy, rows)


def _whose(split: Split, bad: Sequence[Recording]) -> str:
    """Says so if all of several recordings are of one speaker: then it is the microphone."""
    speakers = {split.speakers[recording.row] for recording in bad}
    if len(bad) < 3 or len(speakers) > 1 or None in speakers or len(set(split.speakers)) < 2:
        return ""
    return f", all of speaker {speakers.pop()}"


def _silent_check() -> _Check:
    return _Check(
        "silent file",
        "is silent",
        "are silent",
        "Fetch or record them again, or remove the rows: there is nothing to learn from.",
        lambda m: 2 - m.peak,  # all of them, the emptiest first
        _silence,
    )


def _cancelling_check(limits: Thresholds) -> _Check:
    return _Check(
        "channels",
        "has channels that cancel each other",
        "have channels that cancel each other",
        "Opposite phases: their mean, which is used, is almost silent. Keep one channel.",
        lambda m: m.channel_loss - limits.cancelling,
        lambda m: f"the mean is {m.channel_loss:.0f} dB below the channels",
    )


def _silence(m: Measurement) -> str:
    if m.constant:
        return f"{m.frames} samples, all equal"
    return f"peak {float(decibels(m.peak**2)):.0f} dBFS"


def _format_findings(split: Split) -> Iterator[Finding]:
    """Mixed rates and numbers of channels. Training's start says what becomes of them."""
    sound = list(split.sound())
    low = [(r, m) for r, m in sound if m.sample_freq < split.sample_freq]
    if low:
        rates = Counter(m.sample_freq for _, m in low)
        told = ", ".join(f"{rate} Hz" for rate in sorted(rates))
        mixed = len(low) < len(sound)
        title = recordings(
            len(low),
            f"has a lower sample rate ({told}) than the features",
            f"have a lower sample rate ({told}) than the features",
        )
        remedy = f"Set sample_freq to {min(rates)}: the upper features are empty."
        if mixed:
            remedy = "Some features are empty in these recordings only. " + remedy
        rows = [split.row_of(r, f"{m.sample_freq} Hz") for r, m in low] if mixed else []
        level = "warning" if mixed else "note"
        yield Finding(level, "sample rate", split.name, title, remedy, rows)
    for check, what, values in (
        ("sample rates", "sample rates", [f"{m.sample_freq} Hz" for _, m in sound]),
        ("channels", "numbers of channels", [f"{m.channels}" for _, m in sound]),
        ("codecs", "encodings", [m.codec for _, m in sound]),
    ):
        kinds = Counter(values)
        if len(kinds) > 1:
            shown = kinds.most_common(_KINDS_SHOWN)
            told = ", ".join(f"{name} ({count})" for name, count in shown)
            title = f"Recordings have different {what}: {told}"
            remedy = "It should not go with the speaker, nor with training or held-out data."
            yield Finding("note", f"mixed {check}", split.name, title, remedy)
