"""The numbers that each call of beam search may choose, and their defaults.

What is not given has the values of `SearchOptions`, which native/scoring.h repeats for C++. Only
OpenSeq2Seq's programs had others, and its configs and command lines keep them:
`OPENSEQ2SEQ_RUN` and `OPENSEQ2SEQ_DECODE`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ctc_decoder_with_lm.errors import InputError, Problem

DEFAULT_SCORING = "standard"
_WHOLE = ("beam_width", "cutoff_top_n", "nbest")


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The numbers of a call, checked.

    Args:
      alpha: weight of the language models, in the unit of the scoring rules.
      beta: bonus of each word (of each symbol, with models of symbols), natural log.
      weights: of each of several language models, times alpha; None: 1 each.
      trie_weight: for rules with partial_word="trie".
      beam_width: hypotheses kept after each frame.
      beam_threshold: those further below the best one are dropped as well (natural log).
      token_threshold: symbols with a lower log probability count as impossible in a frame;
        the best one always stays.
      blank_penalty: subtracted from the blank's log probability (natural) in every frame, before
        all else. A network that learned its training data by heart is too sure of blanks
        elsewhere: words are deleted, the more the language model weighs.
      cutoff_top_n: at most so many symbols, blank included, in a frame; 0: all.
      cutoff_prob: the most probable symbols until their sum reaches this; 1: all.
      recombine: see `Scoring`; None: as the rules have it, if there is a language model.
      nbest: hypotheses in the result.

    Raises:
      InputError: a value that makes no sense.
    """

    alpha: float = 0.8
    beta: float = 0.0
    weights: Sequence[float] | None = None
    trie_weight: float = 0.1
    beam_width: int = 100
    beam_threshold: float = math.inf
    token_threshold: float = -math.inf
    blank_penalty: float = 0.0
    cutoff_top_n: int = 0
    cutoff_prob: float = 1.0
    recombine: bool | None = None
    nbest: int = 1

    def __post_init__(self) -> None:
        if self.weights is not None and not isinstance(self.weights, (list, tuple, np.ndarray)):
            problem = Problem("weights", repr(self.weights), "a list of numbers")
            raise InputError("Beam search cannot work with:", [problem])
        problems = []
        if self.recombine is not None and not isinstance(self.recombine, (bool, np.bool_)):
            problems.append(Problem("recombine", repr(self.recombine), "True, False or None"))
        for name, value in vars(self).items():
            if name == "recombine":
                continue
            values = ([] if value is None else value) if name == "weights" else [value]
            for one in values:
                problems += _number_problems(name, one)
        if problems:
            raise InputError("Beam search cannot work with:", problems)

    def native(self, recombine: bool) -> dict[str, Any]:
        """As the core takes them.

        Args:
          recombine: where the options leave it open.
        """
        given = recombine if self.recombine is None else bool(self.recombine)
        weights = [] if self.weights is None else list(self.weights)
        return {**vars(self), "weights": weights, "recombine": given}


def _number_problems(name: str, value: Any) -> list[Problem]:
    whole = name in _WHOLE
    types = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    fits = isinstance(value, types) and not isinstance(value, bool)
    if fits and (not whole or 0 <= int(value) < 2**31):
        return []
    kind = "a whole number that is not negative" if whole else "a number"
    return [Problem(name, repr(value), kind)]


# OpenSeq2Seq's `decoder_params`: what its configs mean where they say nothing, with the scoring
# of its TensorFlow operation.
OPENSEQ2SEQ_RUN = SearchOptions(alpha=2.0, beta=1.0, beam_width=512)
OPENSEQ2SEQ_RUN_SCORING = "native_op"
# Its scripts/decode.py; alpha and beta have to be given there.
OPENSEQ2SEQ_DECODE = SearchOptions(beam_width=128)
OPENSEQ2SEQ_DECODE_SCORING = "openseq2seq"
# Alpha and beta of a scorer package of DeepSpeech are meant for these rules.
SCORER_PACKAGE_SCORING = "deepspeech"
