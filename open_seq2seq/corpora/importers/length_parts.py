"""Sizes and durations of a corpus's recordings, read by an engine's workers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.corpora.importers.durations import Length, Lengths, ReadLengths, file_size
from open_seq2seq.corpora.importers.parallel import progress
from open_seq2seq.data.audio import AudioInfo
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.engines import Engine, PartsJob, read_rows, run_parts
from open_seq2seq.errors import Problem

# Files of a part: seconds of work on a disk, minutes on a slow network.
_PART = 5000
_PROBLEM = ("where", "found", "expected", "remedy")
COLUMNS = {
    "path": "string",
    # Null: there is no such file.
    "size": "int64",
    "duration": "double",
    "channels": "int64",
    **{f"problem_{name}": "string" for name in _PROBLEM},
}


def lengths_by(engine: Engine, folder: Path, size: int = _PART) -> ReadLengths:
    """What reads headers by an engine; `durations.read_lengths` reads them in this process.

    Args:
      engine: its workers see the same files.
      folder: gets a folder for each manifest, with what was read of each file, as Parquet: an
        import that is run again goes on.
      size: files of a part.
    """

    def lengths(paths: Sequence[str], manifest: Path, mono: Collection[str] = ()) -> Lengths:
        parts = [paths[start : start + size] for start in range(0, len(paths), size)]
        plan = hashlib.sha256(f"{size}".encode())
        for path in paths:
            plan.update(path.encode(errors="surrogatepass") + b"\0")
        job = PartsJob(_rows, COLUMNS, plan.hexdigest())
        with progress(f"{manifest.name}: durations", len(paths)) as advance:
            files = run_parts(
                job,
                parts,
                engine,
                folder / manifest.stem,
                lambda number: advance(len(parts[number])),
            )
        found = Lengths({}, {})
        for path, row in zip(paths, read_rows(files), strict=True):
            if row["size"] is not None:
                found.sizes[path] = row["size"]
            found.lengths[path] = _of_row(row)
        return found

    return lengths


def _rows(paths: Sequence[str]) -> list[tuple[Any, ...]]:
    return [
        (path, file_size(path), *_numbers(header))
        for path, header in zip(paths, scan_headers(paths))
    ]


def _numbers(header: AudioInfo | Problem) -> tuple[Any, ...]:
    if isinstance(header, Problem):
        return None, None, *(getattr(header, one) for one in _PROBLEM)
    return header.duration, header.channels, *[None] * len(_PROBLEM)


def _of_row(row: dict[str, Any]) -> Length | Problem:
    if row["problem_found"] is not None:
        return Problem(*(row[f"problem_{name}"] for name in _PROBLEM))
    return Length(row["duration"], row["channels"])
