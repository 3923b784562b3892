"""A report on an evaluation: rates, alignments, the worst utterances, the confused words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from open_seq2seq.errors import RunError
from open_seq2seq.metrics.analysis import EvaluatedUtterance, analyse
from open_seq2seq.metrics.html_report import render_html
from open_seq2seq.metrics.text_report import render_text

__all__ = ["EvaluatedUtterance", "write_report"]


def write_report(
    path: str | os.PathLike[str],
    utterances: Sequence[EvaluatedUtterance],
    title: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Writes the report, HTML when `path` ends in `.html` or `.htm`, otherwise plain text.

    The HTML file needs nothing besides itself. A report appears complete or not at all.

    Args:
      path: the file to write; its folder is made, an older report replaced.
      utterances: the evaluated set, in its order.
      title: the heading.
      details: more to say at the top (model, checkpoint, data), name to value.

    Raises:
      RunError: if the file cannot be written.
    """
    target = Path(path)
    render = render_html if target.suffix.lower() in (".html", ".htm") else render_text
    text = render(analyse(utterances), title, details or {})
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # File names that are not UTF-8 come as lone surrogates, which cannot be encoded.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunError(f"The report {target} could not be written: {error}.") from error
