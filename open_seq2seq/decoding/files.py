"""Writing result files whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from open_seq2seq.errors import RunError


def write_text(path: str | Path, text: str) -> None:
    """Writes a UTF-8 file under another name first, so that it is whole or not there."""
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", newline="")
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
    write_text(path, stream.getvalue())
