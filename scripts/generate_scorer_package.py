"""Makes a scorer package, as DeepSpeech's generate_scorer_package does.

`open-seq2seq lm package` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.lm.package import main

if __name__ == "__main__":
    sys.exit(main())
