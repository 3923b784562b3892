"""The formats of transcripts, and the endings that choose them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TextFormat:
    """A format of transcripts.

    Args:
      name: as messages call it.
      endings: of the files' names that are written so.
      one_recording: a file is of a single recording.
    """

    name: str
    endings: tuple[str, ...]
    one_recording: bool = False


CSV = TextFormat("CSV", (".csv", ".txt"))
JSON_LINES = TextFormat("JSON lines", (".jsonl", ".ndjson", ".json"))
CTM = TextFormat("CTM", (".ctm",))
SRT = TextFormat("SRT subtitles", (".srt",), one_recording=True)
WEBVTT = TextFormat("WebVTT subtitles", (".vtt", ".webvtt"), one_recording=True)
FORMATS = (CSV, JSON_LINES, CTM, SRT, WEBVTT)


def text_format(path: str | os.PathLike[str]) -> TextFormat:
    """The format of a file by its ending; CSV for any that no other format has."""
    ending = Path(path).suffix.lower()
    return next((one for one in FORMATS if ending in one.endings), CSV)
