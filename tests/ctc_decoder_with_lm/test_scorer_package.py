"""Scorer packages of DeepSpeech: a KenLM binary without spelling, a header, and a trie."""

import struct

import numpy as np
import pytest

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from open_seq2seq.errors import InputError
from tests.ctc_decoder_with_lm.language_model_files import WORDS, build_binary

SYMBOLS = [" ", *sorted(set("".join(WORDS)))]


def header(
    magic=b"EIRT", version=6, is_bytes=False, alpha=0.931289039105002, beta=1.1834137581510284
):
    """As the format has it: magic, int32 version, bool, two doubles."""
    return magic + struct.pack("<i?dd", version, is_bytes, alpha, beta)


@pytest.fixture
def package(language_model_files, tmp_path):
    """Makes a package, as DeepSpeech's generate_lm.py and generate_scorer_package do."""

    def make(tail):
        options = ("-v", "-q", "8", "-a", "20", "trie")
        path = build_binary(language_model_files["arpa"], tmp_path / "kenlm.scorer", *options)
        path.write_bytes(path.read_bytes() + tail)
        return path

    return make


def test_alpha_and_beta_are_read(package):
    model = LanguageModel(package(header() + b"the trie"))
    assert model.package.alpha == 0.931289039105002
    assert model.package.beta == 1.1834137581510284
    assert not model.has_words


def test_other_models_are_no_packages(package, language_model_files):
    assert LanguageModel(package(b"")).package is None
    for path in language_model_files.values():
        model = LanguageModel(path)
        assert model.package is None and model.has_words


def test_its_kenlm_part_decodes_with_a_lexicon(package, language_model_files, tmp_path):
    """As the same model with its words does."""
    options = ("-q", "8", "-a", "20", "trie")
    plain = build_binary(language_model_files["arpa"], tmp_path / "plain.binary", *options)
    logits = np.random.default_rng(0).normal(0, 2, (60, len(SYMBOLS) + 1)).astype(np.float32)
    found = []
    for path in (plain, package(header() + b"trie")):
        decoder = BeamSearchDecoder(SYMBOLS, LanguageModel(path), "deepspeech", lexicon=WORDS)
        result = decoder.decode(logits, alpha=0.93, beta=1.18)
        found.append((result.text, result.score))
    assert found[0] == found[1] and found[0][0]


def test_without_its_words_it_is_refused(package):
    for tail, name in ((header(), "a scorer package of DeepSpeech"), (b"", "a KenLM binary")):
        model = LanguageModel(package(tail))
        with pytest.raises(InputError, match=f"found {name}.*words as the lexicon"):
            BeamSearchDecoder(SYMBOLS, model, "deepspeech")


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (header(version=7), "version 7, expected version 6"),
        (header(is_bytes=True), "symbols that are UTF-8 bytes, expected one of words"),
        (header(alpha=float("nan")), "alpha nan, beta 1.18.*, expected numbers"),
        (header()[:10], "an end within its header"),
    ],
)
def test_packages_that_cannot_be_used(package, tail, message):
    with pytest.raises(InputError, match=message):
        LanguageModel(package(tail))
