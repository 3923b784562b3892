"""Draws utterances with what a trained model makes of them, as one picture.

`open-seq2seq plot samples` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.plot.samples import main

if __name__ == "__main__":
    sys.exit(main())
