"""Models, by the name a config gives them.

They are Keras models, and imported when they are asked for: parameters that stand beside them are
used without Keras too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from open_seq2seq.models.language_model import NeuralLanguageModel
    from open_seq2seq.models.speech2text import Speech2Text

    # What is trained and evaluated: `task` says how.
    Model: TypeAlias = Speech2Text | NeuralLanguageModel

__all__ = ["Model", "NeuralLanguageModel", "Speech2Text"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from open_seq2seq.models.language_model import NeuralLanguageModel
    from open_seq2seq.models.speech2text import Speech2Text

    found = {
        "Speech2Text": Speech2Text,
        "NeuralLanguageModel": NeuralLanguageModel,
        "Model": Speech2Text | NeuralLanguageModel,
    }
    globals().update(found)
    return found[name]
