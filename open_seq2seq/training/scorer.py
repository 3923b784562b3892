"""Where `LanguageModelScorer` was: `open_seq2seq.inference.language_model_scorer` has it."""

from open_seq2seq.inference.language_model_scorer import LanguageModelScorer

__all__ = ["LanguageModelScorer"]
