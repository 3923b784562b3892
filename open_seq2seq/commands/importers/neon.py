"""Does what ingest_librispeech.py did for Nervana's neon, with its arguments.

open-seq2seq import neon data/LibriSpeech/dev-clean data/dev-transcripts data/dev-manifest.csv

For each recording below input_directory (LibriSpeech's layout, any audio format) a file
transcript_directory/NAME.txt, and in manifest_file a line `recording,transcript file` with absolute
paths and no header. Training reads such manifests (dataset_files, scripts/train.py --manifest);
join them with cat. Unlike there, transcripts are lower case, as the vocabularies here are;
--text_normalization=none keeps LibriSpeech's capitals.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from open_seq2seq.commands.engine_flags import check_engine
from open_seq2seq.commands.importers.parser import exit_code, importer_parser, output_of
from open_seq2seq.corpora.importers.manifests import write_manifests
from open_seq2seq.corpora.importers.neon import read_librispeech, write_pairs
from open_seq2seq.corpora.importers.texts import OPENSEQ2SEQ


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(__doc__, prog, None, text=OPENSEQ2SEQ)
    add = parser.add_argument
    add("input_directory", help="folder of recordings and *.trans.txt")
    add("transcript_directory", help="where the files of text go")
    add("manifest_file", help="what lists both")
    flags = parser.parse_args(arguments)
    return exit_code(lambda: _ingest(flags))


def _ingest(flags: argparse.Namespace) -> None:
    check_engine(flags)
    path = Path(flags.manifest_file)
    splits = [read_librispeech(flags.input_directory, path.stem)]
    write = partial(write_pairs, texts=Path(flags.transcript_directory))
    with output_of(flags, path.parent) as output:
        write_manifests(splits, replace(output, write=write, suffix=path.suffix))
