"""The data doctor: what is wrong with a corpus, before training finds out.

`open-seq2seq data check` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.data.check import main

if __name__ == "__main__":
    sys.exit(main())
