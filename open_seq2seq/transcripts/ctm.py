"""Transcripts as CTM, what NIST's scoring tools read: a word in each line."""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.decode_result import Word


def ctm_lines(name: str, words: Iterable[Word]) -> str:
    """The lines of a recording: name, channel, start and duration in seconds, word, confidence.

    Args:
      name: the recording's, without spaces.
    """
    lines = []
    for word in words:
        duration = max(word.end - word.start, 0.0)
        times = f"{word.start:.3f} {duration:.3f}"
        lines.append(f"{name} 1 {times} {word.text} {word.confidence:.4f}\n")
    return "".join(lines)
