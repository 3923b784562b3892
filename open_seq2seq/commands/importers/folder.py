"""Imports a folder of recordings that have a text of the same name beside them.

open-seq2seq import folder my_recordings --output=data
open-seq2seq import folder my_recordings --speaker_folder --output=data
open-seq2seq import folder corpus --splits train dev --speaker_pattern='([a-z]+)_[0-9]+'

a.wav and a.txt (or a.wav.txt) are an utterance, in the folder or in any below it. NAME.csv, of the
folder's name, lists them all; with --splits each of these folders directly below has its own. Texts
are UTF-8 or UTF-16; what looks like Windows-1252 is read so, and said. Lines of a text are joined.
scripts/split_data.py then makes lists to train on and to measure on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.entries import Split
from open_seq2seq.corpora.importers.folder import (
    read_folder,
    speaker_from_folder,
    speaker_from_pattern,
)


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__, prog, "the folder", splits="folders directly below, each a manifest of its own"
    )
    add = parser.add_argument
    speaker = parser.add_mutually_exclusive_group()
    speaker.add_argument("--speaker_folder", nargs="?", type=_place, const=1, metavar="N",
        help="the speaker is the N-th folder below; -1: the innermost (1)")  # fmt: skip
    speaker.add_argument("--speaker_pattern", metavar="REGEX", help="the speaker is what the "
        "group of this regular expression finds in the path below")  # fmt: skip
    add("--text_suffix", default=".txt", metavar="SUFFIX", help="of the files of text (.txt)")
    add("--encoding", metavar="NAME", help="of the texts (it is found)")
    return run_importer(parser, _read, arguments)


def _read(flags: argparse.Namespace) -> Sequence[Split]:
    options = {"text_suffix": flags.text_suffix, "encoding": flags.encoding}
    if flags.speaker_folder is not None:
        options["speaker_of"] = speaker_from_folder(flags.speaker_folder)
    elif flags.speaker_pattern is not None:
        options["speaker_of"] = speaker_from_pattern(flags.speaker_pattern)
    return read_folder(flags.data_dir, flags.splits, **options)


def _place(text: str) -> int:
    if not text.lstrip("-").isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: not 1, 2, ... or -1, -2, ...")
    return int(text)
