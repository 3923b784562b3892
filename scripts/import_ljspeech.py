"""Imports LJ Speech, or a corpus in its layout: metadata.csv and wavs/.

python scripts/import_ljspeech.py data/LJSpeech-1.1 --output=manifests

Writes one manifest, named as the folder (LJSpeech-1.1.csv); the corpus has no official parts.
Transcripts are the normalised ones (third column), kept as they are;
--text_normalization=librispeech leaves lower-case words.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.corpora.importers.command import importer_parser, run_importer
from open_seq2seq.corpora.importers.ljspeech import read_ljspeech


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = importer_parser(__doc__, "the folder with metadata.csv and wavs/")
    parser.add_argument("--raw", action="store_true", help="transcripts as printed, with digits")
    return run_importer(parser, lambda flags: read_ljspeech(flags.data_dir, flags.raw), arguments)


if __name__ == "__main__":
    sys.exit(main())
