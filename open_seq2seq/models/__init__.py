"""Models, by the name a config gives them."""

from open_seq2seq.models.speech2text import Speech2Text

__all__ = ["Speech2Text"]
