"""Builds a language model from text: OpenSeq2Seq's name for what scripts/build_lm.py does."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401

main = runpy.run_path(str(Path(__file__).with_name("build_lm.py")))["main"]

if __name__ == "__main__":
    sys.exit(main())
