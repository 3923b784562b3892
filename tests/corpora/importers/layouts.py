"""Small corpora as they are published, and the importers' command lines."""

from __future__ import annotations

import csv
import runpy
import string
from collections.abc import Mapping
from pathlib import Path

from tests.data.corpora import write_audio

SCRIPTS = Path(__file__).parents[3] / "scripts"


def run(script: str, *arguments: object) -> int:
    """Runs `scripts/import_<script>.py` in this process."""
    main = runpy.run_path(str(SCRIPTS / f"import_{script}.py"))["main"]
    return main([str(argument) for argument in arguments])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def librispeech_part(
    folder: Path, speakers: Mapping[str, int], suffix: str = ".flac", seconds: float = 0.5
) -> Path:
    """A part in LibriSpeech's layout: one chapter for each speaker, of so many utterances."""
    for number, (speaker, count) in enumerate(speakers.items()):
        name = f"{speaker}-{100 + number}"
        place = folder / speaker / str(100 + number)
        lines = []
        for index in range(count):
            write_audio(place / f"{name}-{index:04d}{suffix}", seconds + 0.1 * index)
            word = string.ascii_uppercase[index] * 3
            lines.append(f"{name}-{index:04d} {word} IT'S\n")
        write_text(place / f"{name}.trans.txt", "".join(lines))
    return folder
