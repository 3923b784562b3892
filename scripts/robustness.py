"""Error rates of a trained model on recordings with pauses, noise, other levels and channels.

`open-seq2seq robustness` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.robustness import main

if __name__ == "__main__":
    sys.exit(main())
