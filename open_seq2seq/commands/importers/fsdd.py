"""Imports the Free Spoken Digit Dataset: recordings {digit}_{speaker}_{index}.wav or .flac.

open-seq2seq import fsdd data/fsdd --output=manifests

Writes test.csv (index 0-4 of each digit and speaker, the official test split), dev.csv (5-7) and
train.csv (the rest). Every speaker is in all three.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.fsdd import SPLITS, read_fsdd


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__, prog, "the folder with recordings/", splits=f"{', '.join(SPLITS)} (all)"
    )
    return run_importer(parser, lambda flags: read_fsdd(flags.data_dir, flags.splits), arguments)
