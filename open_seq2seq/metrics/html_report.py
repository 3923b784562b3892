"""An evaluation's report as one HTML file that needs nothing else: no network, no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from open_seq2seq.metrics.analysis import Analysis, Group, Mistake, ScoredUtterance
from open_seq2seq.metrics.error_rate import ErrorRate
from open_seq2seq.metrics.sound import Sound, sound_figure
from open_seq2seq.metrics.wording import caption, group_head, group_rows, other_figures, rates

MISTAKES_SHOWN = 25
# So many utterances are open at once; the rest are in the file, folded away.
UTTERANCES_SHOWN = 50

STYLE = """
:root { color-scheme: light dark; --text: #1d2433; --soft: #667085; --line: #d9dee7;
  --page: #f6f7f9; --card: #ffffff; --substituted: #b45f06; --deleted: #b3261e;
  --inserted: #1a5fb4; --right: #2e7d4f; --tint: 14%; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --soft: #98a2b3;
  --line: #353c4a; --page: #14171d; --card: #1c2028; --substituted: #f0a95b;
  --deleted: #f28b82; --inserted: #8ab4f8; --right: #81c995; --tint: 22%; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 1.25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h2 small, .soft { color: var(--soft); font-weight: normal; font-size: .85rem; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr));
  align-items: start; }
