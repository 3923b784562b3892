"""Makes a lexicon of pronunciations, a vocabulary of phonemes and manifests of them.

`open-seq2seq lexicon` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.lexicon import main

if __name__ == "__main__":
    sys.exit(main())
