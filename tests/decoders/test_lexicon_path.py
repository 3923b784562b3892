"""`lexicon_path` with pronunciations: a network of phonemes gives words, at once and in streams."""

import numpy as np
import pytest

from open_seq2seq.decoders import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError
from open_seq2seq.vocabulary import SymbolTable

NAMES = ["T", "UW", "R"]
LEXICON = "two\tT UW\nto\tT UW\nare\tR\n"
SPOKEN = np.eye(4, dtype=np.float32)[[0, 1, 3, 2, 3]] * 9  # T UW R


def decoder_of(folder, text=LEXICON, symbols=None, **params):
    path = folder / "lexicon.txt"
    path.write_text(text)
    given = {"use_language_model": True, "lm_scoring": "standard", "alpha": 0.8, **params}
    filled = DECODER_PARAMS.fill({**given, "lexicon_path": str(path)})
    marked = ["\u2581" + name for name in NAMES]
    return make_decoder(filled, SymbolTable(symbols or marked), 0.1)


def test_words_with_times_at_once_and_in_streams(tmp_path):
    decoder = decoder_of(tmp_path, hot_words={"two are": 2.0})
    assert decoder.pronounced
    (found,) = decoder.decode(SPOKEN[None], np.array([5]))
    assert found.text == "two are"
    times = [(word.text, word.start, word.end) for word in found.words]
    assert times == [("two", 0.0, pytest.approx(0.2)), ("are", pytest.approx(0.3),
                     pytest.approx(0.4))]  # fmt: skip
    assert [token.text for token in found.tokens] == ["\u2581T", "\u2581UW", "\u2581R"]
    stream = decoder.stream()
    for row in SPOKEN:
        stream.accept(row[None])
    assert stream.partial().text == "two are"
    assert stream.finish() == found


def test_a_list_of_words_stays_one(tmp_path):
    decoder = decoder_of(tmp_path, "ab x y\nb\n", [" ", "a", "b"])
    assert not decoder.pronounced
    logits = np.eye(4, dtype=np.float32)[[1, 2, 3]] * 9
    assert decoder.decode(logits[None], np.array([3]))[0].text == "ab"


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("two\tT UW1\n", {}, "lexicon.txt:1: found 'UW1'"),
        ("two\tT\nto\n", {}, "lexicon.txt:2: found 'to' without a spelling"),
        (LEXICON, {"lm_scoring": "native_op"}, "Set the scoring to standard"),
        ("\\data\\\nngram 1=1\n-1.0\ta\n", {}, "a language model"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, text, params, message):
    with pytest.raises(InputError, match=message):
        decoder_of(tmp_path, text, **params)
