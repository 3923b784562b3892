"""Beam search for CTC networks with n-gram language models, in C++17.

lm = LanguageModel("3gram.binary")
decoder = BeamSearchDecoder(symbols, lm, step_size=0.02)
result = decoder.decode(logits, alpha=0.8, beta=0.0, beam_width=100, nbest=10)
print(result.text, result.words, result.score)

The core is built by `python -m ctc_decoder_with_lm.build`; `available()` says whether it is there.
"""

from ctc_decoder_with_lm.decoder import (
    BeamSearchDecoder,
    HotWords,
    Partial,
    Stream,
)
from ctc_decoder_with_lm.language_model import LanguageModel
from ctc_decoder_with_lm.library import why_unavailable
from ctc_decoder_with_lm.scorer_package import ScorerPackage
from ctc_decoder_with_lm.scoring import PRESETS, Scoring
from ctc_decoder_with_lm.search_options import SearchOptions

__all__ = [
    "PRESETS",
    "BeamSearchDecoder",
    "HotWords",
    "LanguageModel",
    "Partial",
    "ScorerPackage",
    "Scoring",
    "SearchOptions",
    "Stream",
    "available",
    "why_unavailable",
]


def available() -> bool:
    """Whether the native core is built and can be used."""
    return why_unavailable() is None
