"""Result files, written whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from open_seq2seq.errors import RunError


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Writes a file under another name first, so that it is whole or not there.

    Args:
      path: the file; its folder is made, an older file replaced.
      content: text is written as UTF-8; what has no code there (file names that are not UTF-8)
        is written as an escape.

    Raises:
      RunError: the file cannot be written.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode(errors="backslashreplace")
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise RunError(f"{path} could not be written: {error}.") from error


def write_csv(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV whose header is the keys of the first row; cells are quoted where they must be."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, stream.getvalue())
