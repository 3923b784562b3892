"""LJ Speech, and corpora in its layout: `metadata.csv` beside a folder `wavs`."""

from __future__ import annotations

import os
from pathlib import Path

from open_seq2seq.corpora.importers.entries import (
    AUDIO_SUFFIXES,
    Entry,
    Split,
    best_recording,
    existing_folder,
    folder_name,
    read_text_lines,
)
from open_seq2seq.errors import InputError, Problem


def read_ljspeech(data_dir: str | Path, raw: bool = False) -> list[Split]:
    """The corpus as one split, named as its folder: it has no official parts.

    A line of `metadata.csv` is `name|transcript|normalised transcript`, where the last one, with
    numbers and abbreviations spelled out, may be missing. Nothing in it is quoted.

    Args:
      raw: the transcript as printed, not the normalised one.

    Raises:
      InputError: there is no metadata.csv or no wavs.
    """
    root = existing_folder(data_dir, "the folder of LJ Speech")
    table, wavs = root / "metadata.csv", root / "wavs"
    lacking = [path for path in (table, wavs) if not path.exists()]
    if lacking:
        found = f"no {' and no '.join(path.name for path in lacking)}"
        problem = Problem(str(root), found, "metadata.csv and wavs/")
        raise InputError("The corpus cannot be read:", [problem])
    recordings: dict[str, list[str]] = {}
    for name in os.listdir(wavs):
        recordings.setdefault(os.path.splitext(name)[0], []).append(str(wavs / name))
    split = Split(folder_name(root))
    for number, line in enumerate(read_text_lines(table), start=1):
        if not line:
            continue
        source = f"{table}:{number}"
        cells = line.split("|")
        if len(cells) not in (2, 3):
            expected = "name|transcript|normalised transcript"
            split.problems.append(Problem(source, f"{len(cells)} cells", expected))
            continue
        audio = best_recording(recordings.get(cells[0], []))
        if audio is None:
            expected = f"{cells[0]} with one of {' '.join(AUDIO_SUFFIXES)}"
            split.problems.append(Problem(source, f"no {cells[0]} in {wavs}", expected))
            continue
        text = cells[1] if raw else cells[2] if len(cells) == 3 and cells[2] else cells[1]
        split.entries.append(Entry(audio, text, source))
    return [split]
