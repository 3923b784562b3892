"""Imports any corpus in the layout of LibriSpeech, with recordings in any format.

python scripts/import_librispeech_layout.py data/mini_librispeech --output=manifests

SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt becomes SPLIT.csv; a folder of speakers becomes
a CSV of the folder's name. Recordings are used as they are: FLAC, WAV, Opus, MP3 and so on.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.corpora.importers.command import importer_parser, run_importer
from open_seq2seq.corpora.importers.librispeech import read_splits
from open_seq2seq.corpora.importers.texts import OPENSEQ2SEQ


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = importer_parser(
        __doc__,
        "the folder with a folder for each split, or one split",
        splits="folders to import (all)",
        text=OPENSEQ2SEQ,
    )
    return run_importer(parser, lambda flags: read_splits(flags.data_dir, flags.splits), arguments)


if __name__ == "__main__":
    sys.exit(main())
