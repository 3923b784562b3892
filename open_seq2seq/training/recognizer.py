"""Where `Recognizer` was: it is `open_seq2seq.Recognizer` now."""

from open_seq2seq.inference.recognizer import Recognizer, RecordingsLeftOut

__all__ = ["Recognizer", "RecordingsLeftOut"]
