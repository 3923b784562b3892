"""Models, by the name a config gives them."""

from open_seq2seq.models.language_model import NeuralLanguageModel
from open_seq2seq.models.speech2text import Speech2Text

# What is trained and evaluated: `task` says how.
Model = Speech2Text | NeuralLanguageModel

__all__ = ["Model", "NeuralLanguageModel", "Speech2Text"]
