"""Scorer packages of DeepSpeech: a KenLM binary without spelling, a header, and the words."""

import struct
from pathlib import Path

import numpy as np
import pytest

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from ctc_decoder_with_lm.scorer_package import (
    KENLM_START,
    package_tail,
    without_words,
)
from ctc_decoder_with_lm.word_trie import HEADER, trie_bytes
from open_seq2seq.errors import InputError
from tests.ctc_decoder_with_lm.language_model_files import WORDS, build_binary

SYMBOLS = [" ", *sorted(set("".join(WORDS)))]
ALPHA, BETA = 0.931289039105002, 1.1834137581510284


def header(magic=b"EIRT", version=6, is_bytes=False, alpha=ALPHA, beta=BETA):
    """As the format has it: magic, int32 version, bool, two doubles."""
    return magic + struct.pack("<i?dd", version, is_bytes, alpha, beta)


@pytest.fixture
def package(language_model_files, tmp_path):
    """Makes a package, as DeepSpeech's generate_lm.py and generate_scorer_package do."""

    def make(tail=None, words=WORDS, symbols=SYMBOLS):
        options = ("-v", "-q", "8", "-a", "20", "trie")
        path = build_binary(language_model_files["arpa"], tmp_path / "kenlm.scorer", *options)
        kenlm = path.read_bytes()
        if tail is None:
            tail = package_tail(words, symbols, ALPHA, BETA, len(kenlm))
        path.write_bytes(kenlm + tail)
        return path

    return make


def rows(seed=0, symbols=SYMBOLS):
    generator = np.random.default_rng(seed)
    return generator.normal(0, 2, (60, len(symbols) + 1)).astype(np.float32)


def test_alpha_and_beta_are_read(package):
    model = LanguageModel(package(header() + b"the trie"))
    assert (model.package.alpha, model.package.beta) == (ALPHA, BETA)
    assert not model.has_words


def test_words_alpha_and_beta_come_back(package):
    found = LanguageModel(package()).package
    assert (found.alpha, found.beta, found.is_bytes) == (ALPHA, BETA, False)
    assert sorted(found.words(SYMBOLS)) == sorted(WORDS)


def test_other_models_are_no_packages(package, language_model_files):
    assert LanguageModel(package(b"")).package is None
    for path in language_model_files.values():
        model = LanguageModel(path)
        assert model.package is None and model.has_words


@pytest.mark.parametrize("scoring", ["deepspeech", "standard", "pyctcdecode"])
def test_a_package_decodes_as_its_parts_do(package, language_model_files, tmp_path, scoring):
    """As the model with its words, and as the package with a list of words."""
    options = ("-q", "8", "-a", "20", "trie")
    plain = build_binary(language_model_files["arpa"], tmp_path / "plain.binary", *options)
    own = LanguageModel(package())
    decoders = [
        BeamSearchDecoder(SYMBOLS, own, scoring),
        BeamSearchDecoder(SYMBOLS, own, scoring, lexicon=WORDS),
        BeamSearchDecoder(SYMBOLS, LanguageModel(plain), scoring),
    ]
    for seed in range(5):
        found = [
            (result.text, result.score, result.ngram_scores)
            for result in (one.decode(rows(seed), alpha=0.93, beta=1.18) for one in decoders)
        ]
        assert found[0] == found[1] == found[2] and found[0][0]


def test_only_its_words_are_recognised(package):
    """Fewer than the language model knows."""
    decoder = BeamSearchDecoder(SYMBOLS, LanguageModel(package(words=["cat", "mat"])), "deepspeech")
    assert decoder.lexicon_words == 2
    for seed in range(5):
        assert set(decoder.decode(rows(seed), alpha=0.5, beta=1.0).text.split()) <= {"cat", "mat"}


def test_packages_go_with_other_models(package, language_model_files):
    both = [LanguageModel(package(words=["cat"])), LanguageModel(language_model_files["trie"])]
    assert BeamSearchDecoder(SYMBOLS, both, "deepspeech").lexicon_words == len(WORDS)


# Made by DeepSpeech's own code (ds_ctcdecoder 0.9.3: Scorer.fill_dictionary, save_dictionary) of
# WORDS, and of five characters as bytes; Coqui's (coqui_stt_ctcdecoder 1.4.0) makes the same. The
# texts and confidences are those of its ctc_beam_search_decoder, beam 64.
THEIRS = Path(__file__).parent / "data" / "deepspeech-0.9.3.scorer"


def test_a_package_of_deepspeech_is_read():
    found = LanguageModel(THEIRS).package
    assert (found.alpha, found.beta) == tuple(np.float32([ALPHA, BETA]).tolist())
    assert sorted(found.words(SYMBOLS)) == sorted(WORDS)
    of_bytes = LanguageModel(THEIRS.with_name("deepspeech-0.9.3-bytes.scorer")).package
    assert of_bytes.is_bytes and sorted(of_bytes.words([])) == ["a", "b", "ä", "字", "𝄞"]


