"""Imports the Free Spoken Digit Dataset: recordings {digit}_{speaker}_{index}.wav or .flac.

`open-seq2seq import fsdd` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.fsdd import main

if __name__ == "__main__":
    sys.exit(main())
