"""Imports LJ Speech, or a corpus in its layout: metadata.csv and wavs/.

open-seq2seq import ljspeech data/LJSpeech-1.1 --output=manifests

Writes one manifest, named as the folder (LJSpeech-1.1.csv); the corpus has no official parts.
Transcripts are the normalised ones (third column), kept as they are;
--text_normalization=librispeech leaves lower-case words.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.ljspeech import read_ljspeech


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(__doc__, prog, "the folder with metadata.csv and wavs/")
    parser.add_argument("--raw", action="store_true", help="transcripts as printed, with digits")
    return run_importer(parser, lambda flags: read_ljspeech(flags.data_dir, flags.raw), arguments)
