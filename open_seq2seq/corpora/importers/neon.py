"""What Nervana's neon read: a file of text for each recording, and pairs of both paths.

Source: github.com/NervanaSystems/deepspeech, speech/data/ingest_librispeech.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.corpora.importers.entries import ManifestRow, Split
from open_seq2seq.corpora.importers.librispeech import read_splits
from open_seq2seq.corpora.importers.parallel import in_parallel
from open_seq2seq.errors import Problem
from open_seq2seq.files import csv_line, write_whole


def read_librispeech(folder: str | Path, name: str) -> Split:
    """All parts of a corpus in LibriSpeech's layout as one split.

    The files of text lie in one folder, so two recordings of one name are a problem.
    """
    whole = Split(name)
    seen: dict[str, str] = {}
    for part in read_splits(folder):
        whole.problems += part.problems
        for entry in part.entries:
            stem = Path(entry.audio).stem
            if stem in seen:
                found = f"{stem} again, after {seen[stem]}"
                expected = "one recording of each name"
                whole.problems.append(Problem(entry.source, found, expected))
                continue
            seen[stem] = entry.source
            whole.entries.append(entry)
    return whole


def write_pairs(path: Path, rows: Sequence[ManifestRow], texts: Path) -> None:
    """Writes `texts/<recording>.txt` for each row, and a line `audio,text` for each to `path`.

    Files that hold the same text already are not written again. The manifest has no header.
    """
    pairs = []
    for row in rows:
        audio = row["wav_filename"]
        pairs.append((audio, texts.absolute() / f"{Path(audio).stem}.txt", row["transcript"]))
    for _ in in_parallel(_write_texts, pairs, "Writing transcripts"):
        pass
    lines = []
    for audio, text, _ in pairs:
        # Both paths are of one kind.
        shown = text if os.path.isabs(audio) else os.path.relpath(text, path.parent)
        lines.append(csv_line((audio, shown)))
    write_whole(path, "".join(lines))


def _write_texts(pairs: Sequence[tuple[str, Path, str]]) -> list[bool]:
    """Writes the texts that are not there; returns which."""
    written = []
    for _, path, text in pairs:
        new = not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text
        if new:
            write_whole(path, text, flush=False)
        written.append(new)
    return written
