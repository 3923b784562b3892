"""What evaluations of networks of phonemes count."""

from types import SimpleNamespace

import pytest

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import InputError
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.inference.units import units_of
from open_seq2seq.metrics.error_rate import count_errors


def utterance(words):
    return Utterance("a.wav", "a.wav", "DH AH", None, "m.csv:2", words=words)


def units(symbols, pronounced, words=None):
    recognizer = SimpleNamespace(
        vocabulary=SimpleNamespace(symbols=symbols), decoder=SimpleNamespace(pronounced=pronounced)
    )
    return units_of(recognizer, SimpleNamespace(utterances=[utterance(words)]))


def test_characters_make_words():
    found = units(["t", " "], False)
    assert (found.label, found.reference(utterance("the"))) == ("WER", "DH AH")


def test_greedy_phonemes_are_counted_as_phonemes():
    found = units(["\u2581DH", "\u2581AH"], False)
    assert (found.label, found.reference(utterance("the"))) == ("PER", "DH AH")


def test_words_of_a_lexicon_are_compared_with_words():
    symbols = ["\u2581DH", "\u2581AH"]
    found = units(symbols, True, "the")
    assert (found.label, found.reference(utterance("the"))) == ("WER", "the")
    with pytest.raises(InputError, match=r"1 rows without words: m.csv:2"):
        units(symbols, True)


def test_reports_say_per():
    errors = count_errors(["DH AH K"], ["DH AH"])
    found = Evaluation(1.5, 0, errors, [], label="PER")
    assert found.short() == "PER 33.3%"
    assert found.line() == "eval loss 1.5000, PER 33.33%"
    assert "PER 33.33% (1 errors in 3 phonemes)" in found.text()
    assert "WER" not in found.text() and "CER" not in found.text()
    assert found.summary()["per"] == found.summary()["wer"] == pytest.approx(1 / 3)
    assert "per" not in Evaluation(1.5, 0, errors, []).summary()
