"""Data: manifests, audio files, text, features and batches. NumPy only."""

from __future__ import annotations

from typing import Any

__all__ = ["DATA_LAYERS", "LM_DATA_LAYERS", "Speech2TextDataLayer", "TextDataLayer"]


def __getattr__(name: str) -> Any:
    # Reading a manifest or an audio file needs none of the data layer's imports.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer
    from open_seq2seq.data.text_lines.text_lines import TextDataLayer

    values = {
        "DATA_LAYERS": {"Speech2TextDataLayer": Speech2TextDataLayer},
        "LM_DATA_LAYERS": {"TextDataLayer": TextDataLayer},
        "Speech2TextDataLayer": Speech2TextDataLayer,
        "TextDataLayer": TextDataLayer,
    }
    globals().update(values)
    return values[name]
