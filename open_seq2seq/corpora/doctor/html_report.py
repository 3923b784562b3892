"""The diagnosis as one HTML page that needs nothing else: no network, no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from open_seq2seq.corpora.doctor.characters import count_characters, shown
from open_seq2seq.corpora.doctor.diagnosis import Diagnosis, summary
from open_seq2seq.corpora.doctor.findings import LEVELS, Finding, Row, counted, shorten
from open_seq2seq.corpora.doctor.pictures import draw_pictures
from open_seq2seq.corpora.doctor.split import Split
from open_seq2seq.files import JsonObject

# So many rows of a finding are in the page; the rest is only counted.
_ROWS_SHOWN = 25
_CHARACTERS_SHOWN = 200

_MEANING = {
    "error": "Training refuses these rows, or ends when it reads them.",
    "warning": "Training goes on, and its result is worse or cannot be trusted.",
    "note": "Good to know.",
}

_STYLE = """
:root { color-scheme: light dark; --text: #1d2433; --soft: #667085; --line: #d9dee7;
  --page: #f6f7f9; --card: #ffffff; --error: #b3261e; --warning: #a35c00; --note: #1a5fb4;
  --good: #2e7d4f; --first: #3b82c4; --second: #e08a2e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --soft: #98a2b3;
  --line: #353c4a; --page: #14171d; --card: #1c2028; --error: #f28b82; --warning: #f0a95b;
  --note: #8ab4f8; --good: #81c995; --first: #6aa8e0; --second: #f0a95b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h2 small, .soft { color: var(--soft); font-weight: normal; font-size: .85rem; }
p { margin: .3rem 0; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
.pictures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.card, details { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .9rem 1.1rem; }
.card svg { display: block; width: 100%; height: auto; }
.card svg text { font-family: inherit !important; }
.figure { font-size: 2rem; font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
.error { color: var(--error); } .warning { color: var(--warning); } .note { color: var(--note); }
.good { color: var(--good); }
.wide { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: start; padding: .25rem 1rem .25rem 0; vertical-align: top; }
th { color: var(--soft); font-weight: normal; white-space: nowrap; }
td.number, th.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr + tr td { border-top: 1px solid var(--line); }
details { margin-top: .75rem; }
summary { cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 999px;
  padding: 0 .55rem; margin-right: .35rem; font-size: .75rem; font-weight: 600; }
.rows { max-height: 22rem; overflow: auto; margin: .5rem 0; }
.rows td:first-child { min-width: 10rem; }
.rows td { overflow-wrap: anywhere; min-width: 7rem; }
.rows td.text { color: var(--soft); min-width: 12rem; }
.characters { columns: 17rem auto; column-gap: 2rem; font-size: .85rem; }
.characters div { display: flex; justify-content: space-between; gap: 1rem; break-inside: avoid;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) {
  main { padding: 1.25rem .75rem 3rem; } .figure { font-size: 1.6rem; }
  .rows tr { display: block; padding: .3rem 0; border-top: 1px solid var(--line); }
  .rows td { display: block; border: 0 !important; padding: 0; } }
@media print { .rows { max-height: none; } body { background: none; } }
"""


def render_html(diagnosis: Diagnosis, title: str = "Data doctor") -> str:
    """The page of a diagnosis."""
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(_files(diagnosis.splits))}</p>',
        _cards(diagnosis),
        _data_table([summary(split) for split in diagnosis.splits]),
        *[_section(diagnosis, level) for level in LEVELS],
        "<h2>Pictures</h2>",
        '<div class="pictures">',
        *[f'<div class="card">{svg}</div>' for svg in draw_pictures(diagnosis.splits)],
        "</div>",
        _characters(diagnosis.splits),
        _limits(asdict(diagnosis.limits)),
    ]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
            *body,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _files(splits: Sequence[Split]) -> str:
    return "; ".join(f"{split.name}: {', '.join(split.files)}" for split in splits)


def _cards(diagnosis: Diagnosis) -> str:
    cards = []
    for level in LEVELS:
        count = diagnosis.count(level)
        colour = level if count else "good"
        name = level if count == 1 else f"{level}s"
        cards.append((f'<div class="figure {colour}">{count}</div>', name))
    splits = [summary(split) for split in diagnosis.splits]
    hours = sum(split["hours"] for split in splits)
    rows = sum(split["utterances"] for split in splits)
    cards.append((f'<div class="figure">{rows:,}</div>', counted(rows, "row", "rows").split()[1]))
    cards.append((f'<div class="figure">{hours:.2f}</div>', "hours"))
    inner = "".join(f'<div class="card">{figure}{name}</div>' for figure, name in cards)
    return f'<div class="grid" style="margin-top:1.25rem">{inner}</div>'


def _data_table(splits: Sequence[JsonObject]) -> str:
    head = ("", "rows", "hours", "seconds", "median", "characters/s", "speakers",
            "different texts", "words", "different words", "encodings")  # fmt: skip
    lines = [_line("th", head)]
    for split in splits:
        seconds, rate = split["seconds"], split["characters_per_second"]
        cells = (
            split["name"],
            f"{split['utterances']:,}",
            f"{split['hours']:.2f}",
            f"{seconds['min']:.2f}–{seconds['max']:.2f}" if seconds else "–",
            f"{seconds['median']:.2f}" if seconds else "–",
            f"{rate['median']:.1f}" if rate else "–",
            f"{split['speakers'] or 'unknown'}",
            f"{split['texts']:,}",
            f"{split['words']:,}",
            f"{split['different_words']:,}",
            ", ".join(list(split["codecs"])[:4]) or "–",
        )
        lines.append(_line("td", cells))
    return f'<div class="card wide"><table>{"".join(lines)}</table></div>'


def _line(tag: str, cells: Sequence[str]) -> str:
    inner = "".join(
        f"<{tag}{'' if place == 0 else ' class=number'}>{escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    )
    return f"<tr>{inner}</tr>"


def _section(diagnosis: Diagnosis, level: str) -> str:
    findings = [finding for finding in diagnosis.findings if finding.level == level]
    if not findings:
        return ""
    heading = f"{level.capitalize()}s <small>{escape(_MEANING[level])}</small>"
    return "\n".join([f"<h2>{heading}</h2>", *map(_finding, findings)])


def _finding(finding: Finding) -> str:
    tag = f'<span class="tag {finding.level}">{escape(finding.check)}</span>'
    is_open = " open" if finding.level != "note" else ""
    title = f"{tag} {escape(finding.split)}: {escape(finding.title)}"
    lines = [f"<details{is_open}><summary>{title}</summary>"]
    if finding.remedy:
        lines.append(f"<p>{escape(finding.remedy)}</p>")
    if finding.rows:
        rows = "".join(map(_row, finding.rows[:_ROWS_SHOWN]))
        lines.append(f'<div class="rows"><table>{rows}</table></div>')
    more = len(finding.rows) - _ROWS_SHOWN
    if more > 0:
        lines.append(f'<p class="soft">… and {more:,} more, which --json lists.</p>')
    return "".join([*lines, "</details>"])


def _row(row: Row) -> str:
    place = escape(row.where)
    if row.name:
        place += f'{"<br>" if place else ""}<span class="soft">{escape(row.name)}</span>'
    text = f'<td class="text">{escape(row.text)}</td>' if row.text else "<td></td>"
    return f"<tr><td>{escape(shorten(row.value, 300))}</td><td>{place}</td>{text}</tr>"


def _characters(splits: Sequence[Split]) -> str:
    """Every character with its count, the most frequent ones first."""
    counts = count_characters(text for split in splits for text in split.texts)
    if not counts:
        return ""
    lines = [
        f"<div><span>{escape(shown(c))}</span><span>{n:,}</span></div>"
        for c, n in counts.most_common(_CHARACTERS_SHOWN)
    ]
    more = len(counts) - len(lines)
    ending = f'<p class="soft">… and {more:,} more.</p>' if more else ""
    title = counted(len(counts), "character", "characters")
    return (
        f"<details><summary>{title}, with counts</summary>"
        f'<div class="characters">{"".join(lines)}</div>{ending}</details>'
    )


def _limits(limits: JsonObject) -> str:
    lines = "".join(
        f"<div><span>{escape(name)}</span><span>{value:g}</span></div>"
        for name, value in limits.items()
    )
    return (
        "<details><summary>Limits of the checks</summary>"
        f'<div class="characters">{lines}</div></details>'
    )