.card, details { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .9rem 1.1rem; }
.figure { font-size: 2rem; font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
.bar { display: flex; height: 10px; border-radius: 5px; overflow: hidden; background: var(--line);
  margin: .4rem 0 .6rem; }
.bar span { display: block; }
.legend span { margin-right: 1.1rem; white-space: nowrap; }
.legend span::before { content: ""; display: inline-block; width: .7em; height: .7em;
  margin-right: .4em; border-radius: 2px; background: currentColor; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: start; padding: .2rem .75rem .2rem 0; vertical-align: top;
  overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: normal; overflow-wrap: normal; }
td.count { text-align: end; white-space: nowrap; padding-right: 0;
  font-variant-numeric: tabular-nums; }
.scroll { max-height: 26rem; overflow-y: auto; margin-top: .4rem; }
.utterance { margin: 0 0 .75rem; }
.utterance h3 { margin: 0; font-size: .95rem; overflow-wrap: anywhere; }
.alignment { display: flex; flex-wrap: wrap; gap: .5rem .15rem; margin: .6rem 0 0; }
.alignment > span { display: flex; flex-direction: column; padding: 0 .25rem; border-radius: 4px;
  line-height: 1.45; }
.alignment .rows { color: var(--soft); font-size: .72rem; padding-right: .5rem;
  justify-content: space-around; user-select: none; }
.substituted { color: var(--substituted); }
.deleted { color: var(--deleted); }
.inserted { color: var(--inserted); }
.right { color: var(--right); }
.alignment .substituted, .alignment .deleted, .alignment .inserted { font-weight: 600;
  background: color-mix(in srgb, currentColor var(--tint), transparent); }
.alignment b { font-weight: inherit; }
.alignment i { font-style: normal; }
.gap { opacity: .55; font-weight: normal; text-align: center; }
.grid.wide { grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
.bar.small { height: 4px; margin: .15rem 0 .1rem; max-width: 12rem; }
table.groups td, table.groups th { padding: .2rem 0 .2rem .9rem; }
table.groups td:first-child, table.groups th:first-child { padding-left: 0; }
th.count { text-align: end; }
figure.sound { margin: .8rem 0 0; }
figure.sound .time { overflow-x: auto; }
figure.sound img { display: block; width: 100%; height: 120px; border-radius: 4px; }
figure.sound audio { display: block; width: 100%; max-width: 32rem; height: 34px;
  margin-top: .5rem; }
.track { position: relative; margin-top: 3px; border-top: 1px solid var(--line);
  font-size: .8rem; line-height: 1.3; }
.track span { position: absolute; white-space: nowrap; padding-left: 3px;
  border-left: 2px solid currentColor; }
.track span.soft { border: 0; font-size: .68rem; }
details { margin-top: .75rem; }
summary { cursor: pointer; }
details .utterance { border: 0; border-top: 1px solid var(--line); border-radius: 0;
  padding: .75rem 0 0; margin: .75rem 0 0; }
@media print { .scroll { max-height: none; } body { background: none; } }
"""


def render_html(
    analysis: Analysis,
    title: str,
    details: Mapping[str, object],
    sounds: Mapping[str, Sound] | None = None,
) -> str:
    """The report as a page; arguments as for `write_report`."""
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{escape(title)}</h1>",
        _cards(analysis),
        _facts(analysis, details),
        _groups(analysis),
        _mistakes(analysis),
        _wrong(analysis.wrong, sounds or {}),
        _right(analysis.right),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _cards(analysis: Analysis) -> str:
    cards = [
        f'<div class="card"><div class="soft">{name}</div><div class="figure">{rate}</div>'
        f'<div class="soft">{counts}</div></div>'
        for name, rate, counts in rates(analysis)
    ]
    return f'<div class="grid">{"".join(cards)}</div>\n{_bar(analysis.errors.words, analysis.unit)}'


def _facts(analysis: Analysis, details: Mapping[str, object]) -> str:
    """Other figures and the caller's details, side by side; nothing when there are none."""
    given = [(str(name), str(value)) for name, value in details.items()]
    tables = [
        _table(rows, kind)
        for rows, kind in ((given, "details"), (other_figures(analysis), "figures"))
        if rows
    ]
    cards = "".join(f'<div class="card">{table}</div>' for table in tables)
    return f'<div class="grid" style="margin-top:1rem">{cards}</div>' if tables else ""


def _bar(words: ErrorRate, unit: str) -> str:
    """The words of references and insertions as one bar of right and wrong ones."""
    counts = {
        "right": words.total - words.substitutions - words.deletions,
        "substituted": words.substitutions,
        "deleted": words.deletions,
        "inserted": words.insertions,
    }
    whole = max(sum(counts.values()), 1)
    pieces = "".join(
        f'<span class="{kind}" style="width:{100 * count / whole:.3f}%;'
        'background:currentColor"></span>'
        for kind, count in counts.items()
    )
    legend = "".join(
        f'<span class="{kind}">{count} {kind}</span>' for kind, count in counts.items()
    )
    return (
        f'<div class="card" style="margin-top:1rem"><div class="soft">{unit.capitalize()}s</div>'
        f'<div class="bar">{pieces}</div><div class="legend">{legend}</div></div>'
    )


def _table(rows: Iterable[tuple[str, str]], kind: str) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table class="{kind}">{cells}</table>'


def _groups(analysis: Analysis) -> str:
    """Error rates by speaker and by length, side by side, with bars."""
    cards = [
        _group_table(what, groups, analysis.unit)
        for what, groups in (("Speaker", analysis.speakers), ("Length", analysis.lengths))
        if groups
    ]
    if not cards:
        return ""
    return f'<h2>Where the errors are</h2>\n<div class="grid wide">{"".join(cards)}</div>'


def _group_table(what: str, groups: Sequence[Group], unit: str) -> str:
    highest = max(max(group.errors.words.rate for group in groups), 1e-9)
    head = "".join(f'<th class="count" scope="col">{name}</th>' for name in group_head(unit))
    rows = "".join(
        f'<tr><td dir="auto">{escape(name)}<div class="bar small">'
        f'<span class="substituted" style="width:{100 * group.errors.words.rate / highest:.1f}%;'
        f'background:currentColor"></span></div></td>'
        + "".join(f'<td class="count">{cell}</td>' for cell in cells)
        + "</tr>"
        for group, (name, *cells) in zip(groups, group_rows(groups, unit))
    )
    return (
        f'<div class="card"><div class="scroll"><table class="groups"><tr><th scope="col">{what}'
        f"</th>{head}</tr>{rows}</table></div></div>"
    )


def _mistakes(analysis: Analysis) -> str:
    """The most frequent substitutions, deletions and insertions, side by side."""
    unit = analysis.unit
    tables = [
        _mistake_table(f"Confused {unit}s", "substituted", analysis.substitutions),
        _mistake_table(f"Deleted {unit}s", "deleted", analysis.deletions),
        _mistake_table(f"Inserted {unit}s", "inserted", analysis.insertions),
    ]
    return f'<h2>What goes wrong most often</h2>\n<div class="grid">{"".join(tables)}</div>'


def _mistake_table(name: str, kind: str, mistakes: Sequence[Mistake[Any]]) -> str:
    shown = mistakes[:MISTAKES_SHOWN]
    rows = "".join(
        f'<tr><td dir="auto">{_mistake_key(mistake.key)}</td>'
        f'<td class="count">{mistake.count} of {mistake.occurrences}</td></tr>'
        for mistake in shown
    )
    number = f"{len(shown)} of {len(mistakes)}" if len(shown) < len(mistakes) else len(mistakes)
    return (
        f'<div class="card"><strong class="{kind}">{name}</strong> '
        f'<span class="soft">{number}</span>'
        f'<div class="scroll"><table class="mistakes {kind}-words">{rows}</table></div></div>'
    )


def _mistake_key(key: str | tuple[str, str]) -> str:
    if isinstance(key, str):
        return escape(key)
    return f'{escape(key[0])} <span class="soft">→</span> {escape(key[1])}'


def _wrong(wrong: Sequence[ScoredUtterance], sounds: Mapping[str, Sound]) -> str:
    parts = [
        f"<h2>Utterances with errors <small>{len(wrong)}, most errors first; "
        "upper line: reference, lower line: hypothesis</small></h2>"
    ]
    parts += [
        utterance_card(scored, sounds.get(scored.utterance.name))
        for scored in wrong[:UTTERANCES_SHOWN]
    ]
    folded = wrong[UTTERANCES_SHOWN:]
    if folded:
        parts.append(f"<details><summary>{len(folded)} more with errors</summary>")
        parts += [*(utterance_card(scored) for scored in folded), "</details>"]
    return "\n".join(parts)


def utterance_card(scored: ScoredUtterance, sound: Sound | None = None) -> str:
    """One utterance with its rates, reference above hypothesis; to be shown under `STYLE`.

    Args:
      sound: its picture and audio, where they are shown.
    """
    pairs = "".join(
        _pair(reference, hypothesis) for reference, hypothesis in scored.alignment.pairs
    )
    return (
        f'<div class="card utterance"><h3>{escape(scored.utterance.name)}</h3>'
        f'<div class="soft">{escape(caption(scored))}</div>'
        f'<div class="alignment" dir="auto">'
        f'<span class="rows" dir="ltr"><i>REF</i><i>HYP</i></span>{pairs}</div>'
        f"{sound_figure(sound) if sound else ''}</div>"
    )


def _pair(reference: str | None, hypothesis: str | None) -> str:
    """One column of the alignment: the reference's word above the hypothesis's."""
    if reference is None:
        return f'<span class="inserted">{_GAP}<b>{escape(hypothesis or "")}</b></span>'
    if hypothesis is None:
        return f'<span class="deleted"><b>{escape(reference)}</b>{_GAP}</span>'
    kind = "" if reference == hypothesis else ' class="substituted"'
    return f"<span{kind}><b>{escape(reference)}</b><b>{escape(hypothesis)}</b></span>"


_GAP = '<i class="gap">∗</i>'


def _right(right: Sequence[ScoredUtterance]) -> str:
    rows = ((one.utterance.name, one.utterance.hypothesis) for one in right)
    return (
        f"<h2>Utterances without errors <small>{len(right)}</small></h2>\n"
        f"<details><summary>Show them</summary>{_table(rows, 'right-utterances')}</details>"
    )
