"""Writes a corpus as shards: tar files of WebDataset's layout, each with an index beside it.

open-seq2seq data shard train.csv --output=shards --shard_size=1GB
open-seq2seq data shard train.arrow --output=shards --format=flac

Utterances come in random order, each with its audio, text and JSON; segments are cut out.
dataset_files takes "shards/*.tar". A run that was stopped goes on where it was; the index has each
shard's size and SHA-256.

exit codes: 0 written, 1 written without recordings that could not be read, 2 wrong usage or input
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.console import ProgressBar
from open_seq2seq.corpora.shard_audio import FORMATS
from open_seq2seq.corpora.sharding import Sharded, ShardOptions, write_shards
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.native_build.cpu import available_cores

_UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("manifests", nargs="+", help="of any kind that training takes")
    add("--output", type=Path, required=True, metavar="DIR", help="the folder of the shards")
    add("--shard_size", type=_bytes, default=10**9, metavar="SIZE", help="about, as 500MB (1GB)")
    add("--format", choices=FORMATS, help="of all recordings (as they are; segments as FLAC)")
    add("--seed", type=int, default=0, help="of the order (0)")
    add("--threads", type=int, default=available_cores(), help="shards at a time (one a core)")
    flags = parser.parse_args(arguments)
    try:
        written = _shard(flags)
    except OpenSeq2SeqError as error:
        return print_error(error)
    for problem in written.problems:
        print(f"Left out: {problem}", file=sys.stderr)
    return 1 if written.problems else 0


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9.]+) ?([kMGT]B)?", text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a size such as 500MB")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def _shard(flags: argparse.Namespace) -> Sharded:
    manifest = read_manifests(flags.manifests, need_transcript=False)
    options = ShardOptions(flags.output, flags.shard_size, flags.format, flags.seed, flags.threads)
    with ProgressBar("writing shards", None) as shown:
        written = write_shards(manifest, options, lambda: shown.advance(""))
    kept = f", {written.kept} of them were there" if written.kept else ""
    left_out = f"; {len(written.problems)} are left out" if written.problems else ""
    count = f"{len(manifest)} utterances in {written.shards} shards"
    print(f"{count} in {flags.output}{kept}{left_out}")
    return written
