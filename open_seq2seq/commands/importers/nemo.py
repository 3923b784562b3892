"""Turns NVIDIA NeMo's manifests (JSON lines) into CSVs, and CSVs into NeMo's; imports its models.

open-seq2seq import nemo train_manifest.json dev_manifest.json --output=manifests
open-seq2seq import nemo manifests/train.csv
open-seq2seq import nemo stt_en_quartznet15x5.nemo --logdir=runs/quartznet

A .nemo or .pt file, by its name or its content, is a model:
`open-seq2seq import nemo_checkpoint --help` says more.

NAME.json or NAME.jsonl becomes NAME.csv, NAME.csv becomes NAME.jsonl, beside it or in --output.
Training reads both; a CSV of this script was checked against its recordings. Kept are path, text,
duration, offset and speaker.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from open_seq2seq.commands.engine_flags import check_engine
from open_seq2seq.commands.importers.parser import exit_code, importer_parser, output_of
from open_seq2seq.corpora.importers.manifests import write_manifests
from open_seq2seq.corpora.importers.nemo import SUFFIX, check_names, read_nemo, write_json_lines

# How the names of models end.
MODELS = (".nemo", ".pt", ".pth", ".ckpt")
# How files of gzip, zip and pickle begin.
_MAGIC = (b"\x1f\x8b", b"PK\x03\x04", b"\x80\x02")


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if any(one.startswith("--logdir") or _is_model(one) for one in given):
        from open_seq2seq.commands.importers import nemo_model

        return nemo_model.main(given, prog)
    parser = importer_parser(__doc__, prog, None)
    parser.add_argument("manifests", nargs="+", help="JSON lines of NeMo, or CSVs")
    parser.add_argument("--output", metavar="DIR", help="where the results go (beside each)")
    flags = parser.parse_args(given)
    return exit_code(lambda: _convert(flags))


def _is_model(argument: str) -> bool:
    """Whether it names a model: a tar, gzip, zip or pickle, whatever its name."""
    if argument.endswith(MODELS):
        return True
    try:
        with open(argument, "rb") as file:
            start = file.read(512)
    except (OSError, ValueError):  # a flag, or what the manifests' reader refuses
        return False
    return start.startswith(_MAGIC) or start[257:262] == b"ustar"


def _convert(flags: argparse.Namespace) -> None:
    check_engine(flags)
    manifests = list(map(Path, flags.manifests))
    check_names(manifests)
    for to_csv in (True, False):
        files = [path for path in manifests if (path.suffix != ".csv") == to_csv]
        for folder in dict.fromkeys(Path(flags.output or path.parent) for path in files):
            mine = [path for path in files if flags.output or path.parent == folder]
            splits = [read_nemo(path) for path in mine]
            with output_of(flags, folder) as output:
                if not to_csv:
                    output = replace(output, write=write_json_lines, suffix=SUFFIX)
                write_manifests(splits, output)
