"""Imports a language of Mozilla Common Voice from its tables.

`open-seq2seq import common_voice` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.common_voice import main

if __name__ == "__main__":
    sys.exit(main())
