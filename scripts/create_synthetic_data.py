"""Speaks sentences with eSpeak NG: a corpus of synthetic speech to mix into training.

`open-seq2seq synthesize` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.synthesize import main

if __name__ == "__main__":
    sys.exit(main())
