"""The references agree with what they describe, before anything is compared with them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from .arpa import NGramModel, random_model
from .brute_force import best_alignment, log_add, log_softmax, prefix_log_probs
from .goldens import Golden, read
from .make_goldens import DATA
from .reference import PRESETS, Task, beam_search, exhaustive
from .reference_paths import Flashlight, Found, Pyctcdecode

SYMBOLS = [" ", "a", "b"]


def pyctcdecode_reference(golden: Golden) -> list[Found]:
    settings = golden.settings
    return Pyctcdecode(
        golden.symbols,
        golden.model,
        golden.alpha,
        golden.beta,
        settings["beam_width"],
        -settings["beam_prune_logp"],
        settings["token_min_logp"],
        settings.get("prune_history", False),
    ).decode(golden.log_probs)


def flashlight_reference(golden: Golden) -> list[Found]:
    settings = golden.settings
    return Flashlight(
        golden.symbols,
        golden.model,
        golden.alpha,
        golden.beta,
        settings["beam_size"],
        settings["beam_threshold"],
        settings["beam_size_token"],
    ).decode(golden.log_probs)


def assert_agrees(found: list[Found], golden: Golden) -> None:
    assert [one.text for one in found[: len(golden.results)]] == [
        result["text"] for result in golden.results
    ]
    for one, result in zip(found, golden.results):
        assert one.score == pytest.approx(result["score"], abs=2e-4)
        assert one.acoustic == pytest.approx(result["acoustic"], abs=2e-4)


def small(golden: Golden) -> bool:
    """Not the wide beams over whole sentences, which take the references minutes."""
    width = golden.settings.get("beam_width", golden.settings.get("beam_size", 0))
    return golden.task == "tiny" or width <= 100


@pytest.mark.parametrize("golden", filter(small, read("pyctcdecode")), ids=str)
def test_pyctcdecode_reference_equals_pyctcdecode(golden: Golden) -> None:
    assert_agrees(pyctcdecode_reference(golden), golden)


@pytest.mark.parametrize("golden", filter(small, read("flashlight")), ids=str)
def test_flashlight_reference_equals_flashlight(golden: Golden) -> None:
    assert_agrees(flashlight_reference(golden), golden)


def random_task(rng: np.random.Generator, preset: str) -> tuple[Task, np.ndarray]:
    model = random_model(rng, ["a", "ab", "ba"])
    rules = PRESETS[preset]
    constrained = preset in ("openseq2seq", "deepspeech")
    lexicon = model.words() if constrained else None
    task = Task(SYMBOLS, rules, [model], 0.8, 0.4, 0.1, lexicon)
    return task, log_softmax(rng.normal(0, 2, (6, 4)))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_beam_that_holds_everything_is_exhaustive(rng: np.random.Generator, preset: str) -> None:
    task, log_probs = random_task(rng, preset)
    searched = {found[2]: found for found in beam_search(task, log_probs, 10**6)}
    listed = {found[2]: found for found in exhaustive(task, log_probs)}
    assert searched.keys() == listed.keys()
    for labels, (score, acoustic, _) in listed.items():
        assert searched[labels][:2] == pytest.approx((score, acoustic), abs=1e-6)


def test_probabilities_of_all_texts_sum_to_one(rng: np.random.Generator) -> None:
    log_probs = log_softmax(rng.normal(size=(5, 4)))
    assert log_add(*prefix_log_probs(log_probs).values()) == pytest.approx(0, abs=1e-12)
    assert log_add(*prefix_log_probs(log_probs, "max").values()) < -0.1


def test_best_alignment_of_a_certain_path() -> None:
    path = [2, 0, 0, 2, 0, 1]
    log_probs = log_softmax(np.eye(3)[path] * 9)
    assert best_alignment(log_probs, (0, 0, 1)) == [(1, 2), (4, 4), (5, 5)]


def test_sentence_score_backs_off() -> None:
    # P(a | <s>) is there; b after "<s> a" is not: backoff of "<s> a", of "a", then the unigram.
    ngrams = {
        ("<unk>",): (-5.0, 0.0),
        ("<s>",): (-99.0, -0.5),
        ("</s>",): (-1.0, 0.0),
        ("a",): (-0.7, -0.3),
        ("b",): (-0.9, -0.2),
        ("<s>", "a"): (-0.4, -0.1),
    }
    model = NGramModel({**ngrams, ("<s>", "a", "a"): (-0.6, 0.0)})
    assert model.score(["<s>", "a"], "b") == pytest.approx(-0.1 - 0.3 - 0.9)
    assert model.score(["<s>", "zebra"], "b") == pytest.approx(-0.9)
    assert model.score(["<s>"], "zebra") == pytest.approx(-0.5 - 5.0)
    assert model.sentence(["a", "a"]) == pytest.approx(-0.4 - 0.6 - 0.3 - 1.0)


@pytest.mark.parametrize("task", ["tiny", "sentences"])
def test_models_are_read_as_they_were_written(tmp_path: Path, task: str) -> None:
    model = NGramModel.read(DATA / f"{task}.arpa")
    again = NGramModel.read(model.write(tmp_path / "again.arpa"))
    assert again.ngrams == model.ngrams
    assert math.isclose(again.sentence(["at"]), model.sentence(["at"]))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
