"""Writes the result of a recipe as one HTML page that needs nothing besides itself.

`open-seq2seq report` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
