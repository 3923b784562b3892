"""Where the files that a config names are."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def config_path(name: str) -> str:
    """The file that `name` in a config means.

    Relative names start from the working directory. OpenSeq2Seq's configs name files that
    come with the package (`open_seq2seq/test_utils/toy_speech_data/vocab.txt`) and were
    run from its folder; when such a name isn't found here, the package's own is meant.
    """
    if name.startswith(f"{_PACKAGE.name}/") and not os.path.exists(name):
        own = _PACKAGE.parent / name
        return str(own) if os.path.exists(own) else name
    return name
