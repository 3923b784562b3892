"""Imports TED-LIUM, or another corpus with segment time marks (STM) and recordings.

open-seq2seq import stm data/TEDLIUM_release2
open-seq2seq import stm data/TEDLIUM_release-3/legacy --splits train dev --output=manifests
open-seq2seq import stm eval.stm --audio=data/eval --output=manifests

Each folder of *.stm becomes a manifest: train/stm/*.stm is train.csv. Nothing is cut: the
manifest says where in its recording an utterance is (columns offset and duration). Segments
that are not transcribed (ignore_time_segment_in_scoring, inter_segment_gap) are left out and
listed in left_out_NAME.txt; marks such as <unk>, <sil>, {COUGH} are taken out of the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.importers.parser import importer_parser, run_importer
from open_seq2seq.corpora.importers.stm import read_stm


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = importer_parser(
        __doc__, prog, "the corpus's folder, or an STM file", splits="folders of *.stm (all)"
    )
    add = parser.add_argument
    add("--audio", metavar="DIR", help="folder below which the recordings are (beside the *.stm)")
    add("--leave_out_unk", action="store_true",
        help="leave out segments with <unk>, an unknown word, not only the mark")  # fmt: skip
    return run_importer(
        parser,
        lambda flags: read_stm(flags.data_dir, flags.splits, flags.audio, flags.leave_out_unk),
        arguments,
    )
