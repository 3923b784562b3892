"""Tests the beam search: OpenSeq2Seq's name for it.

    python scripts/ctc_decoders_test.py

runs tests/ctc_decoder_with_lm with pytest; further arguments are pytest's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.start import ROOT


def main(arguments: list[str] | None = None) -> int:
    """Runs the tests; returns pytest's exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _, more = parser.parse_known_args(arguments)
    import pytest

    where = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    return int(pytest.main([*where, str(ROOT / "tests" / "ctc_decoder_with_lm"), *more]))


if __name__ == "__main__":
    sys.exit(main())
