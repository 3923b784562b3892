"""What holds for any logits, model and settings."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctc_decoder_with_lm import PRESETS, BeamSearchDecoder, Scoring
from open_seq2seq.decode_result import DecodeResult

from . import cores
from .arpa import random_model
from .brute_force import best_alignment

SYMBOLS = [" ", "a", "b"]
PIECES = ["\u2581a", "b", "\u2581ba", "\u2581", "a"]
WORDS = ["a", "ab", "ba", "bab", "bb"]
STEP = 0.02
seeds = st.integers(0, 2**31)
presets = st.sampled_from(sorted(PRESETS))
widths = st.integers(1, 40)
lengths = st.integers(0, 25)


@functools.cache
def decoder_of(preset: str, pieces: bool = False, recombine: bool = True) -> BeamSearchDecoder:
    model = random_model(np.random.default_rng(1), WORDS)
    symbols = PIECES if pieces else SYMBOLS
    return cores.make(symbols, [model], preset, recombine=recombine)


def rows(seed: int, frames: int, symbols: int = len(SYMBOLS)) -> np.ndarray:
    generator = np.random.default_rng(seed)
    spread = generator.uniform(0.5, 4)
    return generator.normal(0, spread, (frames, symbols + 1)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(seeds, lengths, presets, widths, st.booleans())
@example(128179, 16, "standard", 4, False)  # a recombined text comes back beside itself
def test_results_are_in_order_and_add_up(
    seed: int, frames: int, preset: str, width: int, pieces: bool
) -> None:
    decoder = decoder_of(preset, pieces)
    logits = rows(seed, frames, len(decoder.symbols))
    alpha, beta = 0.7, 0.3
    chosen = {"alpha": alpha, "beta": beta, "beam_width": width, "trie_weight": 0.0}
    result = decoder.decode(logits, nbest=20, **chosen)
    found = result.nbest
    assert found[0] == replace(result, nbest=())
    assert len(found) <= 20
    assert len({one.text for one in found}) == len(found)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    for one in found:
        assert_adds_up(one, alpha, beta, decoder)
        assert_times(one, frames, decoder)
    first = decoder.decode(logits, nbest=1, **chosen)
    assert first.nbest == ()
    assert_adds_up(first, alpha, beta, decoder)
    assert_times(first, frames, decoder)
    if not decoder.scoring.recombine:
        assert (first.text, first.score) == (result.text, result.score)


def assert_adds_up(
    result: DecodeResult, alpha: float, beta: float, decoder: BeamSearchDecoder
) -> None:
    assert result.acoustic_score is not None
    assert result.acoustic_score <= 1e-5
    assert result.score == pytest.approx(result.acoustic_score + result.lm_score, abs=1e-4)
    if decoder.scoring.complete_words_first and result.text.split() != spelled(result).split():
        return  # flashlight: what the unfinished last word lends stays in the score
    parts = alpha * sum(result.ngram_scores) + beta * result.bonus_count + result.boost
    assert result.lm_score == pytest.approx(parts, abs=2e-3, rel=1e-5)


def assert_times(result: DecodeResult, frames: int, decoder: BeamSearchDecoder) -> None:
    end = frames * decoder.step_size + 1e-9
    assert " ".join(word.text for word in result.words) == " ".join(result.text.split())
    for parts in (result.words, result.tokens):
        borders = [time for part in parts for time in (part.start, part.end)]
        assert borders == sorted(borders)
        assert all(0 <= time <= end for time in borders)
        assert all(part.start < part.end for part in parts)
    for word in result.words:
        assert 0 <= word.confidence <= 1
    assert " ".join(spelled(result).split()).startswith(" ".join(result.text.split()))


def spelled(result: DecodeResult) -> str:
    return "".join(token.text for token in result.tokens).replace("\u2581", " ")


@settings(max_examples=25, deadline=None)
@given(seeds, st.lists(lengths, min_size=1, max_size=6), presets, widths)
def test_batch_threads_and_padding_change_nothing(
    seed: int, counts: list[int], preset: str, width: int
) -> None:
    decoder = decoder_of(preset)
    utterances = [rows(seed + place, count) for place, count in enumerate(counts)]
    alone = [decoder.decode(one, beam_width=width, nbest=3) for one in utterances]
    padded = np.full((len(counts), max(counts) + 2, len(SYMBOLS) + 1), 7.0, np.float32)
    for place, one in enumerate(utterances):
        padded[place, : len(one)] = one
    for threads in (1, 2, 5):
        chosen = {"beam_width": width, "nbest": 3, "threads": threads}
        assert decoder.decode_batch(utterances, **chosen) == alone
        assert decoder.decode_batch(padded, counts, **chosen) == alone


@settings(max_examples=50, deadline=None)
@given(seeds, lengths, presets, widths, st.lists(st.integers(0, 9), max_size=30), st.booleans())
def test_streams_are_bit_identical_and_stable_text_stays(
    seed: int, frames: int, preset: str, width: int, cuts: list[int], pieces: bool
) -> None:
    decoder = decoder_of(preset, pieces)
    logits = rows(seed, frames, len(decoder.symbols))
    phrases = {"ab": 1.5, "a ba": 2.0}
    stream = decoder.stream(beam_width=width, nbest=5, hot_words=phrases)
    stable, start = "", 0
    for cut in [*cuts, frames]:
        stream.accept(logits[start : start + cut])
        start = min(start + cut, frames)
        partial = stream.partial()
        assert partial.stable_text.startswith(stable)
        assert partial.text.startswith(partial.stable_text)
        stable = partial.stable_text
    result = stream.finish()
    assert result == decoder.decode(logits, beam_width=width, nbest=5, hot_words=phrases)
    # Of recombined hypotheses, others than the best may begin differently.
    assert result.text.startswith(stable)
    if not decoder.scoring.recombine:
        assert all(one.text.startswith(stable) for one in result.nbest)
    stream.reset()
    stream.accept(logits)
    assert stream.finish() == result


@settings(max_examples=30, deadline=None)
@given(
    seeds,
    st.dictionaries(
        st.sampled_from(["a", "ab", "ba", "a ba", "ba ba", "ab a ba", "bb a"]),
        st.floats(-3, 6, width=32),
        min_size=1,
    ),
)
def test_hot_words_pay_once_for_each_time_they_are_said(
    seed: int, phrases: dict[str, float]
) -> None:
    log_probs = cores.random_log_probs(seed % 1000, 7, 4)
    decoder = decoder_of("standard", recombine=False)
    plain = {one.text: one for one in cores.exact(decoder, log_probs)}
    found = cores.exact(decoder, log_probs, hot_words=phrases)
    assert {one.text for one in found} == plain.keys()
    for one in found:
        expected = sum(weight * said(phrase, one.text) for phrase, weight in phrases.items())
        assert one.boost == pytest.approx(expected, abs=1e-4)
        assert one.score == pytest.approx(plain[one.text].score + expected, abs=2e-3)


def said(phrase: str, text: str) -> int:
    """How often a text has a phrase as whole words."""
    wanted, words = phrase.split(), text.split()
    starts = range(len(words) - len(wanted) + 1)
    return sum(words[start : start + len(wanted)] == wanted for start in starts)


@settings(max_examples=30, deadline=None)
@given(seeds, widths, st.floats(0, 8, width=32))
def test_a_failed_phrase_leaves_nothing_behind_in_narrow_beams(
    seed: int, width: int, weight: float
) -> None:
    # "bb ab ba" is rarely complete, but often begun.
    phrases = {"bb ab ba": weight}
    result = decoder_of("standard").decode(
        rows(seed, 20), beam_width=width, nbest=width, hot_words=phrases
    )
    for one in result.nbest or (result,):
        assert one.boost == pytest.approx(weight * said("bb ab ba", one.text), abs=1e-4)


def test_a_hot_word_that_the_lexicon_lacks_can_be_said() -> None:
    symbols = [" ", "a", "b", "c"]
    decoder = cores.make(symbols, [random_model(np.random.default_rng(1), WORDS)])
    logits = np.eye(5, dtype=np.float32)[[1, 0, 3, 1, 2, 4]] * 8  # "a cab"
    assert "cab" not in decoder.decode(logits, alpha=0.5).text
    result = decoder.decode(logits, alpha=0.5, hot_words={"cab": 12.0})
    assert result.text == "a cab"
    assert result.boost == 12


@settings(max_examples=25, deadline=None)
@given(seeds, presets, st.floats(0, 3, width=32), st.floats(-2, 2, width=32), widths)
def test_settings_of_a_call_equal_a_fresh_decoder(
    seed: int, preset: str, alpha: float, beta: float, width: int
) -> None:
    logits, used = rows(seed, 15), decoder_of(preset)
    used.decode(logits, alpha=0.1, beta=2.0, beam_width=50)
    chosen = {"alpha": alpha, "beta": beta, "beam_width": width, "nbest": 4}
    model = random_model(np.random.default_rng(1), WORDS)
    fresh = cores.make(SYMBOLS, [model], preset, recombine=True)
    assert used.decode(logits, **chosen) == fresh.decode(logits, **chosen)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 6))
def test_token_times_are_those_of_the_best_alignment(seed: int, frames: int) -> None:
    symbols = ["a", "b"]
    rules = replace(Scoring.preset("standard"), lexicon="none", partial_word="none")
    decoder = cores.make(symbols, scoring=rules, step_size=1.0)
    log_probs = cores.random_log_probs(seed % 1000, frames, 3)
    for one in cores.exact(decoder, log_probs):
        labels = tuple(symbols.index(token.text) for token in one.tokens)
        best = best_alignment(log_probs, labels)
        assert [(token.start, token.end - 1) for token in one.tokens] == best
        if labels:
            assert (one.words[0].start, one.words[0].end) == (best[0][0], best[-1][1] + 1)


def test_confidence_is_the_share_of_the_beam() -> None:
    # Without a language model, "a" has 6/8 of all alignments of three even frames, "aa" 1/8.
    rules = replace(Scoring.preset("standard"), lexicon="none", partial_word="none")
    decoder = cores.make(["a"], scoring=rules)
    result = decoder.decode(np.zeros((3, 2), np.float32), nbest=3)
    sure = {one.text: [word.confidence for word in one.words] for one in result.nbest}
    assert sure == {"a": [pytest.approx(6 / 8)], "aa": [pytest.approx(1 / 8)], "": []}


@pytest.mark.parametrize("preset", PRESETS)
def test_no_frames_give_the_empty_text(preset: str) -> None:
    result = decoder_of(preset).decode(np.zeros((0, 4), np.float32))
    assert (result.text, result.words, result.tokens) == ("", (), ())
    assert math.isfinite(result.score)


@settings(max_examples=25, deadline=None)
@given(seeds, widths)
def test_wider_beams_never_score_worse_than_the_exhaustive_best(seed: int, width: int) -> None:
    log_probs = cores.random_log_probs(seed % 1000, 6, 4)
    decoder = decoder_of("standard", recombine=False)
    best = cores.exact(decoder, log_probs)[0]
    narrow = cores.exact(decoder, log_probs, beam_width=width)[0]
    assert narrow.score <= best.score + 1e-4


@settings(max_examples=40, deadline=None)
@given(seeds, widths)
def test_recombination_adds_no_probability(seed: int, width: int) -> None:
    # What it drops may be missing from the score of what is left.
    log_probs = cores.random_log_probs(seed % 1000, 7, 4)
    everything = cores.exact(decoder_of("standard", recombine=False), log_probs)
    listed = {one.text: one.score for one in everything}
    decoder = decoder_of("standard")
    assert decoder.scoring.recombine
    for chosen in (width, cores.EVERYTHING):
        found = cores.exact(decoder, log_probs, nbest=1, beam_width=chosen)[0]
        assert found.score <= listed[found.text] + 1e-4
    assert found.text == everything[0].text


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 25), presets, widths, st.floats(0, 5, width=32), st.booleans())
def test_a_penalty_is_a_blank_that_is_less_likely(
    seed: int, frames: int, preset: str, width: int, penalty: float, streamed: bool
) -> None:
    decoder = decoder_of(preset)
    log_probs = cores.random_log_probs(seed, frames, len(SYMBOLS) + 1).astype(np.float32)
    less = log_probs.copy()
    less[:, -1] -= np.float32(penalty)
    chosen = {"beam_width": width, "nbest": 5, "inputs": "log_probs"}
    expected = decoder.decode(less, **chosen)
    if streamed:
        stream = decoder.stream(**chosen, blank_penalty=penalty)
        stream.accept(log_probs)
        found = stream.finish()
    else:
        found = decoder.decode(log_probs, **chosen, blank_penalty=penalty)
    assert [one.text for one in found.nbest] == [one.text for one in expected.nbest]
    assert [one.score for one in found.nbest] == pytest.approx(
        [one.score for one in expected.nbest], rel=1e-4, abs=1e-4
    )
