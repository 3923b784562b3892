"""The data layer of speech recognisers.

`Speech2TextDataLayer` can be imported from here too, as configs of OpenSeq2Seq's first releases do.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    # Reading features needs none of the data layer's imports.
    if name != "Speech2TextDataLayer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer

    globals()[name] = Speech2TextDataLayer
    return Speech2TextDataLayer
