"""Imports TED-LIUM, or another corpus with segment time marks (STM) and recordings.

python scripts/import_stm.py data/TEDLIUM_release2
python scripts/import_stm.py data/TEDLIUM_release-3/legacy --splits train dev --output=manifests
python scripts/import_stm.py eval.stm --audio=data/eval --output=manifests

Each folder of *.stm becomes a manifest: train/stm/*.stm is train.csv. Nothing is cut: the
manifest says where in its recording an utterance is (columns offset and duration). Segments
that are not transcribed (ignore_time_segment_in_scoring, inter_segment_gap) are left out and
listed in left_out_NAME.txt; marks such as <unk>, <sil>, {COUGH} are taken out of the text.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.corpora.importers.command import importer_parser, run_importer
from open_seq2seq.corpora.importers.stm import read_stm


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = importer_parser(
        __doc__, "the corpus's folder, or an STM file", splits="folders of *.stm (all)"
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


if __name__ == "__main__":
    sys.exit(main())
