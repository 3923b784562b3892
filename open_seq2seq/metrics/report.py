"""A report on an evaluation: rates, alignments, the worst utterances, the confused words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from open_seq2seq.files import write_whole
from open_seq2seq.metrics.analysis import EvaluatedUtterance, analyse
from open_seq2seq.metrics.html_report import render_html
from open_seq2seq.metrics.sound import Sound
from open_seq2seq.metrics.text_report import render_text

__all__ = ["EvaluatedUtterance", "write_report"]


def is_html(path: str | os.PathLike[str]) -> bool:
    """Whether a report of this name is HTML."""
    return Path(path).suffix.lower() in (".html", ".htm")


def write_report(
    path: str | os.PathLike[str],
    utterances: Sequence[EvaluatedUtterance],
    title: str,
    details: Mapping[str, object] | None = None,
    sounds: Mapping[str, Sound] | None = None,
) -> None:
    """Writes the report, HTML when `path` ends in `.html` or `.htm`, otherwise plain text.

    The HTML file needs nothing besides itself. A report appears complete or not at all.

    Args:
      path: the file to write; its folder is made, an older report replaced.
      utterances: the evaluated set, in its order.
      title: the heading.
      details: more to say at the top (model, checkpoint, data), name to value.
      sounds: pictures and audio of utterances, by their names; an HTML report shows them.

    Raises:
      RunError: if the file cannot be written.
    """
    target = Path(path)
    analysis = analyse(utterances)
    if is_html(target):
        text = render_html(analysis, title, details or {}, sounds)
    else:
        text = render_text(analysis, title, details or {})
    write_whole(target, text)
