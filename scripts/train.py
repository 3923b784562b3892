"""Trains a speech model on manifests, with the arguments of neon's train.py.

`open-seq2seq neon train` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.neon_train import main

if __name__ == "__main__":
    sys.exit(main())
