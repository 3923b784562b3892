"""A report on an evaluation: rates, alignments, the worst utterances, the confused words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.files import write_whole
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
    write_whole(target, text)
