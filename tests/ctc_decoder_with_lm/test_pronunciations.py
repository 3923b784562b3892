"""Words with pronunciations: homophones, several spellings, with and without a separator."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctc_decoder_with_lm import BeamSearchDecoder, Scoring
from ctc_decoder_with_lm.pronunciations import read_pronunciations
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError

from . import cores
from .arpa import NGramModel, random_model
from .pronunciation_reference import SpelledTask, by_all_paths, by_prefix_search

ALPHA, BETA = 0.7, 0.4
# "to" and "two" are homophones, "read" has two spellings, "tor" begins like both, and "reed" is in
# no language model.
LEXICON = {
    "to": [("T", "UW")],
    "two": [("T", "UW")],
    "tor": [("T", "UW", "R")],
    "read": [("R", "T"), ("R", "UW")],
    "reed": [("R", "UW")],
    "are": [("R",)],
    "tee": [("T",)],
}
KNOWN = [word for word in LEXICON if word != "reed"]
PHONEMES = ["T", "UW", "R"]
SEPARATORS = [None, "|"]
seeds = st.integers(0, 2**31)


@functools.cache
def model() -> NGramModel:
    return random_model(np.random.default_rng(3), KNOWN)


def task_of(separator: str | None) -> SpelledTask:
    symbols = [*PHONEMES, separator] if separator else PHONEMES
    return SpelledTask(symbols, LEXICON, separator, model(), ALPHA, BETA)


@functools.cache
def decoder_of(separator: str | None, recombine: bool = False) -> BeamSearchDecoder:
    rules = replace(Scoring.preset("standard"), recombine=recombine)
    symbols = task_of(separator).symbols
    return BeamSearchDecoder(symbols, cores.load(model()), rules, LEXICON, step_size=0.02)


def random_rows(seed: int, frames: int, separator: str | None) -> np.ndarray:
    return cores.random_log_probs(seed, frames, len(task_of(separator).symbols) + 1)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("separator", SEPARATORS)
def test_scores_equal_the_sum_over_all_paths(separator: str | None, seed: int) -> None:
    log_probs = random_rows(seed, 5, separator)
    expected = by_all_paths(task_of(separator), log_probs)
    found = cores.exact(decoder_of(separator), log_probs, alpha=ALPHA, beta=BETA)
    assert {one.text for one in found} == expected.keys()
    assert "read two" in expected and "tee are" in expected
    for one in found:
        assert one.score == pytest.approx(expected[one.text], abs=1e-3)
        parts = ALPHA * sum(one.ngram_scores) + BETA * one.bonus_count
        assert one.lm_score == pytest.approx(parts, abs=1e-3)


@settings(max_examples=8, deadline=None)
@given(seeds, st.sampled_from(SEPARATORS), st.integers(2, 12))
def test_equals_a_prefix_search_of_the_same_width(
    seed: int, separator: str | None, width: int
) -> None:
    log_probs = random_rows(seed % 1000, 12, separator)
    expected = by_prefix_search(task_of(separator), log_probs, width)
    chosen = {"alpha": ALPHA, "beta": BETA, "beam_width": width}
    found = cores.exact(decoder_of(separator), log_probs, **chosen)
    if not expected:  # no hypothesis ends in a whole word
        return
    assert {one.text: one.score for one in found} == pytest.approx(expected, abs=2e-3)


@settings(max_examples=12, deadline=None)
@given(seeds, st.sampled_from(SEPARATORS), st.integers(1, 30), st.booleans())
def test_streams_words_and_times(
    seed: int, separator: str | None, width: int, recombine: bool
) -> None:
    decoder = decoder_of(separator, recombine)
    logits = random_rows(seed % 1000, 20, separator).astype(np.float32)
    chosen = {"alpha": ALPHA, "beam_width": width, "nbest": 5, "hot_words": {"read two": 2.0}}
    stream, stable = decoder.stream(**chosen), ""
    for place in range(0, 20, 3):
        stream.accept(logits[place : place + 3])
        partial = stream.partial()
        assert partial.stable_text.startswith(stable)
        assert partial.text.startswith(partial.stable_text)
        assert " ".join(word.text for word in partial.words) == partial.text
        stable = partial.stable_text
    result = stream.finish()
    assert result == decoder.decode(logits, **chosen)
    assert result.text.startswith(stable)
    for one in result.nbest or (result,):
        assert " ".join(word.text for word in one.words) == one.text
        borders = [time for word in one.words for time in (word.start, word.end)]
        assert borders == sorted(borders) and all(time <= 20 * 0.02 + 1e-9 for time in borders)
        assert all(0 <= word.confidence <= 1 for word in one.words)
        assert all(word.text in LEXICON for word in one.words)
        for word in one.words:
            inside = [
                token.text
                for token in one.tokens
                if word.start <= token.start < word.end and token.text != separator
            ]
            assert tuple(inside) in LEXICON[word.text] or word is one.words[-1]


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from(SEPARATORS))
def test_recombination_finds_the_same_best_text(seed: int, separator: str | None) -> None:
    log_probs = random_rows(seed % 1000, 7, separator)
    chosen = {"alpha": ALPHA, "beta": BETA, "nbest": 1}
    best = cores.exact(decoder_of(separator), log_probs, **chosen)[0]
    found = cores.exact(decoder_of(separator, True), log_probs, **chosen)[0]
    assert found.score <= best.score + 1e-3
    assert found.text == best.text or found.score >= best.score - 1.0


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 40), st.sampled_from(["standard", "openseq2seq", "flashlight"]))
def test_spellings_of_characters_decode_as_words_do(seed: int, width: int, preset: str) -> None:
    symbols, words = [" ", "a", "b"], ["a", "ab", "ba", "bab", "bb"]
    ngrams = random_model(np.random.default_rng(1), words)
    decoder = cores.make(symbols, [ngrams], preset, recombine=True)
    spelled = BeamSearchDecoder(
        symbols, decoder.language_models, decoder.scoring, {word: [[*word]] for word in words}
    )
    logits = np.random.default_rng(seed).normal(0, 2, (15, 4)).astype(np.float32)
    logits[-1] = [60, 0, 0, 0]  # all words end
    chosen = {"beam_width": width, "nbest": 1000}
    listed = cores.hypotheses(decoder.decode(logits, **chosen))
    # Words that are none, at the end, have no spelling; the others' confidences know of them.
    whole = [one for one in listed if set(one.text.split()) <= {*words}]
    found = cores.hypotheses(spelled.decode(logits, **chosen))
    if len(whole) == len(listed):
        assert found == listed
    elif whole:
        assert [bare(one) for one in found] == [bare(one) for one in whole]


def bare(result: DecodeResult) -> DecodeResult:
    return replace(result, words=tuple(word._replace(confidence=0) for word in result.words))


def test_the_language_model_chooses_among_homophones() -> None:
    ngrams = {("<unk>",): (-4.5, 0.0), ("<s>",): (-99.0, -0.3), ("</s>",): (-1.0, 0.0)}
    ngrams |= {(word,): (-1.0, -0.3) for word in LEXICON}
    ngrams |= {("two", "read"): (-0.1, 0.0), ("are", "to"): (-0.1, 0.0)}
    decoder = BeamSearchDecoder(PHONEMES, cores.load(NGramModel(ngrams)), lexicon=LEXICON)
    spoken = {"two read": [0, 1, 2, 0], "are to": [2, 0, 1]}
    for text, symbols in spoken.items():
        assert decoder.decode(np.eye(4, dtype=np.float32)[symbols] * 9, alpha=1.0).text == text
    assert decoder.unknown_words == 0
    assert decoder_of(None).unknown_examples == ["reed"]


def test_hot_words_choose_homophones_and_need_a_pronunciation() -> None:
    decoder = BeamSearchDecoder(PHONEMES, lexicon=LEXICON)
    logits = np.eye(4, dtype=np.float32)[[0, 1, 3, 2]] * 9  # T UW R
    for phrase in ("two are", "to are"):
        result = decoder.decode(logits, hot_words={phrase: 3.0})
        assert (result.text, result.boost) == (phrase, 3.0)
    assert decoder.decode(logits, hot_words={"tor": 3.0}).text == "tor"
    with pytest.raises(InputError, match="has no pronunciation"):
        decoder.hot_words({"hello": 1.0})


def test_what_is_no_word_is_dropped_at_the_end() -> None:
    decoder = BeamSearchDecoder(["A", "B"], lexicon={"word": [["A", "B"]]})
    result = decoder.decode(np.eye(3, dtype=np.float32)[[0, 1, 0]] * 30, beam_width=1)
    assert (result.text, len(result.words)) == ("word", 1)


@pytest.mark.parametrize("preset", ["native_op", "pyctcdecode"])
def test_rules_that_spell_freely_are_refused(preset: str) -> None:
    with pytest.raises(InputError, match="Set the scoring to standard"):
        BeamSearchDecoder(PHONEMES, scoring=preset, lexicon=LEXICON)


@pytest.mark.parametrize(
    ("spelling", "message"),
    [([], "empty spelling"), (["X"], "symbol 'X'"), (["T", "|"], r"symbol '\|'")],
)
def test_bad_spellings_of_a_mapping_are_refused(spelling: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BeamSearchDecoder([*PHONEMES, "|"], lexicon={"word": [spelling]})


def test_a_lexicon_file_is_read(tmp_path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("\ufeffto\tT UW\ntwo\tT UW |\n\nread\tR UW\nread\tR T\nread\tR T\n")
    expected = {"to": [("T", "UW")], "two": [("T", "UW")], "read": [("R", "UW"), ("R", "T")]}
    assert read_pronunciations(path, PHONEMES) == expected
    assert read_pronunciations(path, [*PHONEMES, "|"]) == expected


def test_all_bad_lines_of_a_lexicon_file_are_named(tmp_path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("to\tT UW1\nto\nare\t\n\tT\ntwo words\tT\ntwo\tT UW1\n")
    with pytest.raises(InputError) as caught:
        read_pronunciations(path, PHONEMES)
    message = str(caught.value)
    for line, what in [
        (1, "'UW1' (in 'to' and in 1 lines more), which is no symbol"),
        (2, "'to' without a spelling"),
        (3, "'are' without a spelling"),
        (4, "no word"),
        (5, "'two words' before the TAB"),
    ]:
        assert f"{path}:{line}" in message and what in message
