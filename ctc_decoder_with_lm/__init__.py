"""Beam search for CTC networks with n-gram language models, in C++17.

lm = LanguageModel("3gram.binary")
decoder = BeamSearchDecoder(symbols, lm, step_size=0.02)
result = decoder.decode(logits, alpha=0.8, beta=0.0, beam_width=100, nbest=10)
print(result.text, result.words, result.score)

A wheel brings the core, and `python -m ctc_decoder_with_lm.build` builds it; `available()` says
whether it is there.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctc_decoder_with_lm.decoder import BeamSearchDecoder, HotWords, Partial, Stream
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
_MODULES = {
    "decoder": ("BeamSearchDecoder", "HotWords", "Partial", "Stream"),
    "language_model": ("LanguageModel",),
    "library": ("why_unavailable",),
    "scorer_package": ("ScorerPackage",),
    "scoring": ("PRESETS", "Scoring"),
    "search_options": ("SearchOptions",),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def available() -> bool:
    """Whether the native core is built and can be used."""
    from ctc_decoder_with_lm.library import why_unavailable

    return why_unavailable() is None


def __getattr__(name: str) -> Any:
    """What costs an import of NumPy, when it is asked for: errors.py is for everybody."""
    if name in _PLACES:
        return getattr(importlib.import_module(f"ctc_decoder_with_lm.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
