"""Entries of a corpus -> checked manifests and reports of what was left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_seq2seq.corpora.importers.durations import file_lengths, file_sizes, journal_of
from open_seq2seq.corpora.importers.entries import Entry, Split
from open_seq2seq.corpora.importers.texts import ascii_lower, lost_characters
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_csv, write_whole

# A segment may end that many seconds after its recording does: lists round times, or were made
# for another decoder. It is shortened; a longer excess is a mistake.
_OVERHANG = 0.5

_MICROSECOND = 1e-6

# Seconds that a corpus's durations may differ from its files', as in the check before training.
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Output:
    """How manifests are written.

    Args:
      folder: where; it is made.
      normalize: transcript -> transcript.
      relative_paths: recordings are named relative to `folder`; else their paths are absolute.
      skip_bad_rows: what cannot be used is left out and listed in a report; else it is an error.
      write: writes the rows to a file; the usual one makes a CSV.
      suffix: of the file.
    """

    folder: Path
    normalize: Callable[[str], str] = str.strip
    relative_paths: bool = False
    skip_bad_rows: bool = False
    write: Callable[[Path, list[dict[str, Any]]], None] = write_csv
    suffix: str = ".csv"


@dataclass
class Manifest:
    """A split that is ready to be written.

    Args:
      path: of the CSV.
      rows: its rows.
      problems: what is left out for being wrong.
      left_out: what is left out for being no utterance.
      notes: what the user should know.
    """

    path: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write_manifests(
    splits: Sequence[Split], output: Output, say: Callable[[str], None] = print
) -> list[Manifest]:
    """Reads the recordings' headers and writes `<split>.csv` of each split.

    The columns are wav_filename, wav_filesize, transcript, duration, and, where the corpus
    knows them, offset and speaker. What was left out is listed in `left_out_<split>.txt`.

    Args:
      say: takes each line of the summary.

    Raises:
      InputError: with everything that cannot be used, unless it is to be left out; or nothing
        is left. Then no manifest is written.
      RunError: a file cannot be written.
    """
    _make_folder(output.folder)
    manifests = [_checked(split, output) for split in splits]
    problems = [problem for manifest in manifests for problem in manifest.problems]
    if problems and not output.skip_bad_rows:
        raise InputError(
            f"The corpus cannot be imported as it is ({counted(len(problems), 'problem')}). Mend "
            "it, or leave out what is wrong with --skip_bad_rows.",
            problems,
        )
    empty = [
        Problem(
            split.name,
            f"no usable utterances ({len(manifest.problems)} with problems)",
            "at least one",
            str(manifest.problems[0]) if manifest.problems else "Choose others: --splits.",
        )
        for split, manifest in zip(splits, manifests)
        if not manifest.rows
    ]
    if empty or not splits:
        raise InputError("There is nothing to import:", empty)
    for manifest in manifests:
        output.write(manifest.path, manifest.rows)
        if output.write is write_csv:
            # It says all that the journal does; other manifests lack the files' sizes.
            journal_of(manifest.path).unlink(missing_ok=True)
        report = _report(manifest)
        say(summary(manifest))
        for note in manifest.notes:
            say(f"  {note}")
        if report:
            say(f"  {report}")
    return manifests


def _make_folder(folder: Path) -> None:
    """Makes the folder; says where another one can be chosen, as corpora are often read-only."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = "" if os.access(folder, os.W_OK) else "a folder without write permission"
    except OSError as error:
        found = error.strerror or str(error)
    if found:
        problem = Problem(str(folder), found, "a folder for the manifests", "Choose it: --output.")
        raise InputError("The manifests cannot be written:", [problem])


