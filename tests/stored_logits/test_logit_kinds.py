"""Files of numbers that look like logits and are others: converted, or what they may be is said."""

import pickle

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from open_seq2seq.decoders.beam_search import make_beam_search
from open_seq2seq.errors import InputError
from open_seq2seq.stored_logits.logit_kinds import as_logits, blank_note
from open_seq2seq.stored_logits.logits_file import read_logits
from open_seq2seq.stored_logits.search import Search
from open_seq2seq.stored_logits.stored import read_stored
from tests.stored_logits.small import ARPA, SYMBOLS, dump

LOGITS = dump()["logits"]


def stored(tmp_path, arrays, **more):
    path = tmp_path / "x.pkl"
    content = {"logits": dict(zip(LOGITS, arrays)), "vocab": dict(enumerate(SYMBOLS)), **more}
    path.write_bytes(pickle.dumps(content))
    return path


def transcripts(path, tmp_path, **options):
    """Beam search with a language model, as scripts/decode.py calls it."""
    (tmp_path / "lm.arpa").write_text(ARPA, encoding="utf-8")
    found = read_stored(str(path), **options)
    decoder = make_beam_search(
        found.vocabulary.symbols, [str(tmp_path / "lm.arpa")], "standard", 0.02
    )
    return [one.text for one in Search(decoder, found.utterances, 100, 1).decode(0.5, 0.25)]