def test_a_package_of_deepspeech_decodes_as_there():
    expected = np.load(THEIRS.with_suffix(".npz"))
    decoder = BeamSearchDecoder(SYMBOLS, LanguageModel(THEIRS), "deepspeech")
    found = decoder.decode_batch(expected["logits"], alpha=ALPHA, beta=BETA, beam_width=64)
    assert [one.text for one in found] == expected["texts"].tolist()
    np.testing.assert_allclose([one.score for one in found], expected["scores"], atol=1e-3)


def test_what_is_made_is_what_deepspeech_makes():
    """But for the order of the states: sizes, header and words, and the bytes of the KenLM part."""
    theirs = THEIRS.read_bytes()
    offset = LanguageModel(THEIRS).words_offset
    ours = theirs[:offset] + package_tail(WORDS, SYMBOLS, *np.float32([ALPHA, BETA]), offset)
    begin = offset + len(header()) + HEADER.size
    assert ours[:begin] == theirs[:begin] and len(ours) == len(theirs)


@pytest.mark.parametrize("kind", ["probing", "trie", "quant_array_trie"])
def test_a_binary_without_its_words_is_that_of_kenlm(language_model_files, tmp_path, kind):
    """What is made of a binary with words is, to the byte, what build_binary -v makes."""
    options = {"probing": ["probing"], "trie": ["trie"],
               "quant_array_trie": ["-q", "10", "-b", "9", "-a", "20", "trie"]}[kind]  # fmt: skip
    arpa = language_model_files["arpa"]
    theirs = build_binary(arpa, tmp_path / "theirs", "-v", *options).read_bytes()
    path = build_binary(arpa, tmp_path / "ours", *options)
    whole = path.read_bytes()
    offset = LanguageModel(path).words_offset
    assert without_words(whole[:KENLM_START]) + whole[KENLM_START:offset] == theirs != whole


def test_a_model_of_characters_in_a_package_of_bytes(tmp_path):
    """DeepSpeech's networks of bytes have these; one of characters can use them."""
    from tests.ctc_decoder_with_lm.arpa import random_model

    characters = ("a", "b", "ä", "字")
    arpa = random_model(np.random.default_rng(0), characters, 3, share=0.6).write(tmp_path / "a")
    whole = build_binary(arpa, tmp_path / "with_words", "trie")
    path = build_binary(arpa, tmp_path / "bytes.scorer", "-v", "trie")
    kenlm = path.read_bytes()
    path.write_bytes(kenlm + package_tail(characters, None, 0.5, 0.25, len(kenlm)))
    model = LanguageModel(path)
    assert model.package.is_bytes and set(model.package.words([])) == set(characters)
    own = BeamSearchDecoder(characters, model, "deepspeech")
    other = BeamSearchDecoder(characters, LanguageModel(whole), "deepspeech")
    for seed in range(5):
        found, expected = (
            one.decode(rows(seed, characters), alpha=0.5, beta=0.25) for one in (own, other)
        )
        assert (found.text, found.score) == (expected.text, expected.score) and found.text
    with pytest.raises(InputError, match="none of which the network has"):
        BeamSearchDecoder(["x", "y", " "], model, "deepspeech")


def test_without_its_words_it_is_refused(package):
    with pytest.raises(InputError, match="an end behind its header, expected its words"):
        BeamSearchDecoder(SYMBOLS, LanguageModel(package(header())), "deepspeech")
    with pytest.raises(InputError, match=r"a KenLM binary without its words.*lexicon"):
        BeamSearchDecoder(SYMBOLS, LanguageModel(package(b"")), "deepspeech")


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (SYMBOLS[1:], "a model without a space"),
        (SYMBOLS[:4], "words of an alphabet of at least"),
        ([*SYMBOLS[1:], " "], "which does not end in its only space"),
        ([" ", *SYMBOLS[:0:-1]], "words that its language model does not know"),
    ],
)
def test_another_alphabet_is_noticed(package, symbols, message):
    with pytest.raises(InputError, match=f"{message}.*lm package"):
        BeamSearchDecoder(symbols, LanguageModel(package()), "deepspeech")


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (header(version=7), "version 7, expected version 6"),
        (header(alpha=float("nan")), "alpha nan, beta 1.18.*, expected numbers"),
        (header()[:10], "an end within its header"),
    ],
)
def test_packages_that_cannot_be_used(package, tail, message):
    with pytest.raises(InputError, match=message):
        LanguageModel(package(tail))


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (header() + b"the trie", "words that cannot be read: it ends within its header"),
        (header() + bytes(100), "does not begin as a file of OpenFST"),
        (package_tail([], SYMBOLS, 1, 1, 0), "cannot be read|no words"),
    ],
)
def test_words_that_cannot_be_read(package, tail, message):
    model = LanguageModel(package(tail))
    with pytest.raises(InputError, match=message):
        model.package.words(SYMBOLS)


def test_bytes_that_are_no_text(package):
    latin = [bytes([0xE4]), b"a"]
    kenlm = len(package(b"").read_bytes())
    tail = header(is_bytes=True) + trie_bytes(latin, kenlm + len(header()))
    with pytest.raises(InputError, match="expected words in UTF-8"):
        LanguageModel(package(tail)).package.words([])
