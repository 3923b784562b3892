"""Folders in the layout of LibriSpeech.

`<split>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt` has an utterance in each line, its
name before the first space or tab; the recording of that name lies beside it, in any format.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.corpora.importers.entries import (
    AUDIO_SUFFIXES,
    Entry,
    Split,
    best_recording,
    chosen,
    existing_folder,
    folder_name,
    read_text_lines,
)
from open_seq2seq.corpora.importers.parallel import in_parallel
from open_seq2seq.errors import InputError, Problem

SUFFIX = ".trans.txt"


def read_splits(data_dir: str | Path, splits: Sequence[str] | None = None) -> list[Split]:
    """The parts of a corpus in LibriSpeech's layout.

    Args:
      data_dir: a folder with a folder for each part, or one part itself.
      splits: the parts to read; None: all.

    Raises:
      InputError: there are no transcripts, or not the parts that were asked for.
    """
    root = existing_folder(data_dir, "a folder in LibriSpeech's layout")
    files = find_transcripts(root)
    if not files:
        problem = Problem(
            str(data_dir),
            f"no *{SUFFIX}",
            f"SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER{SUFFIX}",
            "Is the corpus extracted, and is this its folder?",
        )
        raise InputError("The corpus cannot be read:", [problem])
    parts: dict[str, list[Path]] = {}
    for file in files:
        parts.setdefault(_split_of(file, root), []).append(file)
    return [read_split(name, parts[name]) for name in chosen(list(parts), splits, data_dir)]


def find_transcripts(root: Path) -> list[Path]:
    """All files of transcripts below `root`, in a fixed order."""
    found = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        found += [Path(folder, name) for name in sorted(names) if name.endswith(SUFFIX)]
    return found


def read_split(name: str, files: Sequence[Path]) -> Split:
    """Reads the transcripts of one part and finds their recordings."""
    split = Split(name)

    def read(chunk: Sequence[Path]) -> list[Split]:
        return [_read_chapter(file) for file in chunk]

    for _, chapters in in_parallel(read, files, f"{name}: transcripts"):
        for chapter in chapters:
            split.entries += chapter.entries
            split.problems += chapter.problems
    return split


def _split_of(file: Path, root: Path) -> str:
    """The name of the part that a file of transcripts belongs to.

    `root/dev/84/121123/84-121123.trans.txt` is of `dev`: the file's name says which folders are
    the speaker's and the chapter's.
    """
    folders = list(file.parent.relative_to(root).parts)
    for part in reversed(file.name.removesuffix(SUFFIX).split("-")):
        if folders and folders[-1] == part:
            folders.pop()
    return "-".join(folders) or folder_name(root)


def _read_chapter(file: Path) -> Split:
    chapter = Split(str(file))
    recordings: dict[str, list[str]] = {}
    with os.scandir(file.parent) as listing:
        for item in listing:
            recordings.setdefault(os.path.splitext(item.name)[0], []).append(item.path)
    try:
        lines = read_text_lines(file)
    except InputError as error:
        chapter.problems += error.problems
        return chapter
    seen: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        source = f"{file}:{number}"
        if not line.strip():
            continue
        identity, *rest = line.split(None, 1)
        audio = best_recording(recordings.get(identity, []))
        if identity in seen:
            found = f"{identity} again, after {seen[identity]}"
            chapter.problems.append(Problem(source, found, "each utterance once"))
        elif not rest:
            found = f"{identity!r} without a transcript"
            chapter.problems.append(Problem(source, found, "a name, a space and a transcript"))
        elif audio is None:
            chapter.problems.append(_no_recording(source, identity, file.parent))
        else:
            speaker = identity.split("-")[0] if "-" in identity else None
            chapter.entries.append(Entry(audio, rest[0], source, speaker=speaker))
        seen.setdefault(identity, source)
    for identity, paths in sorted(recordings.items()):
        audio = best_recording(paths)
        if audio and identity not in seen and _belongs(identity, file):
            remedy = "Add its line, or remove the recording."
            found = "a recording without a transcript"
            chapter.problems.append(Problem(audio, found, f"a line in {file.name}", remedy))
    return chapter


def _belongs(identity: str, file: Path) -> bool:
    """Whether a recording is of this file's chapter; a folder may hold several."""
    return identity.startswith(file.name.removesuffix(SUFFIX) + "-")


def _no_recording(source: str, identity: str, folder: Path) -> Problem:
    expected = f"{identity} with one of {' '.join(AUDIO_SUFFIXES)}"
    return Problem(source, f"no recording {identity} in {folder}", expected)
