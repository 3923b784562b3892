"""Scores of an acoustic model on stored features, with the flags of OpenVINO's speech sample.

`open-seq2seq score` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.score import main

if __name__ == "__main__":
    sys.exit(main())
