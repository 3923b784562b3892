"""Result files, written whole or not at all."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from open_seq2seq.errors import RunError


def draft_of(path: Path) -> Path:
    """A hidden name beside `path` that nobody else uses, not even on another machine."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Gives a draft's name to write to, which takes the file's name at the end.

    So the file is whole or what it was. If the block fails, the draft is removed.
    """
    draft = draft_of(path)
    try:
        yield draft
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Writes a file that is whole or not there.

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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        raise RunError(f"{path} could not be written: {error}.") from error


def write_csv(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV whose header is the keys of the first row; cells are quoted where they must be."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, stream.getvalue())
