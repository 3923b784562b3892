"""The decoder under test, made of the references' parts."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel, Scoring
from open_seq2seq.decode_result import DecodeResult

from .arpa import NGramModel

EVERYTHING = 100_000  # a beam width that no tiny case fills


def load(model: NGramModel) -> LanguageModel:
    """A language model of the core with these n-grams."""
    with tempfile.TemporaryDirectory() as folder:
        return LanguageModel(str(model.write(Path(folder) / "model.arpa")))


def make(
    symbols: Sequence[str],
    models: Sequence[NGramModel] = (),
    scoring: str | Scoring = "standard",
    lexicon: Iterable[str] | None = None,
    recombine: bool = False,
    **more: Any,
) -> BeamSearchDecoder:
    """A decoder that drops nothing because of its future, unless told to."""
    rules = Scoring.preset(scoring) if isinstance(scoring, str) else scoring
    scoring = replace(rules, recombine=recombine and rules.recombine)
    loaded = [load(model) for model in models]
    lexicon = sorted(lexicon) if lexicon is not None else None
    return BeamSearchDecoder(list(symbols), loaded or None, scoring, lexicon=lexicon, **more)


def hypotheses(result: DecodeResult) -> Sequence[DecodeResult]:
    return result.nbest or (result,)


def exact(decoder: BeamSearchDecoder, log_probs: np.ndarray, **more: Any) -> list[DecodeResult]:
    """All hypotheses, nothing pruned, best first."""
    settings: dict[str, Any] = {
        "beam_width": EVERYTHING,
        "nbest": EVERYTHING,
        "beam_threshold": np.inf,
        "token_threshold": -np.inf,
        "cutoff_top_n": 0,
        "cutoff_prob": 1.0,
        "blank_penalty": 0.0,
        "inputs": "log_probs",
    }
    result = decoder.decode(log_probs.astype(np.float32), **{**settings, **more})
    return list(hypotheses(result))


@functools.cache
def random_log_probs(seed: int, frames: int, classes: int, spread: float = 2.0) -> np.ndarray:
    """[frames, classes] float64 whose values are exact in float32."""
    logits = np.random.default_rng(seed).normal(0, spread, (frames, classes))
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return shifted.astype(np.float32).astype(np.float64)
