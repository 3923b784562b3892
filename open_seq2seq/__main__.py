"""`python -m open_seq2seq`: the command `open-seq2seq`, where it is not on the path."""

import sys

from open_seq2seq.cli import main

if __name__ == "__main__":
    sys.exit(main())
