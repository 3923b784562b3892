"""N-best lists: the JSON lines of scripts/decode.py, and OpenSeq2Seq's dump of beams."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject, parsed_json, write_csv, write_whole

# Fewer lists say nothing about the order of all.
_FEWEST_LISTS = 10
BEGIN, END = "B=>>>>>>>>", "E=>>>>>>>>"


@dataclass(frozen=True)
class Hypothesis:
    """One text of an n-best list.

    Args:
      text: words with one space between.
      score: the decoder's, natural log.
      acoustic_score: the part of it without language model; `score` where it is not known.
      lm_score: the rest, weighted.
      numbers: the three numbers of a line of OpenSeq2Seq's dump, as they are written there.
    """

    text: str
    score: float
    acoustic_score: float
    lm_score: float = 0.0
    numbers: tuple[str, ...] = ()


@dataclass
class NBest:
    """The hypotheses for one utterance, best first.

    Args:
      name: the recording's; "" in a dump, which has none.
      reference: what was said, None if it is not known.
      hypotheses: none when the decoder had none.
      record: the JSON object that it came from.
    """

    name: str
    reference: str | None
    hypotheses: list[Hypothesis]
    record: dict[str, Any] = field(default_factory=dict)


def read_nbest(path: str, references: str | None = None) -> list[NBest]:
    """Reads n-best lists of either kind.

    Args:
      path: JSON lines, or a dump of beams.
      references: a manifest with the texts; those of JSON lines are found by name, those of a
        dump by their order.

    Raises:
      InputError: the file, or a line of it, is not what it should be.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise InputError(
            "The n-best lists cannot be read:", [Problem(path, found, "a file of text")]
        ) from error
    first = next((line for line in lines if line.strip()), "")
    problems: list[Problem] = []
    is_dump = first.startswith(BEGIN[:2])
    lists = (_dumped if is_dump else _json_lines)(path, lines, problems)
    if not lists and not problems:
        problems.append(Problem(path, "no utterances", "JSON lines, or a dump of beams"))
    if not problems and (problem := _costs(path, lists)):
        problems.append(problem)
    if problems:
        raise InputError("The n-best lists cannot be used:", problems)
    if references is not None:
        _add_references(lists, path, references)
    return lists


def _json_lines(path: str, lines: Sequence[str], problems: list[Problem]) -> list[NBest]:
    lists = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            record = parsed_json(line)
            hypotheses = [
                _hypothesis(one)
                for one in record.get("nbest") or ([record] if "text" in record else [])
            ]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            expected = "a JSON object with nbest, a list of text and score"
            problems.append(Problem(where, f"{type(error).__name__}: {error}", expected))
            continue
        name, reference = record.get("wav_filename") or "", record.get("reference")
        if reference is not None and not isinstance(reference, str):
            problems.append(Problem(where, f"reference {reference!r}", "a text"))
            continue
        lists.append(NBest(str(name), reference, hypotheses, record))
    return lists


def _costs(path: str, lists: Sequence[NBest]) -> Problem | None:
    """Whether the scores seem to be costs: lower for the better ones, which come first."""
    several = [one.hypotheses for one in lists if len(one.hypotheses) > 1]
    pairs = [(first.score, last.score) for first, *_, last in several]
    rising = sum(first < last for first, last in pairs)
    if len(pairs) < _FEWEST_LISTS or rising < 0.9 * len(pairs):
        return None
    found = f"scores that rise from the first to the last hypothesis in {rising} of {len(pairs)}"
    remedy = "Costs (negated logarithms) have to change their sign."
    return Problem(path, f"{found} lists", "log probabilities, the best first", remedy)


def _hypothesis(one: dict[str, Any]) -> Hypothesis:
    score = float(one["score"])
    acoustic = one.get("acoustic_score")
    lm_score = float(one.get("lm_score") or 0.0)
    text = " ".join(str(one["text"]).split())
    if acoustic is None:
        acoustic, lm_score = score, 0.0
    if not all(map(math.isfinite, (score, float(acoustic), lm_score))):
        raise ValueError("a score that is not finite")
    return Hypothesis(text, score, float(acoustic), lm_score)


