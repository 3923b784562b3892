"""How a report's figures are written, the same in text and in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.metrics.analysis import Analysis, Group, ScoredUtterance

GROUP_HEAD = ("WER", "CER", "words", "utterances", "audio")


def percent(rate: float) -> str:
    """`12.34 %`."""
    return f"{100 * rate:.2f} %"


def rates(analysis: Analysis) -> list[tuple[str, str, str]]:
    """The rates of the whole set: name, rate, and the counts behind it."""
    words, characters = analysis.errors.words, analysis.errors.characters
    return [
        (
            "Word error rate",
            percent(words.rate),
            f"{words.errors} errors in {words.total} words",
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


def group_rows(groups: Sequence[Group]) -> list[tuple[str, ...]]:
    """A table of groups, with the columns of `GROUP_HEAD` behind the name."""
    return [
        (
            group.name,
            percent(group.errors.words.rate),
            percent(group.errors.characters.rate),
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
    parts = [
        f"WER {percent(words.rate)} ({words.errors} of {words.total}: "
        f"{words.substitutions} substituted, {words.deletions} deleted, "
        f"{words.insertions} inserted)",
        f"CER {percent(characters.rate)}",
    ]
    if scored.utterance.duration is not None:
        parts.append(duration(scored.utterance.duration, decimals=2))
    if scored.utterance.confidence is not None:
        parts.append(f"confidence {scored.utterance.confidence:.3f}")
    return ", ".join(parts)
