"""Each preset's scores equal an independent reference's or the other decoder's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel, Scoring
from open_seq2seq.decode_result import DecodeResult

from . import cores, make_goldens
from .arpa import NGramModel, random_model
from .brute_force import Labels, log_add, log_softmax
from .goldens import Golden, read
from .make_goldens import DATA
from .reference import PRESETS, Task, beam_search, exhaustive
from .reference_paths import Flashlight, Found, Pyctcdecode

SYMBOLS = [" ", "a", "b"]
WORDS = ["a", "ab", "ba", "bab"]
FRAMES = 6
SEEDS = range(4)
CONSTRAINED = ("standard", "openseq2seq", "deepspeech")
ALPHA, BETA, TRIE_WEIGHT = 0.8, 0.4, 0.1


def case(preset: str, seed: int, alpha: float = ALPHA) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(seed)
    model = random_model(rng, WORDS)
    lexicon = model.words() if preset in CONSTRAINED else None
    trie_weight = TRIE_WEIGHT if preset == "native_op" else 0.0
    task = Task(SYMBOLS, PRESETS[preset], [model], alpha, BETA, trie_weight, lexicon)
    return task, cores.random_log_probs(seed, FRAMES, len(SYMBOLS) + 1)


def core_of(task: Task, preset: str | Scoring) -> BeamSearchDecoder:
    return cores.make(task.symbols, task.models, preset)


def settings(task: Task, preset: str) -> dict[str, Any]:
    chosen = {"alpha": task.alpha, "beta": task.beta}
    return {**chosen, "trie_weight": task.trie_weight} if preset == "native_op" else chosen


def by_text(
    task: Task, listed: Iterable[tuple[float, float, Labels]], preset: str
) -> dict[str, tuple[float, float]]:
    """Score and acoustic part of each text: standard sums its spellings, others take the best."""
    texts: dict[str, list[tuple[float, float]]] = {}
    for score, acoustic, labels in listed:
        text = task.text(labels)
        text = " ".join(text.split()) if preset == "standard" else text.strip()
        texts.setdefault(text, []).append((score, acoustic))
    if preset != "standard":
        return {text: max(values) for text, values in texts.items()}
    return {
        text: (log_add(*[score for score, _ in values]), log_add(*[part for _, part in values]))
        for text, values in texts.items()
    }


def assert_equal(
    found: list[DecodeResult], expected: dict[str, tuple[float, float]], tolerance: float = 2e-4
) -> None:
    assert {result.text for result in found} == expected.keys()
    for result in found:
        score, acoustic = expected[result.text]
        assert result.score == pytest.approx(score, abs=tolerance, rel=1e-6)
        assert result.acoustic_score == pytest.approx(acoustic, abs=tolerance)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_scores_of_all_texts(preset: str, seed: int) -> None:
    task, log_probs = case(preset, seed)
    found = cores.exact(core_of(task, preset), log_probs, **settings(task, preset))
    assert_equal(found, by_text(task, exhaustive(task, log_probs), preset))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("width", [2, 5, 12])
@pytest.mark.parametrize("preset", ["openseq2seq", "native_op", "deepspeech"])
def test_narrow_beams(preset: str, width: int, seed: int) -> None:
    task, log_probs = case(preset, seed)
    found = cores.exact(
        core_of(task, preset), log_probs, beam_width=width, **settings(task, preset)
    )
    assert_equal(found, by_text(task, beam_search(task, log_probs, width), preset))


@pytest.mark.parametrize("preset", ["openseq2seq", "deepspeech"])
@pytest.mark.parametrize(("probability", "top"), [(0.9, 40), (0.5, 40), (0.999, 2), (0.97, 3)])
def test_cutoffs_of_symbols(preset: str, probability: float, top: int) -> None:
    task, log_probs = case(preset, 11)
    more = {"cutoff_prob": probability, "cutoff_top_n": top, **settings(task, preset)}
    found = cores.exact(core_of(task, preset), log_probs, **more)
    searched = beam_search(task, log_probs, cores.EVERYTHING, probability, top)
    assert_equal(found, by_text(task, searched, preset))


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_texts_of_pyctcdecode(seed: int) -> None:
    model, log_probs = random_model(np.random.default_rng(seed), WORDS), random_rows(seed)
    reference = Pyctcdecode(SYMBOLS, model, 0.7, 0.6, cores.EVERYTHING, np.inf, -np.inf)
    found = cores.exact(cores.make(SYMBOLS, [model], "pyctcdecode"), log_probs, alpha=0.7, beta=0.6)
    assert_equal(found, scores(reference.decode(log_probs)))


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_texts_of_flashlight(seed: int) -> None:
    model, log_probs = random_model(np.random.default_rng(seed), WORDS), random_rows(seed)
    reference = Flashlight(SYMBOLS, model, 1.6, -0.4, cores.EVERYTHING, np.inf)
    found = cores.exact(cores.make(SYMBOLS, [model], "flashlight"), log_probs, alpha=1.6, beta=-0.4)
    assert_equal(found, scores(reference.decode(log_probs)))


def test_flashlight_where_no_word_is_finished() -> None:
    # Spaces and blanks are out of reach of a beam of five: one for each beginning of a word.
    model, log_probs = random_model(np.random.default_rng(0), WORDS), random_rows(0).copy()
    log_probs[:, [0, 3]] -= 1000
    reference = Flashlight(SYMBOLS, model, 1.6, -0.4, 5, np.inf)
    decoder = cores.make(SYMBOLS, [model], "flashlight")
    found = cores.exact(decoder, log_probs, alpha=1.6, beta=-0.4, beam_width=5)
    expected = reference.decode(log_probs)
    assert [one.text for one in expected] == [one.text for one in found] == [""]
    assert found[0].score == pytest.approx(expected[0].score, abs=2e-4)
    assert found[0].score > -100


def random_rows(seed: int) -> np.ndarray:
    return cores.random_log_probs(seed, FRAMES, len(SYMBOLS) + 1)


def scores(found: Iterable[Found]) -> dict[str, tuple[float, float]]:
    return {one.text: (one.score, one.acoustic) for one in found}


def golden_core(golden: Golden, preset: str, **more: Any) -> list[DecodeResult]:
    model = LanguageModel(str(DATA / f"{golden.task}.arpa"))
    rules = replace(Scoring.preset(preset), recombine=False)
    decoder = BeamSearchDecoder(golden.symbols, model, rules)
    weights = {"alpha": golden.alpha, "beta": golden.beta}
    return cores.exact(decoder, golden.log_probs, nbest=len(golden.results), **weights, **more)


def assert_golden(found: list[DecodeResult], golden: Golden, tolerance: float) -> None:
    assert [one.text for one in found] == [result["text"] for result in golden.results]
    for one, result in zip(found, golden.results):
        assert one.score == pytest.approx(result["score"], abs=tolerance)
        assert one.acoustic_score == pytest.approx(result["acoustic"], abs=tolerance)


def of(decoder: str, task: str) -> list[Golden]:
    return [golden for golden in read(decoder) if golden.task == task]


@pytest.mark.parametrize("golden", of("pyctcdecode", "tiny"), ids=str)
def test_nbest_of_pyctcdecode(golden: Golden) -> None:
    assert_golden(golden_core(golden, "pyctcdecode"), golden, 2e-4)


@pytest.mark.parametrize("golden", of("flashlight", "tiny"), ids=str)
def test_nbest_of_flashlight(golden: Golden) -> None:
    assert_golden(golden_core(golden, "flashlight"), golden, 2e-4)


@pytest.mark.parametrize("golden", of("pyctcdecode", "sentences"), ids=str)
def test_sentences_of_pyctcdecode(golden: Golden) -> None:
    # What prune_history drops are hypotheses that could not win any more, but could be second.
    count = 1 if golden.settings.get("prune_history") else 5
    found = golden_core(
        golden,
        "pyctcdecode",
        beam_width=golden.settings["beam_width"],
        beam_threshold=-golden.settings["beam_prune_logp"],
        token_threshold=golden.settings["token_min_logp"],
    )
    golden = golden._replace(results=golden.results[:count])
    assert_golden(found[:count], golden, 1e-3)


@pytest.mark.parametrize("golden", of("flashlight", "sentences"), ids=str)
def test_sentences_of_flashlight(golden: Golden) -> None:
    found = golden_core(
        golden,
        "flashlight",
        beam_width=golden.settings["beam_size"],
        beam_threshold=golden.settings["beam_threshold"],
        cutoff_top_n=golden.settings["beam_size_token"],
    )
    assert_golden(found[:5], golden._replace(results=golden.results[:5]), 1e-3)


@pytest.mark.parametrize("preset", ["openseq2seq", "native_op", "deepspeech"])
@pytest.mark.parametrize("name", make_goldens.load("sentences"))
def test_sentences_at_the_original_settings(preset: str, name: str) -> None:
    # OpenSeq2Seq's own check of both decoders: beam 16, alpha 2, beta 0.5, trie_weight 0.1.
    model = NGramModel.read(DATA / "sentences.arpa")
    alpha = 2.0 if PRESETS[preset].unit == "log10" else 2.0 / np.log(10)
    lexicon = model.words() if preset in CONSTRAINED else None
    symbols = make_goldens.SYMBOLS["sentences"]
    trie_weight = 0.1 if preset == "native_op" else 0.0
    task = Task(symbols, PRESETS[preset], [model], alpha, 0.5, trie_weight, lexicon)
    log_probs = log_softmax(make_goldens.load("sentences")[name])
    found = cores.exact(core_of(task, preset), log_probs, beam_width=16, **settings(task, preset))
    assert_equal(found, by_text(task, beam_search(task, log_probs, 16), preset), 2e-3)


def test_several_models_are_added_with_their_weights() -> None:
    task, log_probs = case("standard", 3)
    other = random_model(np.random.default_rng(77), WORDS, order=2)
    both = replace(task, models=[*task.models, other], weights=[0.7, 0.5])
    decoder = cores.make(SYMBOLS, both.models)
    found = cores.exact(decoder, log_probs, alpha=ALPHA, beta=BETA, weights=[0.7, 0.5])
    assert_equal(found, by_text(both, exhaustive(both, log_probs), "standard"))


def test_a_character_model_scores_every_symbol() -> None:
    rng = np.random.default_rng(5)
    symbols = ["a", "b", "c"]
    model = random_model(rng, symbols)
    task = Task(symbols, PRESETS["standard"], [model], ALPHA, BETA, per_symbol=True)
    log_probs = cores.random_log_probs(5, FRAMES, 4)
    found = cores.exact(cores.make(symbols, [model]), log_probs, alpha=ALPHA, beta=BETA)
    assert_equal(found, by_text(task, exhaustive(task, log_probs), "standard"))


def test_pieces_of_words() -> None:
    symbols = ["\u2581a", "b", "\u2581ba", "\u2581"]
    model = random_model(np.random.default_rng(6), WORDS)
    task = Task(symbols, PRESETS["standard"], [model], ALPHA, BETA, lexicon=set(model.words()))
    log_probs = cores.random_log_probs(6, 5, 5)
    found = cores.exact(cores.make(symbols, [model]), log_probs, alpha=ALPHA, beta=BETA)
    assert_equal(found, by_text(task, exhaustive(task, log_probs), "standard"))


def test_sentence_logits_are_those_of_the_softmax() -> None:
    golden = of("pyctcdecode", "sentences")[0]
    model = LanguageModel(str(DATA / "sentences.arpa"))
    decoder = BeamSearchDecoder(golden.symbols, model)
    by_logits = decoder.decode(golden.logits)
    by_logs = decoder.decode(log_softmax(golden.logits).astype(np.float32), inputs="log_probs")
    assert by_logits.text == by_logs.text
    assert by_logits.score == pytest.approx(by_logs.score, abs=1e-3)


def test_a_model_scores_as_the_reference(tmp_path: Any) -> None:
    # Ties the two n-gram scorers together without a search: one certain path, natural unit.
    model = NGramModel.read(DATA / "sentences.arpa")
    golden = of("pyctcdecode", "sentences")[0]
    text = "the baker's dog sleeps"
    rows = []
    for symbol in text:
        rows += [len(golden.symbols), golden.symbols.index(symbol)]
    log_probs = log_softmax(np.eye(len(golden.symbols) + 1)[rows] * 50)
    decoder = BeamSearchDecoder(golden.symbols, LanguageModel(str(DATA / "sentences.arpa")))
    result = decoder.decode(log_probs.astype(np.float32), alpha=1.0, beta=0.0, inputs="log_probs")
    assert result.text == text
    expected = model.sentence(text.split()) * np.log(10)
    assert result.ngram_scores == (pytest.approx(expected, abs=1e-4),)
    assert result.lm_score == pytest.approx(expected, abs=1e-4)
