"""Builds the decoder's C++ core: `python -m ctc_decoder_with_lm.build`.

CMake builds it for this machine's processor. It needs a C++17 compiler (`CXX`, else g++), the
network or `KENLM_SOURCE` for KenLM's sources, and what `pip install 'open-seq2seq[build]'` brings.
Everything else of the framework works without it.
`--tools` builds KenLM's `build_binary` as well.
"""

from __future__ import annotations

import argparse
import os
import sys

from ctc_decoder_with_lm.errors import RunError
from ctc_decoder_with_lm.library import build, build_operation, build_tool


def main(arguments: list[str] | None = None) -> int:
    """Runs the build; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tools", action="store_true", help="KenLM's build_binary, too")
    parser.add_argument(
        "--no_tensorflow", action="store_true", help="without the TensorFlow operation"
    )
    flags = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        print(f"Beam search: {build()}")
        if not flags.no_tensorflow:
            print(f"Beam search, TensorFlow operation: {build_operation()}")
        if flags.tools:
            print(f"KenLM's build_binary: {build_tool()}")
    except RunError as error:
        print(f"{error}\nEverything but beam search works without it.", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
