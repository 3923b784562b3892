"""Imports any corpus in the layout of LibriSpeech, with recordings in any format.

open-seq2seq import librispeech_layout data/mini_librispeech --output=manifests

SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt becomes SPLIT.csv; a folder of speakers becomes
a CSV of the folder's name. Recordings are used as they are: FLAC, WAV, Opus, MP3 and so on.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.librispeech import read_splits
from open_seq2seq.corpora.importers.texts import OPENSEQ2SEQ


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__,
        prog,
        "the folder with a folder for each split, or one split",
        splits="folders to import (all)",
        text=OPENSEQ2SEQ,
    )
    return run_importer(parser, lambda flags: read_splits(flags.data_dir, flags.splits), arguments)
