"""Turns a checkpoint of OpenSeq2Seq (TensorFlow 1) into one of this framework.

`open-seq2seq import openseq2seq` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.openseq2seq import main

if __name__ == "__main__":
    sys.exit(main())
