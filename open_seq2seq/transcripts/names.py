"""Short names of recordings, no two alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def recording_names(paths: Sequence[str]) -> list[str]:
    """Names without folder and suffix; with the folders where that leaves two the same.

    CTM has no quotes, so spaces become underscores.

    Args:
      paths: of recordings; the same path has the same name.
    """
    stems = [Path(path).stem for path in paths]
    if _confuses(stems, paths):
        stems = [str(Path(path).with_suffix("")) for path in paths]
    if _confuses(stems, paths):
        stems = list(paths)  # a.wav and a.flac in one folder
    return ["_".join(stem.split()) for stem in stems]


def _confuses(names: Sequence[str], paths: Sequence[str]) -> bool:
    return len({"_".join(name.split()) for name in names}) < len(set(paths))
