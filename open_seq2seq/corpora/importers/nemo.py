"""Manifests of NVIDIA NeMo, an object in JSON in each line, to CSV and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.corpora.importers.entries import Entry, ManifestRow, Split
from open_seq2seq.data.manifest import read_manifest
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole

SUFFIX = ".jsonl"


def read_nemo(manifest: str | Path) -> Split:
    """One manifest, of either kind, as a split of its name."""
    split = Split(Path(manifest).stem)
    for one in read_manifest(str(manifest), True, split.problems):
        text = one.transcript or ""
        split.entries.append(
            Entry(one.path, text, one.source, one.offset, one.duration, one.speaker)
        )
    return split


def check_names(manifests: Sequence[Path]) -> None:
    """Raises an InputError where two manifests would become one file."""
    names: dict[str, Path] = {}
    problems = []
    for path in manifests:
        first = names.setdefault(path.stem, path)
        if first != path:
            found = f"the name of {first} again"
            problems.append(Problem(str(path), found, "different names", "Import one elsewhere."))
    if problems:
        raise InputError("The manifests would overwrite each other:", problems)


def write_json_lines(path: Path, rows: Sequence[ManifestRow]) -> None:
    """Rows of a CSV as NeMo's objects: audio_filepath, duration, text[, offset][, speaker]."""
    lines = []
    for row in rows:
        item: dict[str, object] = {
            "audio_filepath": row["wav_filename"],
            "duration": row["duration"],
            "text": row["transcript"],
        }
        known = {"offset": row.get("offset"), "speaker": row.get("speaker")}
        item.update({key: value for key, value in known.items() if value is not None})
        lines.append(json.dumps(item, ensure_ascii=False) + "\n")
    write_whole(path, "".join(lines))
