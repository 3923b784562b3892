"""The results as lines, as files, and against limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject, write_csv, write_whole
from open_seq2seq.robustness.conditions import CLEAN, Condition
from open_seq2seq.robustness.measure import Result

FORMATS = (".csv", ".json")


def header(result: Result) -> str:
    """What stands above the lines of results."""
    return f"{'condition':26} {result.label:>9} {'CER':>9} {result.label + ' - clean':>12}"


def line(result: Result) -> str:
    """A result under `header`."""
    increase = "" if result.condition is CLEAN else f"{result.increase:+.2f}"
    text = f"{result.condition.name:26} {result.wer:>7.2f} % {result.cer:>7.2f} % {increase:>12}"
    if result.condition is CLEAN or result.changed == 1:
        return text
    return f"{text}  ({result.changed:.0%} of the recordings have a place for it)"


def row(result: Result) -> JsonObject:
    """A result for a table; rates in percent."""
    words, characters = result.errors.words, result.errors.characters
    return {
        "condition": result.condition.name,
        "group": result.condition.group,
        "description": result.condition.label,
        "wer": round(result.wer, 4),
        "cer": round(result.cer, 4),
        "wer_increase": round(result.increase, 4),
        "word_errors": words.errors,
        "substitutions": words.substitutions,
        "deletions": words.deletions,
        "insertions": words.insertions,
        "words": words.total,
        "character_errors": characters.errors,
        "characters": characters.total,
        "changed": round(result.changed, 4),
    }


def write_results(path: Path, results: Sequence[Result], about: JsonObject) -> None:
    """Writes a CSV with a row for each result, or a JSON object with `about` and `results`.

    Args:
      path: its ending, one of `FORMATS`, tells which.
      about: what was measured.

    Raises:
      RunError: it cannot be written.
    """
    rows = [row(result) for result in results]
    if path.suffix.lower() == ".csv":
        write_csv(path, rows)
    else:
        content = {**about, "results": rows}
        write_whole(path, json.dumps(content, indent=1, ensure_ascii=False))


@dataclass(frozen=True)
class Limits:
    """What may not be exceeded, in percent and points; by condition's or group's name.

    Args:
      wer: the highest WER; of "" for all that have none of their own.
      increase: the same for the WER's difference to that of the clean recordings.
    """

    wer: Mapping[str, float]
    increase: Mapping[str, float]

    def exceeded(self, results: Sequence[Result]) -> list[str]:
        """A sentence for each result and limit that it exceeds."""
        found = []
        for result in results:
            name, rate = result.condition.name, result.label
            limit = _limit(self.wer, result.condition)
            if limit is not None and result.wer > limit:
                found.append(f"{name}: {rate} {result.wer:.2f} %, limit {limit:g} %")
            limit = _limit(self.increase, result.condition)
            if limit is not None and result.increase > limit:
                found.append(
                    f"{name}: {rate} {result.increase:.2f} points above the clean "
                    f"one, limit {limit:g}"
                )
        return found


def _limit(limits: Mapping[str, float], condition: Condition) -> float | None:
    """The nearest limit: the condition's, its group's, that of all."""
    for name in (condition.name, condition.group, ""):
        if name in limits:
            return limits[name]
    return None


def parse_limits(
    flag: str, given: Sequence[str], conditions: Sequence[Condition]
) -> dict[str, float]:
    """`["2", "noise=10"]` as limits by name.

    Args:
      flag: of the command line, for messages.
      given: `[NAME=]NUMBER` each, NAME a group or a condition.
      conditions: those that are measured.

    Raises:
      InputError: listing what is not of this form, or limits something that is not measured.
    """
    measured = {name for one in (CLEAN, *conditions) for name in (one.name, one.group)}
    limits: dict[str, float] = {}
    problems = []
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            limits[name] = float(number)
        except ValueError:
            problems.append(Problem(flag, repr(text), "a number, or NAME=NUMBER"))
        if name and name not in measured:
            names = dict.fromkeys(one.group for one in (CLEAN, *conditions))
            expected = f"one of {', '.join(names)}, or a condition's name"
            problems.append(Problem(flag, f"{name!r}, which is not measured", expected))
    if problems:
        raise InputError("The limits cannot be used:", problems)
    return limits
