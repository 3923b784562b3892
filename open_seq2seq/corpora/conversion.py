"""Manifests as one table of Parquet or Arrow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from open_seq2seq.data.audio import AudioInfo
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.manifest import Manifest, Utterance, resolve_path
from open_seq2seq.data.table_writer import COLUMNS, TableWriter
from open_seq2seq.errors import Problem
from open_seq2seq.files import replaced

_BLOCK = 1 << 12


def write_table(
    manifest: Manifest,
    path: Path,
    problems: list[Problem],
    advance: Callable[[], object] = lambda: None,
) -> None:
    """Writes a manifest with all that it says, and the durations that it does not.

    Names of recordings stay as they are written where they mean the same file in the new
    manifest's folder; the others' are absolute paths.

    Args:
      manifest: the rows.
      path: the file; it is whole or not there.
      problems: gets the files whose duration is wanted and that cannot be read. Their rows are
        written without.
      advance: is called for each row.

    Raises:
      InputError: pyarrow is not installed.
      RunError: the file cannot be written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    with replaced(path) as draft, TableWriter(draft, path.suffix, COLUMNS) as writer:
        for start in range(0, len(manifest), _BLOCK):
            rows = list(manifest[start : start + _BLOCK])
            for one in _with_durations(rows, problems):
                name = _name(one, folder)
                writer.add(name, one.transcript, one.duration, one.offset, one.speaker, one.words)
                advance()


def _with_durations(rows: list[Utterance], problems: list[Problem]) -> Iterator[Utterance]:
    # A `{}` stands for several recordings, of which none has the duration.
    unknown = [one.path for one in rows if one.duration is None and "{}" not in one.path]
    found = dict(zip(unknown, scan_headers(unknown)))
    for one in rows:
        header = found.get(one.path) if one.duration is None else None
        if isinstance(header, AudioInfo):
            one = replace(one, duration=header.duration)
        elif header is not None:
            seen = f"{header.where}: {header.found}"
            problems.append(Problem(one.source, seen, header.expected, header.remedy))
        yield one


def _name(utterance: Utterance, folder: str) -> str:
    path = os.path.abspath(utterance.path)
    same = os.path.abspath(resolve_path(utterance.name, folder)) == path
    return utterance.name if same else path
