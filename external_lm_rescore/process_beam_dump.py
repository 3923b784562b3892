"""OpenSeq2Seq's rescoring with Transformer-XL: says what took its place."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.successors import answer

if __name__ == "__main__":
    sys.exit(answer("external_lm_rescore/process_beam_dump.py"))