KINDS = {
    "probabilities": (lambda x: softmax(x, axis=1), "these are probabilities, not logits"),
    "probabilities in half precision": (
        lambda x: softmax(x, axis=1).astype(np.float16),
        "these are probabilities, not logits",
    ),
    "costs": (lambda x: -log_softmax(x, axis=1), "with their sign changed (costs)"),
    "log10": (lambda x: log_softmax(x, axis=1) / np.log(10), "logarithms of base 10"),
    "logits": (lambda x: x, None),
    "log probabilities": (lambda x: log_softmax(x, axis=1), None),
    "log probabilities in double precision": (
        lambda x: log_softmax(x.astype(np.float64), axis=1),
        None,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_decoded_does_not_depend_on_the_kind(tmp_path, kind):
    make, note = KINDS[kind]
    expected = transcripts(stored(tmp_path, LOGITS.values()), tmp_path)
    path = stored(tmp_path, [make(array) for array in LOGITS.values()])
    assert transcripts(path, tmp_path) == expected
    notes = read_logits(path).notes
    assert notes == [] if note is None else note in notes[0]
    for mine, given in zip(read_logits(path).logits, LOGITS.values()):
        rough = 0.2 if "half" in kind else 1e-3
        np.testing.assert_allclose(
            log_softmax(mine, axis=1), log_softmax(given, axis=1), rtol=rough, atol=rough
        )


def test_one_array_of_another_kind_is_enough_for_logits():
    arrays = [softmax(array, axis=1) for array in LOGITS.values()]
    arrays[3] = list(LOGITS.values())[3]
    given, notes = as_logits(arrays)
    assert notes == [] and all(a is b for a, b in zip(given, arrays))
    assert as_logits([]) == ([], [])
    assert as_logits([np.zeros((0, 4), np.float32)])[1] == []


def test_minus_infinity_is_a_probability_of_zero(tmp_path):
    """Decoded as a very small one is; costs have +inf for it."""
    small, minus, costs = [], [], []
    for array in LOGITS.values():
        log_probs = log_softmax(array, axis=1)
        rare = log_probs < -4.5
        assert rare.any()
        small.append(np.where(rare, -60, log_probs))
        minus.append(np.where(rare, -np.inf, log_probs))
        p = np.where(rare, 0, softmax(array, axis=1))
        with np.errstate(divide="ignore"):
            costs.append(-np.log(p / p.sum(axis=1, keepdims=True)))
    expected = transcripts(stored(tmp_path, small), tmp_path)
    assert transcripts(stored(tmp_path, minus), tmp_path) == expected
    assert np.isposinf(costs[0]).any()
    assert transcripts(stored(tmp_path, costs), tmp_path) == expected


@pytest.mark.parametrize(
    ("value", "everywhere", "message"),
    [
        (np.nan, False, "nan at frame 3, class 2, expected numbers"),
        (np.inf, False, "inf at frame 3, class 2, expected finite logits, or -inf"),
        (1e300, False, "inf at frame 3, class 2, expected finite logits, or -inf"),
        (-np.inf, True, "-inf for all classes at frame 3, expected a class that is possible"),
    ],
)
def test_what_is_no_number(tmp_path, value, everywhere, message):
    arrays = [array.astype(np.float64) for array in LOGITS.values()]
    arrays[1][3, slice(None) if everywhere else 2] = value
    with pytest.raises(InputError, match=f"1.wav: found {message}"):
        read_logits(stored(tmp_path, arrays))


def first(array):
    """With the blank as the first class."""
    return np.roll(array, 1, axis=1)


def test_a_blank_elsewhere_is_asked_for_and_put_in_its_place(tmp_path):
    many = [array.copy() for array in LOGITS.values()]
    for array in many:
        array[array.argmax(axis=1) != 4, 5] += 4  # most frames are blank, as in trained networks
        array[:, 4] -= 6
    path = stored(tmp_path, list(map(first, many)))
    (note,) = read_logits(path).notes
    assert note.startswith("WARNING: class 5 is the best one of 0.0% of the frames, class 0 of ")
    assert "%: is the blank first? Then give --blank=0." in note
    file = read_logits(path, blank=0)
    assert file.notes == [] and file.symbols == SYMBOLS
    for mine, given in zip(file.logits, many):
        np.testing.assert_array_equal(mine, given)


@pytest.mark.parametrize("blank", [0, 2, 5])
@pytest.mark.parametrize("named", ["all classes", "without the blank", "by class"])
def test_symbols_with_a_blank_elsewhere(tmp_path, blank, named):
    order = [*range(blank), 5, *range(blank, 5)]  # classes of the file, in ours
    arrays = [array[:, order] for array in LOGITS.values()]
    texts = [*SYMBOLS, "<pad>"]
    vocab = [texts[one] for one in order]
    if named == "without the blank":
        vocab = dict(enumerate(SYMBOLS))
    elif named == "by class":
        vocab = {place: text for place, text in enumerate(vocab) if place != blank}
    path = stored(tmp_path, arrays, vocab=vocab)
    found = read_stored(str(path), blank=blank)
    assert found.vocabulary.symbols == SYMBOLS
    for mine, given in zip(found.utterances, LOGITS.values()):
        np.testing.assert_array_equal(mine.logits, given)
    if named == "all classes":
        with pytest.raises(
            InputError, match="If one of them is the blank, name its class: --blank"
        ):
            read_stored(str(path))


def test_a_blank_that_is_no_class(tmp_path):
    for blank in (-1, 6):
        with pytest.raises(InputError, match="expected a class from 0 to 5"):
            read_logits(stored(tmp_path, LOGITS.values()), blank)


def test_the_wrong_sign_is_noticed():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (200, 8)).astype(np.float32)
    logits[:120, 7] += 12
    assert blank_note([logits]) is None
    assert "class 7, is the worst class of 6" in blank_note([-logits])
    # A network that has learned nothing, and a few frames, say nothing.
    assert blank_note([rng.normal(0, 1, (200, 8))]) is None
    assert blank_note([first(logits[:20])]) is None


def test_references_that_cannot_be_written_are_said(tmp_path):
    labels = tmp_path / "labels.csv"
    texts = ["Ab, ca!", "ca ba é", "ab ab", "bac", "É ab bac."]
    rows = "".join(f'{i}.wav,0,"{text}"\n' for i, text in enumerate(texts))
    labels.write_text(f"wav_filename,wav_filesize,transcript\n{rows}", encoding="utf-8")
    path = str(stored(tmp_path, LOGITS.values(), step_size=0.02))
    (note,) = read_stored(path, str(labels), need_reference=True).notes
    assert note.startswith("WARNING: 2 of 5 references have characters that the model cannot write")
    assert "',' 1 times" in note and note.endswith("--text_normalization=plain mends 2 of them.")
    found = read_stored(path, str(labels), need_reference=True, text_normalization="plain")
    assert found.notes == [] and found.references[0] == "ab ca"


def test_turkish_is_compared_in_its_own_lower_case(tmp_path):
    symbols = [" ", "S", "I", "F", "R"]
    path = stored(tmp_path, LOGITS.values(), vocab=symbols, step_size=0.02)
    labels = tmp_path / "labels.csv"
    rows = "".join(f"{i}.wav,0,SIFIR\n" for i in range(5))
    labels.write_text(f"wav_filename,wav_filesize,transcript\n{rows}", encoding="utf-8")
    found = read_stored(str(path), str(labels), need_reference=True, text_normalization="turkish")
    assert found.references[0] == "sıfır" == found.lower("SIFIR")
    symbols[2] = "ı"
    path = stored(tmp_path, LOGITS.values(), vocab=symbols, step_size=0.02)
    found = read_stored(str(path), str(labels), need_reference=True)
    assert found.references[0] == "sıfır" and found.notes == []
