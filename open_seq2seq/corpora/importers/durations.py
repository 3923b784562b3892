"""Sizes and durations of recordings, read once: an import that is run again goes on."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.corpora.importers.parallel import in_parallel
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.errors import Problem


def file_sizes(paths: Sequence[str]) -> dict[str, int]:
    """The bytes of each file; those that are not there are left out."""

    def sizes(chunk: Sequence[str]) -> list[int]:
        return [os.path.getsize(path) if os.path.isfile(path) else -1 for path in chunk]

    found: dict[str, int] = {}
    for chunk, values in in_parallel(sizes, paths, "Looking for recordings"):
        found.update((path, size) for path, size in zip(chunk, values) if size >= 0)
    return found


def file_durations(
    paths: Sequence[str], sizes: dict[str, int], manifest: Path
) -> dict[str, float | Problem]:
    """The duration of each recording, in seconds, or what is wrong with the file.

    What is known of an earlier run is not read again: from its manifest, or, when it was
    interrupted, from the journal beside it. A file of another size is another file.

    Args:
      paths: absolute paths, each once.
      sizes: their bytes.
      manifest: the CSV that is going to be written.
    """
    journal = journal_of(manifest)
    known = {**_in_manifest(manifest), **_in_journal(journal)}
    durations: dict[str, float | Problem] = {
        path: known[path, sizes[path]] for path in paths if (path, sizes.get(path)) in known
    }
    rest = [path for path in paths if path not in durations]
    if not rest:
        return durations
    with journal.open("a", encoding="utf-8") as file:
        for chunk, headers in in_parallel(scan_headers, rest, f"{manifest.name}: durations"):
            for path, header in zip(chunk, headers):
                if isinstance(header, Problem):
                    durations[path] = header
                    continue
                durations[path] = header.duration
                file.write(json.dumps([path, sizes[path], header.duration]) + "\n")
            file.flush()
    return durations


def journal_of(manifest: Path) -> Path:
    """The file that keeps what was read for `manifest` until it is written."""
    return manifest.with_name(f".{manifest.name}.journal")


def _in_journal(journal: Path) -> dict[tuple[str, int], float]:
    known = {}
    if journal.exists():
        for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                path, size, duration = json.loads(line)
            except ValueError:
                continue  # written halfway when the run was interrupted
            known[path, size] = duration
    return known


def _in_manifest(manifest: Path) -> dict[tuple[str, int], float]:
    """Durations of whole recordings in an earlier manifest, if it is one of an importer."""
    known: dict[tuple[str, int], float] = {}
    if not manifest.exists():
        return known
    with manifest.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            name, size, duration = (
                row.get(key) or "" for key in ("wav_filename", "wav_filesize", "duration")
            )
            if name and size.isdigit() and duration and not row.get("offset"):
                path = os.path.abspath(os.path.join(manifest.parent, name))
                known[path, int(size)] = float(duration)
    return known
