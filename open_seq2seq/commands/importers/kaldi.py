"""Imports Kaldi data folders: wav.scp, text and, if there, segments and utt2spk.

open-seq2seq import kaldi egs/mini_librispeech/s5/data --splits train_clean_5 dev_clean_2
open-seq2seq import kaldi egs/swbd/s5c/data/train --root=egs/swbd/s5c --output=manifests

Each data folder NAME becomes NAME.csv. Segments are not cut out: the manifest says where they are
(columns offset and duration). A command of wav.scp that only decodes a file (flac, sph2pipe,
sox, ffmpeg, cat) is replaced by the file; others are refused. --run_pipes runs them, and decoders
of files that libsndfile does not read or of one channel of several, and keeps what they write
in NAME-audio/*.flac.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.importers.parser import importer_parser, output_folder, run_importer
from open_seq2seq.corpora.importers.entries import Split
from open_seq2seq.corpora.importers.kaldi import KaldiOptions, read_kaldi


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__, prog, "a data folder, or the folder of several", splits="data folders (all)"
    )
    add = parser.add_argument
    add("--root", metavar="DIR", help="folder that paths in wav.scp are relative to (looked for)")
    add("--run_pipes", action="store_true", help="run commands of wav.scp, whatever they do")
    return run_importer(parser, _read, arguments)


def _read(flags: argparse.Namespace) -> Sequence[Split]:
    options = KaldiOptions(
        root=Path(flags.root) if flags.root else None,
        run_pipes=flags.run_pipes,
        audio_folder=output_folder(flags),
    )
    return read_kaldi(flags.data_dir, flags.splits, options)