def _checked(split: Split, output: Output) -> Manifest:
    """The rows of a split, and what is wrong with it."""
    manifest = Manifest(output.folder / f"{split.name}{output.suffix}")
    manifest.problems += split.problems
    manifest.left_out += split.left_out
    manifest.notes += split.notes
    entries = [(os.path.abspath(entry.audio), entry) for entry in split.entries]
    paths = list(dict.fromkeys(path for path, _ in entries))
    sizes = file_sizes(paths)
    mono = {path for path, entry in entries if entry.channel}
    lengths = file_lengths(paths, sizes, manifest.path, mono)
    users = Counter(path for path, _ in entries)
    shortened = 0
    lost: Counter[str] = Counter()
    for path, entry in entries:
        length = lengths[path]
        if isinstance(length, Problem):
            # Once for all its segments.
            if users[path]:
                manifest.problems.append(_unreadable(entry, length, users.pop(path)))
            continue
        if entry.channel and length.channels > 1:
            manifest.problems.append(_several_channels(entry, path, length.channels))
            continue
        transcript = output.normalize(entry.transcript)
        if not transcript:
            manifest.problems.append(_empty(entry))
            continue
        if output.normalize is ascii_lower:
            lost.update(lost_characters(entry.transcript))
        duration = length.duration
        if entry.offset is None and _lies(entry, duration):
            manifest.problems.append(_false_duration(entry, duration))
            continue
        if entry.offset is not None:
            rest = length.duration - entry.offset
            wanted = rest if entry.duration is None else entry.duration
            duration = min(wanted, rest)
            if duration < _MICROSECOND or wanted - duration > _OVERHANG:
                manifest.problems.append(_outside(entry, path, length.duration))
                continue
            shortened += wanted - duration > _MICROSECOND
        name = os.path.relpath(path, output.folder) if output.relative_paths else path
        manifest.rows.append(
            {
                "wav_filename": name,
                "wav_filesize": sizes[path],
                "transcript": transcript,
                "duration": _seconds(duration),
                "offset": None if entry.offset is None else _seconds(entry.offset),
                "speaker": entry.speaker,
            }
        )
    for column in ("offset", "speaker"):
        if all(row[column] is None for row in manifest.rows):
            for row in manifest.rows:
                del row[column]
    if lost:
        shown = ", ".join(f"{letter} ({count})" for letter, count in lost.most_common())
        manifest.notes.append(
            f"Characters without ASCII form are dropped from transcripts: {shown}"
        )
    if shortened:
        manifest.notes.append(
            f"{shortened} segments end up to {_OVERHANG} s after their recording does and are "
            "shortened."
        )
    return manifest


def _lies(entry: Entry, length: float) -> bool:
    return entry.duration is not None and abs(entry.duration - length) > _TOLERANCE


def _false_duration(entry: Entry, length: float) -> Problem:
    found = f"duration {entry.duration:g} s of {entry.audio}"
    remedy = "Correct it; if only the beginning is meant, say so with offset 0."
    return Problem(entry.source, found, f"{length:.3f} s, as the file says", remedy)


def _unreadable(entry: Entry, problem: Problem, users: int) -> Problem:
    """What is wrong with a recording's file, said of the entry that needs it."""
    remedy = problem.remedy
    if problem.where.lower().endswith(".sph") and not remedy:
        remedy = (
            "SPHERE files are often compressed, which libsndfile does not read: convert it with "
            "`sph2pipe -f wav -p IN.sph OUT.wav`."
        )
    found = f"{problem.where}: {problem.found}"
    if users > 1:
        found += f", for {users} utterances"
    return Problem(entry.source, found, problem.expected, remedy)


def _several_channels(entry: Entry, path: str, channels: int) -> Problem:
    found = f"channel {entry.channel} of {path}, which has {channels}"
    remedy = (
        "Channels are mixed when a recording is read. Write each to a file of its own, "
        "`sox IN OUT.flac remix 1`, and name these."
    )
    return Problem(entry.source, found, "a recording with one channel", remedy)


def _empty(entry: Entry) -> Problem:
    found = "an empty transcript"
    if entry.transcript.strip():
        found = f"a transcript of which normalisation leaves nothing: {entry.transcript!r}"
    return Problem(entry.source, found, "what is said")


def _outside(entry: Entry, path: str, length: float) -> Problem:
    end = "its end" if entry.duration is None else f"{(entry.offset or 0) + entry.duration:g} s"
    found = f"a segment from {entry.offset:g} s to {end} of {path}"
    return Problem(entry.source, found, f"one within its {length:.3f} s")


def _seconds(value: float) -> float:
    """Rounded to a microsecond: finer than any sample, and short to write."""
    return round(value, 6)


def _report(manifest: Manifest) -> str:
    """Writes the list of what was left out, if anything was; returns what to say of it."""
    path = manifest.path.with_name(f"left_out_{manifest.path.stem}.txt")
    if not manifest.problems and not manifest.left_out:
        path.unlink(missing_ok=True)
        return ""
    parts = {
        "with problems": list(map(str, manifest.problems)),
        "that are no utterances": manifest.left_out,
    }
    lines, counts = [], []
    for what, items in parts.items():
        if items:
            counts.append(f"{len(items)} {what}")
            lines += [f"{len(items)} {what}:", *(f"  {item}" for item in items)]
    write_whole(path, "\n".join(lines) + "\n")
    return f"left out: {', '.join(counts)}; listed in {path}"


def summary(manifest: Manifest) -> str:
    """`train.csv: 1383 utterances, 4.81 h, 24 speakers`."""
    hours = sum(row["duration"] for row in manifest.rows) / 3600
    speakers = {row.get("speaker") for row in manifest.rows} - {None}
    text = f"{manifest.path}: {counted(len(manifest.rows), 'utterance')}, {hours:.2f} h"
    return f"{text}, {counted(len(speakers), 'speaker')}" if speakers else text


def counted(number: int, thing: str) -> str:
    """`1 speaker`, `24 speakers`."""
    return f"{number} {thing}{'s' * (number != 1)}"
