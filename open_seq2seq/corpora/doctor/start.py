"""Training's start, as findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from open_seq2seq.corpora.doctor.findings import Finding, Row, counted, shorten
from open_seq2seq.corpora.doctor.split import Split
from open_seq2seq.errors import Problem

# Kind of a problem (`CheckReport.kinds`): the finding's title for one and for several.
_TITLES = {
    "unreadable file": ("file cannot be read", "files cannot be read"),
    "false duration": ("duration is not the file's", "durations are not the files'"),
    "false segment": ("segment is not within its file", "segments are not within their files"),
    "empty transcript": ("transcript is empty", "transcripts are empty"),
    "unknown character": (
        "character is outside the vocabulary",
        "times a transcript has a character outside the vocabulary",
    ),
    "capital of another letter": (
        "transcript has a capital that is normalised as that of another letter",
        "transcripts have capitals that are normalised as those of other letters",
    ),
    "too short for its text": (
        "recording is too short for its text",
        "recordings are too short for their texts",
    ),
}


def start_findings(split: Split) -> Iterator[Finding]:
    """What the check of training's start says: problems by kind, rows left out, notes."""
    report = split.report
    by_kind: dict[str, list[tuple[int, Problem]]] = defaultdict(list)
    for row, problem, kind in zip(report.rows, report.problems, report.kinds, strict=True):
        by_kind[kind].append((row, problem))
    for kind, problems in by_kind.items():
        one, several = _TITLES[kind]
        rows = [_row(split, row, problem) for row, problem in problems]
        remedies = list(dict.fromkeys(problem.remedy for _, problem in problems if problem.remedy))
        remedy = " ".join(remedies[:3])
        yield Finding("error", kind, split.name, counted(len(rows), one, several), remedy, rows)
    if report.filtered:
        title = counted(
            len(report.filtered),
            "recording is left out by min_duration and max_duration",
            "recordings are left out by min_duration and max_duration",
        )
        rows = [Row(*_fields(reason)) for reason in report.filtered]
        yield Finding("note", "left out", split.name, title, "", rows)
    for note in report.notes:
        # What is left out has just been said, with the names.
        if " left out by " not in note:
            yield Finding("note", "training's start", split.name, note.rstrip("."))


def damaged_findings(split: Split) -> Iterator[Finding]:
    """Recordings whose header is good and whose samples are not."""
    known = {
        row
        for row, kind in zip(split.report.rows, split.report.kinds)
        if kind in ("unreadable file", "false segment")
    }
    rows, remedies = [], []
    for recording, problem in zip(split.recordings, split.measured):
        if isinstance(problem, Problem) and recording.row not in known:
            rows.append(split.row_of(recording, f"{problem.found}, not {problem.expected}"))
            remedies.append(problem.remedy)
    if rows:
        title = counted(len(rows), "file is damaged", "files are damaged")
        remedy = " ".join(dict.fromkeys(remedies)) + " Training leaves them out when it reads them."
        yield Finding("error", "damaged file", split.name, title, remedy.strip(), rows)


def _row(split: Split, row: int, problem: Problem) -> Row:
    utterance = split.utterances[row]
    found = problem.found.removeprefix(f"{utterance.path}: ")
    text = shorten(utterance.transcript or "")
    return Row(problem.where, utterance.name, f"{found}; expected {problem.expected}", text)


def _fields(reason: str) -> tuple[str, str, str]:
    """`file.csv:3: a.wav: 40.000 s, ...`: where, name, why. Names may hold colons."""
    where, _, rest = reason.partition(": ")
    name, _, why = rest.rpartition(": ")
    return where, name, why
