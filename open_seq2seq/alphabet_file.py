"""Alphabet files: a label in each line, as OpenSeq2Seq and Mozilla's DeepSpeech write them."""

from __future__ import annotations


def alphabet_lines(text: str) -> list[tuple[int, str]]:
    r"""The lines of an alphabet that are labels, with their numbers from 1.

    Empty lines count nothing; a space is a label. DeepSpeech's alphabets have comments: lines that
    begin with `#`; `\#` is the label `#` there. OpenSeq2Seq knows none of this, so in a file
    without either a line `#` is a label.
    """
    lines = [
        (number, line.removesuffix("\r"))
        for number, line in enumerate(text.split("\n"), start=1)
        if line.removesuffix("\r")
    ]
    if not any(line == "\\#" or (line[0] == "#" and len(line) > 1) for _, line in lines):
        return lines
    return [
        (number, "#" if line == "\\#" else line)
        for number, line in lines
        if not line.startswith("#")
    ]
