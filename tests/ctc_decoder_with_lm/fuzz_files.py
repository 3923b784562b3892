"""Damaged language models, scorer packages and tries (`tests.fuzzing_child`)."""

from __future__ import annotations

import math
import random
import zlib
from pathlib import Path

import numpy as np

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from ctc_decoder_with_lm.scorer_package import package_tail
from tests.ctc_decoder_with_lm.language_model_files import (
    OPTIONS,
    WORDS,
    build_binary,
    make_model,
    write_all,
)
from tests.ctc_decoder_with_lm.test_scorer_package import header
from tests.ctc_decoder_with_lm.test_trie_file import trie_text
from tests.fuzzing_child import Case

NAMES = ("arpa", "gz", *OPTIONS, "scorer", "scorer's words", "trie file")
SYMBOLS = [" ", *sorted(set("".join(WORDS)))]
ROWS = np.random.default_rng(0).normal(0, 2, (30, len(SYMBOLS) + 1)).astype(np.float32)


def _check_scores(model: LanguageModel, seed: int) -> None:
    choose = random.Random(seed)
    for begin in (True, False):
        words = choose.choices([*WORDS, "unheard", "<unk>", ""], k=12)
        for score, _ in model.score(words, begin=begin):
            assert abs(score) <= 1e9


def read_model(path: Path) -> None:
    """Loads a model, scores sentences and decodes with it."""
    model = LanguageModel(path)
    _check_scores(model, zlib.crc32(path.read_bytes()[:2000]))
    model.words()
    found = BeamSearchDecoder(SYMBOLS, model).decode(ROWS, beam_width=5)
    assert not math.isnan(found.score)


def read_package(path: Path) -> None:
    """Loads a package's model, and decodes with its numbers, its words and a list of words."""
    model = LanguageModel(path)
    _check_scores(model, 1)
    numbers = {}
    if model.package:
        assert math.isfinite(model.package.alpha) and math.isfinite(model.package.beta)
        numbers = {"alpha": model.package.alpha, "beta": model.package.beta}
    for lexicon in (WORDS, None):
        decoder = BeamSearchDecoder(SYMBOLS, model, "deepspeech", lexicon=lexicon)
        found = decoder.decode(ROWS, beam_width=5, **numbers)
        assert not math.isnan(found.score)


def cases(folder: Path) -> dict[str, Case]:
    """By kind of file; KenLM makes them in the folder."""
    files = write_all(folder)
    found = {kind: Case(read_model, [path.read_bytes()]) for kind, path in files.items()}
    options = ("-v", "-q", "8", "-a", "20", "trie")
    part = build_binary(files["arpa"], folder / "kenlm.part", *options).read_bytes()
    tail = package_tail(WORDS, SYMBOLS, 0.9, 1.2, len(part))
    found["scorer"] = Case(read_package, [part + tail, part + header(version=7)], ".scorer")

    def read_tail(path: Path) -> None:
        whole = folder / "whole.scorer"
        whole.write_bytes(part + path.read_bytes())
        read_package(whole)

    found["scorer's words"] = Case(read_tail, [tail], ".tail")

    loaded = LanguageModel(files["trie"])

    def read_trie(path: Path) -> None:
        decoder = BeamSearchDecoder(SYMBOLS, loaded, "native_op", trie_path=path)
        found = decoder.decode(ROWS, beam_width=5, alpha=1.0, beta=1.0)
        assert not math.isnan(found.score)

    trie = trie_text(make_model(), SYMBOLS).encode()
    found["trie file"] = Case(read_trie, [trie], ".trie")
    return found
