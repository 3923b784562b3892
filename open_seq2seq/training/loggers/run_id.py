"""The identity that a run has at a server, so that a training that goes on goes on there too."""

from __future__ import annotations

from pathlib import Path

from open_seq2seq.files import write_whole


def kept_run_id(file: Path) -> str | None:
    """The identity in a file of the log directory; None in a new one."""
    return file.read_text(encoding="ascii").strip() if file.exists() else None


def keep_run_id(file: Path, identity: str) -> None:
    write_whole(file, f"{identity}\n".encode("ascii"))
