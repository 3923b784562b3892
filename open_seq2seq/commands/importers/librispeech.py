"""Imports LibriSpeech: downloads what is not there, and writes OpenSeq2Seq's CSVs.

open-seq2seq import librispeech data/librispeech
open-seq2seq import librispeech data --splits dev-clean test-clean --no_download

Parts are used where they are, data_dir/LibriSpeech/PART or data_dir/PART; others are downloaded to
data_dir/PART.tar.gz (the same command goes on after an interruption), checked against the MD5 that
openslr.org publishes, and extracted. FLAC files are used as they are. Written are
data_dir/librivox-PART.csv, transcripts in lower-case ASCII.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.entries import Split
from open_seq2seq.corpora.importers.librivox import CHECKSUMS, URL, read_librivox
from open_seq2seq.corpora.importers.texts import OPENSEQ2SEQ


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__,
        prog,
        "the corpus's folder, or one to download it to",
        splits=f"parts: {', '.join(CHECKSUMS)} (all)",
        text=OPENSEQ2SEQ,
    )
    add = parser.add_argument
    add("--no_download", action="store_true", help="import only what is there")
    add("--remove_archives", action="store_true",
        help="delete each archive when its files are extracted")  # fmt: skip
    add("--url", default=URL, help="of the archives' folder, such as a mirror's (%(default)s)")
    return run_importer(parser, _read, arguments)


def _read(flags: argparse.Namespace) -> Sequence[Split]:
    return read_librivox(
        flags.data_dir,
        flags.splits,
        download=not flags.no_download,
        url=flags.url.rstrip("/"),
        remove_archives=flags.remove_archives,
    )
