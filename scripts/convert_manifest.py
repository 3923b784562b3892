"""Makes one Arrow or Parquet manifest of others: millions of rows start in seconds.

`open-seq2seq data convert` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.data.convert import main

if __name__ == "__main__":
    sys.exit(main())
