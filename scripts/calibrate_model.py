"""Measures how far a model's word times are from those of a forced alignment.

`open-seq2seq calibrate` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.calibrate import main

if __name__ == "__main__":
    sys.exit(main())
