"""Sizes and durations of recordings, read once: an import that is run again goes on."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from open_seq2seq.corpora.importers.parallel import in_parallel
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.errors import Problem
from open_seq2seq.files import NUMBER, misfits, parsed_json

# What a line of the journal lists.
_ROW = {"path": str, "size": int, "duration": NUMBER, "channels": int}
_SIZE = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")


@dataclass(frozen=True)
class Length:
    """What an import needs of a recording's header.

    Args:
      duration: seconds.
      channels: 0 where an earlier manifest gave the duration, which does not tell.
    """

    duration: float
    channels: int


@dataclass(frozen=True)
class Lengths:
    """What is known of recordings, by their paths.

    Args:
      sizes: bytes; files that are not there are left out.
      lengths: the length of each, or what is wrong with the file.
    """

    sizes: dict[str, int]
    lengths: dict[str, Length | Problem]


class ReadLengths(Protocol):
    """Looks at the files of a corpus."""

    def __call__(self, paths: Sequence[str], manifest: Path, mono: Collection[str] = ()) -> Lengths:
        """The sizes and lengths of recordings.

        Args:
          paths: absolute paths, each once.
          manifest: the file that is going to be written.
          mono: paths of which the number of channels is needed.
        """


def read_lengths(paths: Sequence[str], manifest: Path, mono: Collection[str] = ()) -> Lengths:
    """`ReadLengths` by threads of this process.

    What is known of an earlier run is not read again: from its manifest, or, when it was
    interrupted, from the journal beside it. A file of another size is another file.
    """
    sizes = _file_sizes(paths)
    return Lengths(sizes, _file_lengths(paths, sizes, manifest, mono))


def file_size(path: str) -> int | None:
    """The bytes of a file; None: it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _file_sizes(paths: Sequence[str]) -> dict[str, int]:
    """The bytes of each file; those that are not there are left out."""

    def sizes(chunk: Sequence[str]) -> list[int | None]:
        return [file_size(path) for path in chunk]

    found: dict[str, int] = {}
    for chunk, values in in_parallel(sizes, paths, "Looking for recordings"):
        found.update((path, size) for path, size in zip(chunk, values) if size is not None)
    return found


def _file_lengths(
    paths: Sequence[str], sizes: dict[str, int], manifest: Path, mono: Collection[str]
) -> dict[str, Length | Problem]:
    journal = journal_of(manifest)
    known = {**_in_manifest(manifest), **_in_journal(journal)}
    lengths: dict[str, Length | Problem] = {}
    rest = []
    for path in paths:
        length = known.get((path, sizes.get(path, -1)))
        if length and (length.channels or path not in mono):
            lengths[path] = length
        else:
            rest.append(path)
    if not rest:
        return lengths
    with journal.open("a", encoding="utf-8") as file:
        for chunk, headers in in_parallel(scan_headers, rest, f"{manifest.name}: durations"):
            for path, header in zip(chunk, headers):
                if isinstance(header, Problem):
                    lengths[path] = header
                    continue
                lengths[path] = Length(header.duration, header.channels)
                row = [path, sizes[path], header.duration, header.channels]
                file.write(json.dumps(row) + "\n")
            file.flush()
    return lengths


def journal_of(manifest: Path) -> Path:
    """The file that keeps what was read for `manifest` until it is written."""
    return manifest.with_name(f".{manifest.name}.journal")


def _in_journal(journal: Path) -> dict[tuple[str, int], Length]:
    known = {}
    if journal.exists():
        for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = parsed_json(line)
            except ValueError:
                continue  # written halfway when the run was interrupted
            # A disk that was full leaves other things.
            named = dict(zip(_ROW, row)) if isinstance(row, list) else None
            if not any(misfits(named, _ROW)) and math.isfinite(row[2]):
                known[row[0], row[1]] = Length(row[2], row[3])
    return known


def _in_manifest(manifest: Path) -> dict[tuple[str, int], Length]:
    """Durations of whole recordings in an earlier manifest, if it is a CSV of an importer."""
    known: dict[tuple[str, int], Length] = {}
    if manifest.suffix != ".csv" or not manifest.exists():
        return known
    # Of a damaged one, what comes before the damage is known.
    opened = manifest.open(encoding="utf-8", errors="replace", newline="")
    with suppress(csv.Error), opened as file:
        for row in csv.DictReader(file):
            name, size, duration = (
                row.get(key) or "" for key in ("wav_filename", "wav_filesize", "duration")
            )
            if (
                name
                and _SIZE.fullmatch(size)
                and _NUMBER.fullmatch(duration)
                and not row.get("offset")
            ):
                path = os.path.abspath(os.path.join(manifest.parent, name))
                known[path, int(size)] = Length(float(duration), 0)
    return known
