"""The Free Spoken Digit Dataset: recordings named `{digit}_{speaker}_{index}`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.corpora.importers.entries import Entry, Split, chosen, existing_folder
from open_seq2seq.errors import InputError, Problem

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = ("train", "dev", "test")
# The corpus's official test split. The development split is ours.
_TEST_INDICES = range(5)
_DEV_INDICES = range(5, 8)
_NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<index>[0-9]+)\.(flac|wav)")


@dataclass(frozen=True, order=True)
class Recording:
    """One recorded digit; sorts by digit, speaker and index."""

    digit: int
    speaker: str
    index: int
    path: Path

    @property
    def split(self) -> str:
        """`test`: index 0 to 4; `dev`: 5 to 7; `train`: the rest."""
        if self.index in _TEST_INDICES:
            return "test"
        return "dev" if self.index in _DEV_INDICES else "train"

    @property
    def word(self) -> str:
        """The digit in English."""
        return WORDS[self.digit]


def find_recordings(folder: Path) -> tuple[list[Recording], list[Problem]]:
    """The recordings in `folder`, sorted, and what else is there.

    Raises:
      InputError: there are none.
    """
    recordings, strangers = [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _NAME.fullmatch(path.name)
        if match:
            recordings.append(
                Recording(int(match["digit"]), match["speaker"], int(match["index"]), path)
            )
        else:
            expected = "{digit}_{speaker}_{index}.flac or .wav"
            strangers.append(Problem(str(path), "another name", expected, "Move it elsewhere."))
    if not recordings:
        remedy = "Put {digit}_{speaker}_{index}.flac or .wav there."
        problem = Problem(str(folder), "no recordings", "spoken digits", remedy)
        raise InputError("The corpus cannot be read:", [problem, *strangers])
    return sorted(recordings), strangers


def read_fsdd(data_dir: str | Path, splits: Sequence[str] | None = None) -> list[Split]:
    """The corpus's train, dev and test split.

    Args:
      data_dir: the folder with `recordings/`, or that folder itself.

    Raises:
      InputError: there are no recordings.
    """
    root = existing_folder(data_dir, "the folder of the Free Spoken Digit Dataset")
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    recordings, strangers = find_recordings(folder)
    there = [name for name in SPLITS if any(r.split == name for r in recordings)]
    found = []
    for name in chosen(there, splits, folder):
        entries = [
            Entry(os.fspath(r.path), r.word, os.fspath(r.path), speaker=r.speaker)
            for r in recordings
            if r.split == name
        ]
        found.append(Split(name, entries))
    found[0].problems += strangers
    return found
