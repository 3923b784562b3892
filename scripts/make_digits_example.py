"""Writes the manifests of the packaged digits corpus: train.csv, dev.csv, test.csv, vocab.txt.

    python scripts/make_digits_example.py                         # example_data/digits
    python scripts/make_digits_example.py --corpus=path/to/corpus  # a folder with recordings/

The recordings are named `{digit}_{speaker}_{index}.flac` (or .wav, as the Free Spoken Digit
Dataset publishes them). Index 0-4 of each digit and speaker is the corpus's official test
split; index 5-7 is the development split; the rest is for training.
"""

from __future__ import annotations

import argparse
import csv
import re
import string
import sys
from dataclasses import dataclass
from pathlib import Path

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST_INDICES = range(5)
DEV_INDICES = range(5, 8)
# The symbols of OpenSeq2Seq's English recognisers: space, a-z, apostrophe.
VOCABULARY = " " + string.ascii_lowercase + "'"
NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<index>[0-9]+)\.(flac|wav)")
DEFAULT_CORPUS = Path(__file__).resolve().parent.parent / "example_data" / "digits"


@dataclass(frozen=True, order=True)
class Recording:
    """One recorded digit; sorts by digit, speaker and index."""

    digit: int
    speaker: str
    index: int
    path: Path

    @property
    def split(self) -> str:
        if self.index in TEST_INDICES:
            return "test"
        return "dev" if self.index in DEV_INDICES else "train"


def find_recordings(folder: Path) -> list[Recording]:
    """The recordings in `folder`, sorted.

    Raises:
      SystemExit: when there are none, or when files are named differently.
    """
    recordings, strangers = [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = NAME.fullmatch(path.name)
        if match:
            recordings.append(
                Recording(int(match["digit"]), match["speaker"], int(match["index"]), path)
            )
        else:
            strangers.append(path.name)
    if strangers:
        raise SystemExit(
            f"{folder}: not named {{digit}}_{{speaker}}_{{index}}.flac: {', '.join(strangers)}. "
            "Move them elsewhere."
        )
    if not recordings:
        raise SystemExit(
            f"{folder}: no recordings found. Put {{digit}}_{{speaker}}_{{index}}.flac there."
        )
    return sorted(recordings)


def write_manifest(path: Path, recordings: list[Recording]) -> None:
    """Writes one CSV; the paths in it are relative to its own folder."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["wav_filename", "wav_filesize", "transcript"])
        for recording in recordings:
            name = recording.path.relative_to(path.parent).as_posix()
            writer.writerow([name, recording.path.stat().st_size, WORDS[recording.digit]])


def write_vocabulary(path: Path) -> None:
    """Writes the vocabulary file, one symbol per line."""
    path.write_text("".join(f"{symbol}\n" for symbol in VOCABULARY), encoding="utf-8")


def make(corpus: Path) -> dict[str, int]:
    """Writes the manifests and the vocabulary of `corpus`; returns rows per split."""
    recordings = find_recordings(corpus / "recordings")
    counts = {}
    for split in ("train", "dev", "test"):
        rows = [recording for recording in recordings if recording.split == split]
        write_manifest(corpus / f"{split}.csv", rows)
        counts[split] = len(rows)
    write_vocabulary(corpus / "vocab.txt")
    return counts


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--corpus", type=Path, default=DEFAULT_CORPUS, help="folder with recordings/"
    )
    corpus = parser.parse_args(argv).corpus.resolve()
    for split, count in make(corpus).items():
        print(f"{corpus / split}.csv: {count} recordings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
