"""Builds an n-gram language model of transcripts or text, with KenLM's programs.

`open-seq2seq lm build` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.lm.build import main

if __name__ == "__main__":
    sys.exit(main())
