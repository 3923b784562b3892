"""Trains, evaluates and transcribes: `python run.py --help`."""

import sys

import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.run import main

if __name__ == "__main__":
    sys.exit(main())
