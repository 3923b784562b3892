"""Folders of recordings, each with a text of its name beside it: `a.wav` and `a.txt`."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from open_seq2seq.corpora.importers.encodings import guess_note, read_text
from open_seq2seq.corpora.importers.entries import (
    AUDIO_SUFFIXES,
    Entry,
    Split,
    best_recording,
    chosen,
    existing_folder,
    folder_name,
)
from open_seq2seq.corpora.importers.parallel import in_parallel
from open_seq2seq.errors import InputError, Problem

# Texts that belong to a corpus as a whole; the last are an importer's own.
_ABOUT = re.compile(r"(readme|licen[sc]e|copying|changelog|authors|left_out_)", re.IGNORECASE)
# What people record in, and libsndfile does not read.
_CONVERTED = (".m4a", ".mp4", ".aac", ".wma", ".amr", ".webm", ".3gp", ".mov")

# From the path below the folder to a speaker, or to what is wrong with it.
SpeakerOf = Callable[[str], "str | Problem | None"]


@dataclass
class _Found:
    """What is in one folder: recordings and texts by their stem, and the rest."""

    recordings: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def read_folder(
    data_dir: str | Path,
    splits: Sequence[str] | None = None,
    speaker_of: SpeakerOf = lambda path: None,
    text_suffix: str = ".txt",
    encoding: str | None = None,
) -> list[Split]:
    """The recordings below a folder, however deep, with their texts.

    Args:
      data_dir: the folder.
      splits: folders directly below it that become a manifest each; None: all is one, of the
        folder's name.
      speaker_of: takes a recording's path below the folder (below that of its split), with `/`.
      text_suffix: of the files of text.
      encoding: of them; None: it is found.

    Raises:
      InputError: there is no such folder, or nothing in it.
    """
    root = existing_folder(data_dir, "a folder of recordings with a text beside each")
    parts = [(folder_name(root), root)]
    if splits is not None:
        there = sorted(path.name for path in root.iterdir() if path.is_dir())
        parts = [(name, root / name) for name in chosen(there, splits, data_dir)]
    return [_read_part(name, path, speaker_of, text_suffix, encoding) for name, path in parts]


def _read_part(
    name: str, root: Path, speaker_of: SpeakerOf, text_suffix: str, encoding: str | None
) -> Split:
    split = Split(name)
    pairs: list[tuple[str, str]] = []
    others: list[str] = []
    folders = 0
    for folder, subfolders, files in os.walk(root, followlinks=True):
        subfolders[:] = sorted(one for one in subfolders if not _is_hidden(one))
        found = _sorted(folder, sorted(files), text_suffix.lower())
        folders += bool(found.recordings)
        others += found.others
        _pair(found, pairs, split, text_suffix)
    if not pairs and not split.problems:
        expected = f"recordings ({' '.join(AUDIO_SUFFIXES)}) with NAME{text_suffix} beside NAME.wav"
        raise InputError(
            "The corpus cannot be read:", [Problem(str(root), "no recordings", expected)]
        )

    def read(chunk: Sequence[tuple[str, str]]) -> list[tuple[str, str] | Problem]:
        return [_text(path, encoding) for _, path in chunk]

    guesses = []
    for chunk, texts in in_parallel(read, pairs, f"{name}: texts"):
        for (audio, path), text in zip(chunk, texts):
            speaker = speaker_of(Path(audio).relative_to(root).as_posix())
            if isinstance(speaker, Problem):
                split.problems.append(replace(speaker, where=audio))
            if isinstance(text, Problem):
                split.problems.append(text)
            if isinstance(speaker, Problem) or isinstance(text, Problem):
                continue
            if text[1]:
                guesses.append((path, text[1]))
            split.entries.append(Entry(audio, text[0], path, speaker=speaker))
    split.notes += [note for note in (guess_note(guesses), _others_note(others)) if note]
    return split


def _is_hidden(name: str) -> bool:
    """Also what macOS puts into archives: `__MACOSX/._a.wav` is no recording."""
    return name.startswith(".") or name == "__MACOSX"


def _sorted(folder: str, files: Sequence[str], text_suffix: str) -> _Found:
    found = _Found()
    for name in files:
        stem, suffix = os.path.splitext(name)
        path = os.path.join(folder, name)
        if _is_hidden(name):
            found.others.append(name)
        elif name.lower().endswith(text_suffix):
            stem = name[: -len(text_suffix)]
            inner, audio = os.path.splitext(stem)
            # a.wav.txt is also a.wav's.
            found.texts[inner if audio.lower() in AUDIO_SUFFIXES else stem] = path
        elif suffix.lower() in (*AUDIO_SUFFIXES, *_CONVERTED):
            found.recordings.setdefault(stem, []).append(path)
        else:
            found.others.append(name)
    return found


def _pair(found: _Found, pairs: list[tuple[str, str]], split: Split, text_suffix: str) -> None:
    """Adds recordings with their texts; what has no partner is a problem."""
    for stem, paths in found.recordings.items():
        audio = best_recording(paths)
        text = found.texts.get(stem)
        if audio is None:
            suffix = os.path.splitext(paths[0])[1]
            remedy = f"Convert it: `ffmpeg -i {os.path.basename(paths[0])} {stem}.flac`."
            expected = f"one of {' '.join(AUDIO_SUFFIXES)}"
            split.problems.append(Problem(paths[0], f"a file {suffix}", expected, remedy))
        elif text is None:
            expected = f"{stem}{text_suffix} beside it"
            remedy = "Write its text, or remove the recording."
            found_ = "a recording without a text"
            split.problems.append(Problem(audio, found_, expected, remedy))
        else:
            pairs.append((audio, text))
    for stem, path in found.texts.items():
        if stem in found.recordings:
            continue
        if _ABOUT.match(stem):
            split.left_out.append(f"{path}: a text about the corpus")
        else:
            found_ = "a text without a recording"
            expected = f"{stem} with one of {' '.join(AUDIO_SUFFIXES)} beside it"
            split.problems.append(Problem(path, found_, expected))


def _text(path: str, encoding: str | None) -> tuple[str, str] | Problem:
    """A text and, of a likely encoding, an example; or what is wrong."""
    try:
        decoded = read_text(path, encoding)
    except InputError as error:
        return error.problems[0]
    return decoded.text, decoded.guess


def _others_note(names: Sequence[str]) -> str | None:
    if not names:
        return None
    kinds = Counter(
        "hidden" if _is_hidden(name) else os.path.splitext(name)[1] or name for name in names
    )
    shown = ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common(8))
    more = ", ..." if len(kinds) > 8 else ""
    return f"Files that are neither recordings nor texts: {shown}{more}"


def speaker_from_folder(place: int) -> SpeakerOf:
    """The speaker is the name of a folder: 1 the first below the corpus's, -1 the innermost."""

    def speaker(path: str) -> str | Problem:
        folders = path.split("/")[:-1]
        if -len(folders) <= place < 0:
            return folders[place]
        if 0 < place <= len(folders):
            return folders[place - 1]
        found = f"{len(folders)} folders above it" if folders else "no folder above it"
        return Problem(path, found, f"folder {place} for the speaker", "See --speaker_folder.")

    return speaker


def speaker_from_pattern(pattern: str) -> SpeakerOf:
    """The speaker is what a regular expression's group finds in the path below the corpus.

    The group is the one called `speaker`, or the first, or, without groups, the whole match.

    Raises:
      InputError: it is none.
    """
    try:
        regex = re.compile(pattern)
    except re.error as error:
        problem = Problem("--speaker_pattern", f"{pattern!r} ({error})", "a regular expression")
        raise InputError("The flags cannot be used:", [problem]) from None
    group: str | int = "speaker" if "speaker" in regex.groupindex else min(regex.groups, 1)

    def speaker(path: str) -> str | Problem:
        match = regex.search(path)
        if match and match[group]:
            return match[group]
        expected = f"a part that matches {pattern!r}, for the speaker"
        return Problem(path, "none", expected, "See --speaker_pattern.")

    return speaker
