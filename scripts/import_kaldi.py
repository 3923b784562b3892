"""Imports Kaldi data folders: wav.scp, text and, if there, segments and utt2spk.

`open-seq2seq import kaldi` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.kaldi import main

if __name__ == "__main__":
    sys.exit(main())
