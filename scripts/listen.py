"""Text while people speak: of the microphone, of a recording played as a stream, or of a pipe.

`open-seq2seq listen` does the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.listen import main

if __name__ == "__main__":
    sys.exit(main())
