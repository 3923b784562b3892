"""Imports tables of recordings and their texts: CSV with , or ; or |, TSV, Excel (.xlsx).

`open-seq2seq import table` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.importers.table import main

if __name__ == "__main__":
    sys.exit(main())
