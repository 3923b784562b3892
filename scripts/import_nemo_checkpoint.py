"""Turns a CTC model of NVIDIA NeMo into one of this framework, with the same numbers.

`open-seq2seq import nemo_checkpoint` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.nemo_model import main

if __name__ == "__main__":
    sys.exit(main())
