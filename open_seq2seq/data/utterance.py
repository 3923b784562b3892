"""One row of a manifest, as everything after it sees it."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Utterance:
    """One row of a manifest.

    Args:
      path: the resolved path of the audio file. A `{}` in it stands for the name of a
        folder of synthetic speech (`syn_subdirs`).
      name: the path as the manifest writes it; output files repeat it.
      transcript: the text exactly as written, "" where the manifest has an empty or NaN
        one; None when the manifest has no transcripts.
      duration: seconds, as the manifest says; None when it doesn't.
      source: `file.csv:12`, for messages.
      offset: where in the file the utterance begins, in seconds: it is `duration` long (which
        is then known) and all else in the file is not part of it. None: it is the whole file.
      speaker: who speaks, as the manifest says; None when it doesn't.
      words: what is said in words, where the transcript is symbols such as phonemes (a column
        `words`); else None.
      written: the transcript before `text_normalization`, where that changed it; else None.
    """

    path: str
    name: str
    transcript: str | None
    duration: float | None
    source: str
    offset: float | None = None
    speaker: str | None = None
    written: str | None = None
    words: str | None = None

    @property
    def segment(self) -> str:
        """`@offset+duration`, "" of a whole file: what tells segments of one file apart."""
        return "" if self.offset is None else segment_name(self.offset, self.duration)


def segment_name(offset: float, duration: float | None) -> str:
    """`@offset+duration`."""
    return f"@{offset!r}+{duration!r}"


def resolve_path(name: str, folder: str) -> str:
    """The file that `name`, written in a manifest in `folder`, means.

    Absolute names stay; relative ones are looked for in `folder`, then in the working
    directory. A name that is in neither place is taken as relative to `folder`.
    """
    if os.path.isabs(name):
        return name
    beside = os.path.join(folder, name)
    # A `{}` in a name is filled in later: up to there it can be looked for.
    there, here = (path.split("{}")[0] for path in (beside, name))
    if not os.path.exists(there) and here and os.path.exists(here):
        return os.path.abspath(name)
    return beside
