"""End-to-end CTC speech recognition, driven by Python config modules.

`open_seq2seq.Recognizer` is a trained model that transcribes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from open_seq2seq.greetings import hold_back
from open_seq2seq.successors.finder import install
from open_seq2seq.version import __version__

if TYPE_CHECKING:
    from open_seq2seq.inference.recognizer import Recognizer

__all__ = ["Recognizer", "__version__"]

hold_back()
install()


def __getattr__(name: str) -> Any:
    """What costs an import of Keras, when it is asked for."""
    if name == "Recognizer":
        from open_seq2seq.inference.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
