"""Without language model and lexicon the scores are CTC's prefix probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctc_decoder_with_lm import Scoring

from . import cores
from .brute_force import log_add, prefix_log_probs

PLAIN = replace(
    Scoring.preset("standard"), lexicon="none", partial_word="none", end_of_sentence=False
)


def brute_force_texts(symbols: list[str], log_probs: np.ndarray, merge: str) -> dict[str, float]:
    """log P of each text, whose spaces at the ends and after spaces are nothing."""
    texts: dict[str, list[float]] = {}
    for labels, value in prefix_log_probs(log_probs, merge).items():
        text = " ".join("".join(symbols[label] for label in labels).split())
        texts.setdefault(text, []).append(value)
    return {text: max(x) if merge == "max" else log_add(*x) for text, x in texts.items()}


@pytest.mark.parametrize("merge", ["sum", "max"])
@pytest.mark.parametrize(
    ("symbols", "frames"), [(["a", "b", "c"], 6), ([" ", "a"], 8), ([" ", "a", "b"], 6), (["a"], 9)]
)
def test_scores_of_all_texts_equal_brute_force(symbols: list[str], frames: int, merge: str) -> None:
    decoder = cores.make(symbols, scoring=replace(PLAIN, merge=merge))
    for seed in range(3):
        log_probs = cores.random_log_probs(seed, frames, len(symbols) + 1)
        expected = brute_force_texts(symbols, log_probs, merge)
        found = cores.exact(decoder, log_probs, alpha=0.0, beta=0.0)
        assert {result.text for result in found} == expected.keys()
        for result in found:
            assert result.score == pytest.approx(expected[result.text], abs=1e-5)
            assert result.acoustic_score == pytest.approx(expected[result.text], abs=1e-5)
            assert result.lm_score == 0


def test_improbable_texts_keep_their_digits() -> None:
    # Sums of probabilities this far apart lose nothing, down to 1e-38 a frame.
    log_probs = cores.random_log_probs(5, 6, 3, spread=12.0)
    expected = brute_force_texts(["a", "b"], log_probs, "sum")
    assert log_probs.min() < -30 and min(expected.values()) < -80
    found = cores.exact(cores.make(["a", "b"], scoring=PLAIN), log_probs, alpha=0.0, beta=0.0)
    assert {result.text for result in found} == expected.keys()
    for result in found:
        assert result.score == pytest.approx(expected[result.text], rel=1e-6, abs=1e-5)


def test_equal_probabilities_give_the_counts_of_alignments() -> None:
    # Three frames of one symbol and the blank: aaa, aa-, -aa, a--, -a-, --a; a-a; ---.
    found = cores.exact(cores.make(["a"], scoring=PLAIN), np.log(np.full((3, 2), 0.5)))
    counts = {result.text: np.exp(result.score) * 8 for result in found}
    assert counts == pytest.approx({"a": 6, "aa": 1, "": 1}, abs=1e-5)
