"""Imports the Free Spoken Digit Dataset: recordings {digit}_{speaker}_{index}.wav or .flac.

python scripts/import_fsdd.py data/fsdd --output=manifests

Writes test.csv (index 0-4 of each digit and speaker, the official test split), dev.csv (5-7) and
train.csv (the rest). Every speaker is in all three.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.corpora.importers.command import importer_parser, run_importer
from open_seq2seq.corpora.importers.fsdd import SPLITS, read_fsdd


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = importer_parser(
        __doc__, "the folder with recordings/", splits=f"{', '.join(SPLITS)} (all)"
    )
    return run_importer(parser, lambda flags: read_fsdd(flags.data_dir, flags.splits), arguments)


if __name__ == "__main__":
    sys.exit(main())
