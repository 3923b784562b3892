"""From `decoder_params` to a decoder: greedy or beam search, offline and in pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.decoders import FullyConnectedCTCDecoder, Partial, make_decoder
from open_seq2seq.errors import InputError
from tests.decoders.test_greedy import CHARACTERS, PIECES, spell

PARSE = FullyConnectedCTCDecoder.PARAMS.parse
FRAME_SHIFT = 0.02


def made(vocabulary=CHARACTERS, **params):
    return make_decoder(PARSE(params), vocabulary, FRAME_SHIFT)


def test_without_a_language_model_it_is_greedy():
    decoder = made()
    (result,) = decoder.decode(spell("a-bb-c")[None], np.array([6]))
    assert result.text == "abc" and decoder.note is None


def test_beam_search_sums_up_alignments():
    """Without a language model and at alpha 0: the likeliest text, not the likeliest path."""
    probabilities = np.full((2, 6), 1e-9)
    probabilities[:, [1, 5]] = 0.4, 0.6  # "--" 0.36; "a-", "-a" and "aa" 0.64
    logits = np.log(probabilities / probabilities.sum(1, keepdims=True)).astype(np.float32)
    batch, lengths = logits[None], np.array([2])
    assert made().decode(batch, lengths)[0].text == ""
    decoder = made(use_language_model=True)
    for _ in range(2):
        assert decoder.decode(batch, lengths)[0].text == "a"


def test_what_is_wrong_is_said_when_it_is_made():
    with pytest.raises(InputError, match=r"lm_path: found no file nowhere\.arpa"):
        made(use_language_model=True, lm_path="nowhere.arpa")


@pytest.mark.parametrize("beam", [False, True], ids=["greedy", "beam search"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 30), max_size=8))
def test_a_stream_is_what_the_whole_is(beam, seed, cuts):
    vocabulary = PIECES if seed % 2 else CHARACTERS
    classes = len(vocabulary.symbols) + 1
    logits = np.random.default_rng(seed).normal(0, 3, (30, classes)).astype(np.float32)
    decoder = made(vocabulary, use_language_model=beam, beam_width=20)
    (whole,) = decoder.decode(logits[None], np.array([30]))
    stream = decoder.stream()
    for _ in range(2):
        stable = ""
        for piece in np.split(logits, sorted(cuts)):
            stream.accept(piece)
            partial = stream.partial()
            assert partial.stable_text.startswith(stable)
            assert [word.text for word in partial.words] == partial.text.split()
            stable = partial.stable_text
        result = stream.finish()
        assert result.text == whole.text and result.text.startswith(stable)
        assert beam or stream.partial().text == whole.text
        assert result.score == pytest.approx(whole.score, abs=1e-3)
        assert [word.text for word in result.words] == [word.text for word in whole.words]
        np.testing.assert_allclose(
            [word[1:] for word in result.words] or np.zeros((0, 3)),
            [word[1:] for word in whole.words] or np.zeros((0, 3)),
            atol=1e-5,
        )
        stream.reset()
    assert stream.partial() == Partial("", "") and stream.finish().text == ""


def test_a_greedy_stream_takes_its_own_networks_logits_only():
    with pytest.raises(InputError, match=r"found shape \[3, 9\], expected \[time, 6\]"):
        made().stream().accept(np.zeros((3, 9), np.float32))
