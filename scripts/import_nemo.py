"""Turns NVIDIA NeMo's manifests (JSON lines) into CSVs, and CSVs into NeMo's.

`open-seq2seq import nemo` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.nemo import main

if __name__ == "__main__":
    sys.exit(main())
