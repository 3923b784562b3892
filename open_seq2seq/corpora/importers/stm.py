"""Segment time marks (NIST's STM), as TED-LIUM has them.

A line is `recording channel speaker start end [<label>] transcript`, times in seconds; lines that
begin with `;;` are comments (github.com/usnistgov/SCTK, doc/infmts.htm).
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
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
from open_seq2seq.corpora.importers.stm_text import GAP, IGNORED, UNKNOWN, plain_words
from open_seq2seq.errors import InputError, Problem

_LABEL = re.compile(r"<[^<>\s]*>(\s+|$)")
_NO_LABELS = ("<unk>", "<sil>")
_FORMAT = "recording channel speaker start end [<label>] transcript"


def read_stm(
    data_dir: str | Path,
    splits: Sequence[str] | None = None,
    audio: str | Path | None = None,
    leave_out_unknown: bool = False,
) -> list[Split]:
    """The parts of a corpus with STM files.

    Args:
      data_dir: a folder with *.stm in it or below it, or one such file. Each folder of them is a
        part: `train/stm/*.stm` is `train`.
      splits: the parts to read; None: all.
      audio: the folder below which the recordings are; None: they are beside the STM files or in
        folders beside theirs (`train/sph`, `train/wav`).
      leave_out_unknown: segments with `<unk>`, a word that nobody could write down, are left
        out; else only the mark is.

    Raises:
      InputError: there are no STM files, or not the parts that were asked for.
    """
    root = Path(data_dir)
    if os.path.isfile(root):
        parts = {root.stem: [root]}
    else:
        existing_folder(root, "a folder with *.stm")
        parts = _find_parts(root)
    elsewhere = None if audio is None else _recordings_below(existing_folder(audio, "recordings"))
    beside: dict[Path, dict[str, str]] = {}
    found = []
    for name in chosen(list(parts), splits, data_dir):
        reader = _Reader(name, leave_out_unknown)
        for file in parts[name]:
            if elsewhere is None and file.parent not in beside:
                beside[file.parent] = _recordings_beside(file.parent.absolute())
            reader.read(file, beside[file.parent] if elsewhere is None else elsewhere)
        found.append(reader.finished())
    return found


def _find_parts(root: Path) -> dict[str, list[Path]]:
    parts: dict[str, list[Path]] = {}
    for folder, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        files = [Path(folder, name) for name in sorted(names) if name.lower().endswith(".stm")]
        if files:
            levels = [level for level in Path(folder).relative_to(root).parts if level != "stm"]
            parts.setdefault("-".join(levels) or folder_name(root), []).extend(files)
    if not parts:
        problem = Problem(str(root), "no *.stm", "train/stm/*.stm and train/sph/*.sph, or the like")
        raise InputError("The corpus cannot be read:", [problem])
    return parts


def _recordings_beside(folder: Path) -> dict[str, str]:
    """Recordings by name, in the folder of STM files and those beside it."""
    beside = [path for path in folder.parent.iterdir() if path.is_dir() and path != folder]
    return _by_name(path for place in (folder, *sorted(beside)) for path in place.iterdir())


def _recordings_below(root: Path) -> dict[str, str]:
    walked = os.walk(root, followlinks=True)
    return _by_name(Path(folder, name) for folder, _, names in walked for name in sorted(names))


def _by_name(paths: Iterable[Path]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(path.stem, []).append(str(path))
    best = {name: best_recording(several) for name, several in found.items()}
    return {name: path for name, path in best.items() if path}


class _Reader:
    """Collects one part from its files."""

    def __init__(self, name: str, leave_out_unknown: bool):
        self._split = Split(name)
        self._leave_out_unknown = leave_out_unknown
        self._marks: Counter[str] = Counter()
        self._missing: dict[str, list[str]] = {}

    def read(self, file: Path, recordings: dict[str, str]) -> None:
        try:
            lines = read_text_lines(file)
        except InputError as error:
            self._split.problems += error.problems
            return
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith(";;"):
                self._read_line(line, f"{file}:{number}", recordings)

    def _read_line(self, line: str, source: str, recordings: dict[str, str]) -> None:
        cells = line.split(None, 5)
        if len(cells) < 5:
            self._split.problems.append(Problem(source, f"{len(cells)} fields", _FORMAT))
            return
        name, channel, speaker, start_text, end_text = cells[:5]
        times = _seconds(start_text), _seconds(end_text)
        if not 0 <= times[0] < times[1] < math.inf:
            found = f"a segment from {start_text!r} to {end_text!r}"
            expected = "seconds, the end after the start"
            self._split.problems.append(Problem(source, found, expected))
            return
        text = cells[5] if len(cells) == 6 else ""
        label = _LABEL.match(text)
        if label and label[0].strip().lower() not in _NO_LABELS:
            text = text[label.end() :]
        place = f"{source}: {name} from {start_text} to {end_text} s"
        if text.strip().lower() == IGNORED or speaker.lower() == GAP:
            self._split.left_out.append(f"{place}: not transcribed ({IGNORED})")
            return
        words, marks = plain_words(text)
        if words is None:
            found = f"alternatives: {text!r}"
            remedy = "Choose one of them."
            self._split.problems.append(Problem(source, found, "what is said", remedy))
        elif not words:
            self._split.left_out.append(f"{place}: no words ({text.strip() or 'empty'})")
        elif self._leave_out_unknown and marks[UNKNOWN]:
            self._split.left_out.append(f"{place}: a word that is not written down ({UNKNOWN})")
        elif name not in recordings:
            self._missing.setdefault(name, []).append(source)
        else:
            self._marks += marks
            start, end = times
            # Without the noise of binary fractions: 1.2 - 1.1 is 0.1.
            duration = round(end - start, 6)
            entry = Entry(recordings[name], words, source, start, duration, speaker, channel)
            self._split.entries.append(entry)

    def finished(self) -> Split:
        """The part, with what was found altogether."""
        for name, sources in self._missing.items():
            found = f"no recording {name}, for {len(sources)} lines"
            expected = f"{name} with one of {' '.join(AUDIO_SUFFIXES)}"
            remedy = "Say where the recordings are: --audio."
            self._split.problems.append(Problem(sources[0], found, expected, remedy))
        if self._marks:
            shown = ", ".join(f"{mark} ({count})" for mark, count in self._marks.most_common())
            self._split.notes.append(f"Marks taken out of transcripts: {shown}")
        return self._split


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
