"""An evaluation's report as plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from open_seq2seq.metrics.analysis import Analysis, ScoredUtterance
from open_seq2seq.metrics.wording import caption, group_head, group_rows, other_figures, rates

LINE_WIDTH = 100
MISTAKES_SHOWN = 20


def render_text(analysis: Analysis, title: str, details: Mapping[str, object]) -> str:
    """The report as text; arguments as for `write_report`."""
    lines = [title, "=" * _width(title), ""]
    words, unit = analysis.errors.words, analysis.unit
    lines += _table(
        [
            *((name, f"{rate} ({counts})") for name, rate, counts in rates(analysis)),
            (f"Substituted {unit}s", str(words.substitutions)),
            (f"Deleted {unit}s", str(words.deletions)),
            (f"Inserted {unit}s", str(words.insertions)),
            *other_figures(analysis),
        ]
    )
    if details:
        lines += ["", *_table((str(name), str(value)) for name, value in details.items())]
    for what, groups in (("speaker", analysis.speakers), ("length", analysis.lengths)):
        if groups:
            lines += [*_heading(f"Error rates by {what}"), ""]
            lines += _columns([(what, *group_head(unit)), *group_rows(groups, unit)])
    lines += _mistakes(analysis)
    lines += _heading(f"Utterances with errors ({len(analysis.wrong)}), most errors first")
    for number, scored in enumerate(analysis.wrong, 1):
        lines += ["", f"{number}. {scored.utterance.name}", f"   {caption(scored)}"]
        lines += _alignment(scored)
    lines += [*_heading(f"Utterances without errors ({len(analysis.right)})"), ""]
    lines += [f"{one.utterance.name}: {one.utterance.hypothesis}" for one in analysis.right]
    return "\n".join(lines) + "\n"


def _heading(text: str) -> list[str]:
    return ["", "", text, "-" * _width(text)]


def _mistakes(analysis: Analysis) -> list[str]:
    """The most frequent substitutions, deletions and insertions."""
    pairs = [(f"{m.key[0]} -> {m.key[1]}", m) for m in analysis.substitutions]
    deleted = [(m.key, m) for m in analysis.deletions]
    inserted = [(m.key, m) for m in analysis.insertions]
    lines = []
    for what, rows in (("Confused", pairs), ("Deleted", deleted), ("Inserted", inserted)):
        shown = rows[:MISTAKES_SHOWN]
        count = f"{len(shown)} of {len(rows)}" if len(shown) < len(rows) else str(len(rows))
        lines += [*_heading(f"{what} {analysis.unit}s ({count})"), ""]
        lines += _table((name, f"{m.count} of {m.occurrences}") for name, m in shown)
    return lines


def _alignment(scored: ScoredUtterance) -> list[str]:
    """The alignment in three rows (reference, hypothesis, S D I), wrapped."""
    lines: list[str] = []
    rows = ["   REF:", "   HYP:", "       "]
    for reference, hypothesis in scored.alignment.pairs:
        width = max(_width(reference or ""), _width(hypothesis or ""))
        mark = "D" if hypothesis is None else "I" if reference is None else "S"
        if reference == hypothesis:
            mark = ""
        if _width(rows[0]) + 1 + width > LINE_WIDTH and _width(rows[0]) > len("   REF:"):
            lines += [row.rstrip() for row in rows]
            rows = ["   REF:", "   HYP:", "       "]
        cells = (reference or "*" * width, hypothesis or "*" * width, mark)
        rows = [f"{row} {_pad(cell, width)}" for row, cell in zip(rows, cells)]
    return lines + [row.rstrip() for row in rows]


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    width = max((_width(name) for name, _ in rows), default=0)
    return [f"{_pad(name, width)}  {value}" for name, value in rows]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of any number of columns, the first to the left, the others to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows)]
    return [
        "  ".join(
            _pad(cell, width) if not place else " " * (width - _width(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns of a terminal: two for wide East Asian characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
