"""Writes the manifests of the packaged digits corpus: train.csv, dev.csv, test.csv, vocab.txt.

    python scripts/make_digits_example.py                         # example_data/digits
    python scripts/make_digits_example.py --corpus=path/to/corpus  # a folder with recordings/

The recordings are named `{digit}_{speaker}_{index}.flac` (or .wav, as the Free Spoken Digit
Dataset publishes them). Index 0-4 of each digit and speaker is the corpus's official test
split; index 5-7 is the development split; the rest is for training. scripts/import_fsdd.py
imports the corpus itself, with durations and speakers.
"""

from __future__ import annotations

import argparse
import string
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.corpora.importers.fsdd import SPLITS, find_recordings
from open_seq2seq.errors import InputError
from open_seq2seq.files import write_csv

# The symbols of OpenSeq2Seq's English recognisers: space, a-z, apostrophe.
VOCABULARY = " " + string.ascii_lowercase + "'"
DEFAULT_CORPUS = Path(__file__).resolve().parent.parent / "example_data" / "digits"


def make(corpus: Path) -> dict[str, int]:
    """Writes the manifests and the vocabulary of `corpus`; returns rows per split.

    The paths in the manifests are relative to their own folder.

    Raises:
      SystemExit: there are no recordings, or files with other names.
    """
    try:
        recordings, strangers = find_recordings(corpus / "recordings")
    except InputError as error:
        raise SystemExit(str(error)) from error
    if strangers:
        raise SystemExit("\n".join(map(str, strangers)))
    counts = {}
    for split in SPLITS:
        rows = [
            {
                "wav_filename": recording.path.relative_to(corpus).as_posix(),
                "wav_filesize": recording.path.stat().st_size,
                "transcript": recording.word,
            }
            for recording in recordings
            if recording.split == split
        ]
        write_csv(corpus / f"{split}.csv", rows)
        counts[split] = len(rows)
    vocabulary = "".join(f"{symbol}\n" for symbol in VOCABULARY)
    (corpus / "vocab.txt").write_text(vocabulary, encoding="utf-8")
    return counts


def main(argv: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
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
