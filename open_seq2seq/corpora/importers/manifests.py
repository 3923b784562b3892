"""Entries of a corpus -> checked manifests and reports of what was left out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.corpora.importers.checking import Manifest, checked
from open_seq2seq.corpora.importers.durations import ReadLengths, journal_of, read_lengths
from open_seq2seq.corpora.importers.entries import ManifestRow, Split, counted
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_csv, write_whole

_log = logging.getLogger(__name__)


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
      read: looks at the recordings.
    """

    folder: Path
    normalize: Callable[[str], str] = str.strip
    relative_paths: bool = False
    skip_bad_rows: bool = False
    write: Callable[[Path, list[ManifestRow]], None] = write_csv
    suffix: str = ".csv"
    read: ReadLengths = read_lengths


def write_manifests(splits: Sequence[Split], output: Output) -> list[Manifest]:
    """Reads the recordings' headers and writes `<split>.csv` of each split.

    The columns are wav_filename, wav_filesize, transcript, duration, and, where the corpus
    knows them, offset and speaker. What was left out is listed in `left_out_<split>.txt`.

    Args:

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
        _log.info(summary(manifest))
        for note in manifest.notes:
            _log.info(f"  {note}")
        if report:
            _log.info(f"  {report}")
    return manifests


def _checked(split: Split, output: Output) -> Manifest:
    path = output.folder / f"{split.name}{output.suffix}"
    return checked(split, path, output.normalize, output.relative_paths, output.read)


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
