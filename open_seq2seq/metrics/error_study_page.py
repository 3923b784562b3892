"""A study of errors as Markdown, for a page of docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from open_seq2seq.metrics.analysis import ScoredUtterance, analyse
from open_seq2seq.metrics.error_rate import ErrorRate
from open_seq2seq.metrics.error_study import (
    Changes,
    Confusions,
    Sounds,
    WordGroup,
    by_occurrences,
    by_word_length,
    changes,
    confusions,
)
from open_seq2seq.metrics.wording import percent

_NOTHING = "nothing"


def study_page(
    results: Mapping[str, Sequence[ScoredUtterance]],
    sounds: Sounds,
    occurrences: Mapping[str, int] | None = None,
    shown: int = 20,
) -> str:
    """The study as Markdown.

    Args:
      results: of the same utterances in the same order, by name; the first is what the others are
        compared with.
      sounds: of a word; None: not known.
      occurrences: of each word of the training transcripts.
      shown: rows of each list.
    """
    names, scored = list(results), list(results.values())
    head = ["", *(f"{name}, %" for name in names)]
    parts = [_rates(results)]
    speakers = _speakers(scored)
    if speakers:
        parts += ["## Word error rate by speaker", _table([["speaker", *head[1:]], *speakers])]
    parts += ["## Wrong words by their length", _groups(by_word_length(scored), names)]
    if occurrences is not None:
        title = "## Wrong words by how often training has them"
        parts += [title, _groups(by_occurrences(scored, occurrences), names)]
    for name, one in results.items():
        parts += [f"## Confused sounds, {name}", *_sounds(confusions(one, sounds), shown)]
    for name in names[1:]:
        parts += [f"## What {name} mends and breaks", *_changes(names[0], name, results, shown)]
    return "\n\n".join(parts) + "\n"


def _rates(results: Mapping[str, Sequence[ScoredUtterance]]) -> str:
    rows = [["result", "WER, %", "CER, %", "substituted", "deleted", "inserted", "words"]]
    for name, scored in results.items():
        words = sum((one.words for one in scored), ErrorRate())
        characters = sum((one.characters for one in scored), ErrorRate())
        counts = (words.substitutions, words.deletions, words.insertions, words.total)
        rows.append([name, _percent(words.rate), _percent(characters.rate), *map(str, counts)])
    return _table(rows)


def _speakers(results: Sequence[Sequence[ScoredUtterance]]) -> list[list[str]]:
    by_speaker = [
        {group.name: group for group in analyse([one.utterance for one in scored]).speakers}
        for scored in results
    ]
    return [
        [name, *(_percent(groups[name].errors.words.rate) for groups in by_speaker)]
        for name in by_speaker[0]
    ]


def _groups(groups: Sequence[WordGroup], names: Sequence[str]) -> str:
    rows = [["", "words", *(f"{name}, %" for name in names)]]
    for group in groups:
        rates = [_percent(wrong / group.words) for wrong in group.wrong]
        rows.append([group.name, str(group.words), *rates])
    return _table(rows)


def _sounds(found: Confusions, shown: int) -> list[str]:
    rows = [["said", "heard", "times", "of its occurrences, %"]]
    for (said, heard), count in _most(found.pairs, shown):
        share = _percent(count / found.sounds[said]) if said else ""
        rows.append([said or _NOTHING, heard or _NOTHING, str(count), share])
    left_out = sum(found.left_out.values())
    note = [f"Stretches with {left_out} words whose sounds are not known are left out."]
    return [_table(rows), *(note if left_out else [])]


def _changes(
    first: str, second: str, results: Mapping[str, Sequence[ScoredUtterance]], shown: int
) -> list[str]:
    found = changes(results[first], results[second])
    summary = (
        f"Of {_total(found)} words both have {found.right} right and {found.wrong} wrong; "
        f"{second} mends {found.mended.total()} and breaks {found.broken.total()}."
    )
    tables = []
    for title, pairs in (("mended", found.mended), ("broken", found.broken)):
        before = first if title == "mended" else second
        rows = [[title, f"{before} has", "times"]]
        rows += [[word, heard or _NOTHING, str(n)] for (word, heard), n in _most(pairs, shown)]
        tables.append(_table(rows))
    return [summary, *tables]


def _total(found: Changes) -> int:
    return found.right + found.wrong + found.mended.total() + found.broken.total()


def _most(counts: Counter[tuple[str, str]], shown: int) -> list[tuple[tuple[str, str], int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:shown]


def _percent(rate: float) -> str:
    return percent(rate).removesuffix(" %")


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
