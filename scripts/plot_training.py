"""Draws WER and CER of the evaluation data during training, of one run or of several.

`open-seq2seq plot` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.plot.training import main

if __name__ == "__main__":
    sys.exit(main())