def _dumped(path: str, lines: Sequence[str], problems: list[Problem]) -> list[NBest]:
    lists: list[NBest] = []
    is_open = False
    for number, line in enumerate(lines, start=1):
        where = f"{path}:{number}"
        if line.startswith((BEGIN[:2], END[:2])) and set(line[2:].strip()) <= {">"}:
            begins = line.startswith(BEGIN[:2])
            if begins == is_open:
                problems.append(Problem(where, line[:12], END if is_open else BEGIN))
            if begins:
                lists.append(NBest("", None, []))
            is_open = begins
        elif line.strip():
            numbers, text = line.split(maxsplit=3)[:3], line.split(maxsplit=3)[3:]
            try:
                score, *_ = map(float, numbers)
                if len(numbers) < 3 or not is_open or not math.isfinite(score):
                    raise ValueError
            except ValueError:
                expected = f"three numbers and a text, between {BEGIN} and {END}"
                problems.append(Problem(where, repr(line[:60]), expected))
                continue
            words = " ".join(" ".join(text).split())
            lists[-1].hypotheses.append(Hypothesis(words, score, score, 0.0, tuple(numbers)))
    if is_open:
        problems.append(Problem(path, "the end of the file", END))
    return lists


def _add_references(lists: Sequence[NBest], path: str, references: str) -> None:
    rows = read_manifests([references], need_transcript=True)
    if not any(one.name for one in lists):
        if len(rows) != len(lists):
            found = f"{len(lists)} utterances in {path}, {len(rows)} rows in {references}"
            raise InputError(
                "The references do not fit:", [Problem(references, found, "as many of both")]
            )
        for one, row in zip(lists, rows):
            one.name, one.reference = row.name + row.segment, row.transcript
        return
    texts = {row.name + row.segment: row.transcript for row in rows}
    texts |= {os.path.abspath(row.path) + row.segment: row.transcript for row in rows}
    problems = []
    for one in lists:
        text = texts.get(one.name, texts.get(os.path.abspath(one.name)))
        if text is None:
            problems.append(Problem(references, f"no row of {one.name}", "its text"))
        one.reference = text
    if problems:
        raise InputError("The references do not fit:", problems)


def write_rescored(
    path: str, lists: Sequence[NBest], orders: Sequence[Sequence[JsonObject]]
) -> None:
    """Writes JSON lines as they were read, with the n-best in a new order.

    Args:
      orders: for each utterance its hypotheses as JSON objects, best first.
    """
    lines = []
    for one, order in zip(lists, orders):
        record = {"wav_filename": one.name, "reference": one.reference, **one.record}
        record["reference"] = one.reference
        best = order[0] if order else {"text": "", "score": 0.0}
        if best["text"] != record.get("text"):
            record["words"] = []  # the times were those of another text
        record |= {**best, "nbest": list(order)}
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    write_whole(path, "".join(lines))


def write_transcripts(path: str, lists: Sequence[NBest], texts: Sequence[str]) -> None:
    """Writes the CSV that inference writes: wav_filename, predicted_transcript."""
    pairs = zip(lists, texts)
    write_csv(path, [{"wav_filename": o.name, "predicted_transcript": text} for o, text in pairs])


def write_beam_dump(
    path: str, lists: Sequence[NBest], nlm_scores: Sequence[Sequence[float]]
) -> None:
    """Writes OpenSeq2Seq's dump with a neural model's scores before the numbers it had."""
    lines = []
    for one, scores in zip(lists, nlm_scores):
        lines.append(BEGIN)
        for hypothesis, score in zip(one.hypotheses, scores):
            numbers = hypothesis.numbers or (str(hypothesis.score), "0.0", "0.0")
            lines.append("\t".join([str(score), *numbers, hypothesis.text]))
        lines.append(END)
    write_whole(path, "".join(f"{line}\n" for line in lines))
