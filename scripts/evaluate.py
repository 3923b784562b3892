"""Error rates of a trained model on a manifest, with the arguments of neon's evaluate.py.

`open-seq2seq neon evaluate` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.neon_evaluate import main

if __name__ == "__main__":
    sys.exit(main())
