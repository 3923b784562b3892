"""Decodes stored logits by beam search with a language model; tunes alpha and beta.

`open-seq2seq decode` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.decode import main

if __name__ == "__main__":
    sys.exit(main())
