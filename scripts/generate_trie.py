"""Writes a trie for the decoder's scoring native_op, as OpenSeq2Seq's generate_trie does.

`open-seq2seq lm trie` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.lm.trie import main

if __name__ == "__main__":
    sys.exit(main())
