"""Subtitles of one recording: SubRip (.srt) and WebVTT (.vtt, https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

import html
from collections.abc import Sequence

from open_seq2seq.decode_result import Word
from open_seq2seq.transcripts.cues import cues_of


def srt(words: Sequence[Word]) -> str:
    """The content of a SubRip file; empty where nothing is said."""
    blocks = [
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n" + "\n".join(cue.lines)
        for number, cue in enumerate(cues_of(words), start=1)
    ]
    return "".join(f"{block}\n\n" for block in blocks)


def webvtt(words: Sequence[Word]) -> str:
    """The content of a WebVTT file; only its header where nothing is said."""
    blocks = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n"
        + "\n".join(html.escape(line, quote=False) for line in cue.lines)
        for cue in cues_of(words)
    ]
    return "WEBVTT\n\n" + "".join(f"{block}\n\n" for block in blocks)


def _time(seconds: float, mark: str) -> str:
    """`hh:mm:ss,mmm`."""
    whole = round(seconds * 1000)
    minutes, thousandths = divmod(whole, 60_000)
    return (
        f"{minutes // 60:02d}:{minutes % 60:02d}:{thousandths // 1000:02d}"
        f"{mark}{thousandths % 1000:03d}"
    )
