"""Entries of a corpus and their recordings: which rows a manifest gets."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from open_seq2seq.corpora.importers.durations import Length, ReadLengths, read_lengths
from open_seq2seq.corpora.importers.entries import Entry, ManifestRow, Split, counted
from open_seq2seq.corpora.importers.texts import (
    ascii_lower,
    language_note,
    lost_characters,
    odd_spaces,
    single_spaced,
)
from open_seq2seq.data.audio import SEGMENT_SLACK
from open_seq2seq.errors import Problem

# A segment may end so many seconds after its recording does, and by no more than so much of its
# length (but always by what rounding makes): lists were made for another decoder. It is
# shortened; a longer excess is a mistake.
_OVERHANG = 0.5
_OVERHANG_SHARE = 0.1

_MICROSECOND = 1e-6

# Control characters have no names in Unicode.
_SPACES = {"\n": "line feed", "\r": "carriage return", "\t": "tab", "\0": "U+0000"}

# Seconds that a corpus's durations may differ from its files', as in the check before training.
_TOLERANCE = 0.1


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
    rows: list[ManifestRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def checked(
    split: Split,
    path: Path,
    normalize: Callable[[str], str],
    relative_paths: bool,
    read: ReadLengths = read_lengths,
) -> Manifest:
    """Reads the recordings' headers and makes the rows of a split.

    Args:
      path: of the manifest.
      normalize: transcript, its white space single spaces -> transcript.
      relative_paths: recordings are named relative to the manifest's folder.
      read: looks at the recordings.
    """
    manifest = Manifest(path, [], [*split.problems], [*split.left_out], [*split.notes])
    audio = [os.path.abspath(entry.audio) for entry in split.entries]
    users = Counter(audio)
    mono = {file for file, entry in zip(audio, split.entries) if entry.channel}
    files = read(list(users), path, mono)
    kept = []
    for file, entry in zip(audio, split.entries):
        length = files.lengths[file]
        if isinstance(length, Problem):
            # Once for all its segments.
            if users[file]:
                manifest.problems.append(_unreadable(entry, length, users.pop(file)))
            continue
        row = _row(entry, file, length, normalize)
        if isinstance(row, Problem):
            manifest.problems.append(row)
            continue
        row["wav_filename"] = os.path.relpath(file, path.parent) if relative_paths else file
        row["wav_filesize"] = files.sizes[file]
        manifest.rows.append(row)
        kept.append(entry)
    _leave_out_unknown(manifest.rows)
    _note_losses(manifest, kept, normalize)
    return manifest


def _leave_out_unknown(rows: list[ManifestRow]) -> None:
    """Takes the columns out that no row has a value in."""
    if all(row["offset"] is None for row in rows):
        for row in rows:
            del row["offset"]
    if all(row["speaker"] is None for row in rows):
        for row in rows:
            del row["speaker"]


def _row(
    entry: Entry, file: str, length: Length, normalize: Callable[[str], str]
) -> ManifestRow | Problem:
    """The row of an entry, whose file and size are filled in later, or what is wrong with it."""
    if entry.channel and length.channels > 1:
        return _several_channels(entry, file, length.channels)
    transcript = normalize(single_spaced(entry.transcript))
    if not transcript:
        return _empty(entry)
    duration = length.duration
    if entry.offset is not None:
        rest = length.duration - entry.offset
        wanted = rest if entry.duration is None else entry.duration
        duration = min(wanted, rest)
        allowed = max(SEGMENT_SLACK, min(_OVERHANG, _OVERHANG_SHARE * wanted))
        if duration < _MICROSECOND or wanted - duration > allowed:
            return _outside(entry, file, length.duration)
    elif entry.duration is not None and abs(entry.duration - duration) > _TOLERANCE:
        return _false_duration(entry, duration)
    return {
        "wav_filename": "",
        "wav_filesize": 0,
        "transcript": transcript,
        "duration": _seconds(duration),
        "offset": None if entry.offset is None else _seconds(entry.offset),
        "speaker": entry.speaker,
    }


def _note_losses(manifest: Manifest, entries: list[Entry], normalize: Callable[[str], str]) -> None:
    """Notes what of the entries did not get into their rows."""
    if normalize is ascii_lower:
        lost = Counter(c for entry in entries for c in lost_characters(entry.transcript))
        if lost:
            shown = ", ".join(f"{letter} ({count})" for letter, count in lost.most_common())
            manifest.notes.append(
                f"Characters without ASCII form are dropped from transcripts: {shown}"
            )
    _note_spaces(manifest, entries)
    note = language_note((entry.transcript for entry in entries), normalize)
    if note:
        manifest.notes.append(note)
    shortened = sum(
        entry.duration is not None
        and entry.offset is not None
        and entry.duration - row["duration"] > 2 * _MICROSECOND
        for entry, row in zip(entries, manifest.rows)
    )
    if shortened:
        manifest.notes.append(
            f"{counted(shortened, 'segment')} shortened to end with the recording, by at most "
            f"{_OVERHANG} s"
        )


def _note_spaces(manifest: Manifest, entries: list[Entry]) -> None:
    """Notes the line feeds, tabs and other white space in transcripts that became a space."""
    found = [spaces for entry in entries if (spaces := odd_spaces(entry.transcript))]
    if found:
        counts = Counter(c for spaces in found for c in spaces)
        shown = ", ".join(f"{_space_name(c)} ({n})" for c, n in counts.most_common())
        manifest.notes.append(
            f"White space other than the space in {counted(len(found), 'transcript')}, made one "
            f"space each time: {shown}"
        )


def _space_name(character: str) -> str:
    return _SPACES.get(character) or unicodedata.name(character, f"U+{ord(character):04X}").lower()


def _false_duration(entry: Entry, length: float) -> Problem:
    found = f"duration {entry.duration:g} s of {entry.audio}"
    remedy = "Correct it; if only the beginning is meant, say so with offset 0."
    return Problem(entry.source, found, f"{length:.3f} s, as the file says", remedy)


def _unreadable(entry: Entry, problem: Problem, users: int) -> Problem:
    """What is wrong with a recording's file, said of the entry that needs it."""
    remedy = problem.remedy
    if "sph2pipe" in remedy:
        remedy += " (For commands of a wav.scp: --run_pipes.)"
    found = f"{problem.where}: {problem.found}"
    if users > 1:
        found += f", for {users} utterances"
    return Problem(entry.source, found, problem.expected, remedy)


def _several_channels(entry: Entry, path: str, channels: int) -> Problem:
    found = f"channel {entry.channel} of {path}, which has {channels}"
    remedy = (
        "Channels are mixed when a recording is read. Write each to a file of its own, "
        "`sox IN OUT.flac remix 1`, and name these (for commands of a wav.scp: --run_pipes)."
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
