"""The diagnosis for a terminal: short, aligned, the worst rows."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Sequence

from open_seq2seq.corpora.doctor.diagnosis import Diagnosis, summary
from open_seq2seq.corpora.doctor.findings import LEVELS, Finding, Row, counted, shorten
from open_seq2seq.files import JsonObject

_ROWS_SHOWN = 3
_INDENT = " " * 9
# Less of a name or a text than so many characters is not worth showing.
_LEAST = 12


def render_text(diagnosis: Diagnosis, width: int | None = None) -> str:
    """The report as lines of text.

    Args:
      width: of the terminal; None: what it is.
    """
    width = width or max(60, min(shutil.get_terminal_size().columns, 140))
    lines = [*_splits_table([summary(split) for split in diagnosis.splits]), ""]
    for finding in diagnosis.findings:
        lines += _finding(finding, width)
    lines.append(totals(diagnosis))
    return "\n".join(lines)


def totals(diagnosis: Diagnosis) -> str:
    """`1 error, 2 warnings, 5 notes`."""
    found = [counted(diagnosis.count(level), level, f"{level}s") for level in LEVELS]
    return ", ".join(found)


def _splits_table(splits: list[JsonObject]) -> list[str]:
    head = ["", "rows", "hours", "speakers", "seconds (median)", "characters/s", "words"]
    table = [head]
    for split in splits:
        seconds, rate = split["seconds"], split["characters_per_second"]
        table.append(
            [
                split["name"],
                f"{split['utterances']}",
                f"{split['hours']:.2f}",
                f"{split['speakers'] or '?'}",
                f"{seconds['min']:.2f} to {seconds['max']:.2f} ({seconds['median']:.2f})"
                if seconds
                else "?",
                f"{rate['median']:.1f}" if rate else "?",
                f"{split['words']}",
            ]
        )
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    return [
        "  ".join(
            cell.ljust(size) if column == 0 else cell.rjust(size)
            for column, (cell, size) in enumerate(zip(line, widths))
        ).rstrip()
        for line in table
    ]


def _finding(finding: Finding, width: int) -> list[str]:
    lines = [f"{finding.level.upper():8} {finding.split}: {finding.title}"]
    shown = finding.rows[:_ROWS_SHOWN]
    lines += [_INDENT + line for line in _rows(shown, width - len(_INDENT))]
    if len(finding.rows) > len(shown):
        lines.append(f"{_INDENT}... and {len(finding.rows) - len(shown)} more")
    if finding.remedy:
        lines += textwrap.wrap(
            "-> " + finding.remedy,
            width,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT + "   ",
            break_on_hyphens=False,
        )
    return [*lines, ""]


def _rows(rows: Sequence[Row], width: int) -> list[str]:
    """What was found, where, and as much of name and text as there is room for."""
    values = [shorten(row.value, width * 2 // 3) for row in rows]
    column = max(map(len, values), default=0)
    lines = []
    for row, value in zip(rows, values):
        place = os.path.relpath(row.where) if os.path.isabs(row.where) else row.where
        line = "  ".join(filter(None, [value.ljust(column), min(place, row.where, key=len)]))
        for extra in (row.name, row.text):
            room = width - len(line) - 2
            if extra and room >= _LEAST:
                line += "  " + (_ending(extra, room) if extra == row.name else shorten(extra, room))
        lines.append(line.rstrip())
    return lines


def _ending(path: str, length: int) -> str:
    """The end of a long path, which tells more than its beginning."""
    return path if len(path) <= length else "…" + path[len(path) - length + 1 :]
