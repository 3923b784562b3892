"""Imports a language of Mozilla Common Voice from its tables.

open-seq2seq import common_voice data/cv-corpus-17.0/de
open-seq2seq import common_voice data/cv-corpus-17.0/de --splits validated --output=manifests

The folder holds train.tsv, dev.tsv, test.tsv and clips/; NAME.tsv becomes NAME.csv. The clips are
used as they are (MP3), the speakers are the corpus's client_ids. Sentences are kept as they are;
--text_normalization=plain leaves lower-case words.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.common_voice import read_common_voice


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__, prog, "the language's folder", splits="tables without .tsv (train dev test)"
    )
    return run_importer(
        parser, lambda flags: read_common_voice(flags.data_dir, flags.splits), arguments
    )
