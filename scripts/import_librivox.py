"""Imports LibriSpeech: downloads what is not there, and writes OpenSeq2Seq's CSVs.

`open-seq2seq import librispeech` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.librispeech import main

if __name__ == "__main__":
    sys.exit(main())
