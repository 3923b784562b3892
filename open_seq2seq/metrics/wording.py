"""How a report's figures are written, the same in text and in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.metrics.analysis import Analysis, Group, ScoredUtterance

# Of characters nothing is said where they spell phonemes.
_WORDS, _PHONEMES = "word", "phoneme"


def error_label(unit: str) -> str:
    """What the error rate of a unit is called: WER, PER."""
    return "PER" if unit == _PHONEMES else "WER"


def group_head(unit: str) -> tuple[str, ...]:
    """The columns of `group_rows` behind the name."""
    rates = ("PER",) if unit == _PHONEMES else ("WER", "CER")
    return (*rates, f"{unit}s", "utterances", "audio")


def percent(rate: float) -> str:
    """`12.34 %`."""
    return f"{100 * rate:.2f} %"


def rates(analysis: Analysis) -> list[tuple[str, str, str]]:
    """The rates of the whole set: name, rate, and the counts behind it."""
    words, characters, unit = analysis.errors.words, analysis.errors.characters, analysis.unit
    rows = [
        (
            f"{unit.capitalize()} error rate",
            percent(words.rate),
            f"{words.errors} errors in {words.total} {unit}s",
        ),
        (
            "Character error rate",
            percent(characters.rate),
            f"{characters.errors} errors in {characters.total} characters",
        ),
        (
            "Utterances with errors",
            percent(words.utterance_rate),
            f"{words.wrong_utterances} of {words.utterances}",
        ),
    ]
    return rows if unit == _WORDS else [rows[0], rows[2]]


def other_figures(analysis: Analysis) -> list[tuple[str, str]]:
    """What else is known of the whole set, name and value."""
    words = analysis.errors.words
    rows = []
    if words.empty_references:
        rows.append(("Empty references", str(words.empty_references)))
    if analysis.seconds is not None:
        rows.append(("Audio", duration(analysis.seconds, decimals=2)))
    for name, value in (
        ("Mean confidence without errors", analysis.confidence_right),
        ("Mean confidence with errors", analysis.confidence_wrong),
    ):
        if value is not None:
            rows.append((name, f"{value:.3f}"))
    return rows


def group_rows(groups: Sequence[Group], unit: str) -> list[tuple[str, ...]]:
    """A table of groups, with the columns of `group_head` behind the name."""
    return [
        (
            group.name,
            percent(group.errors.words.rate),
            *([percent(group.errors.characters.rate)] if unit == _WORDS else []),
            str(group.errors.words.total),
            str(group.errors.words.utterances),
            duration(group.seconds, decimals=2) if group.seconds else "",
        )
        for group in groups
    ]


def duration(seconds: float, decimals: int = 0) -> str:
    """`45 s`, `3 min 20 s` or `1 h 02 min`; below a minute with so many decimals."""
    if round(seconds, decimals) < 60:
        return f"{seconds:.{decimals}f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


def caption(scored: ScoredUtterance) -> str:
    """One utterance's figures in one line."""
    words, characters = scored.words, scored.characters
    unit = scored.utterance.unit
    parts = [
        f"{error_label(unit)} {percent(words.rate)} ({words.errors} of {words.total}: "
        f"{words.substitutions} substituted, {words.deletions} deleted, "
        f"{words.insertions} inserted)",
        *([f"CER {percent(characters.rate)}"] if unit == _WORDS else []),
    ]
    if scored.utterance.duration is not None:
        parts.append(duration(scored.utterance.duration, decimals=2))
    if scored.utterance.confidence is not None:
        parts.append(f"confidence {scored.utterance.confidence:.3f}")
    return ", ".join(parts)
