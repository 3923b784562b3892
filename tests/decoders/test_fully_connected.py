"""The CTC head."""

import keras
import numpy as np
import pytest

from open_seq2seq.decoders import DECODERS, FullyConnectedCTCDecoder


def make(**kwargs):
    return FullyConnectedCTCDecoder({}, vocab_size=5, name="decoder", **kwargs)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_under_every_policy(policy):
    decoder = make(dtype=policy)
    outputs = np.random.default_rng(0).standard_normal((2, 7, 4)).astype(np.float32)
    compute = "float32" if policy == "float32" else policy.removeprefix("mixed_")
    cast = keras.ops.cast(outputs, compute)
    logits = decoder(cast)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    kernel, bias = decoder.get_weights()
    expected = np.asarray(keras.ops.cast(cast, "float32")) @ kernel + bias
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert logits.shape == (2, 7, 6)


def test_variables_and_regularizer():
    decoder = make(regularizer=keras.regularizers.L2(0.1))
    decoder.build((None, None, 4))
    assert [v.path for v in decoder.variables] == [
        "decoder/fully_connected/kernel",
        "decoder/fully_connected/bias",
    ]
    kernel = decoder.get_weights()[0]
    assert float(sum(decoder.losses)) == pytest.approx(0.1 * np.square(kernel).sum(), rel=1e-5)


def test_config_round_trip():
    decoder = make(regularizer=keras.regularizers.L2(0.1), initializer="he_normal")
    outputs = np.ones((1, 2, 4), np.float32)
    decoder(outputs)
    copy = FullyConnectedCTCDecoder.from_config(decoder.get_config())
    copy(outputs)
    copy.set_weights(decoder.get_weights())
    np.testing.assert_array_equal(copy(outputs), decoder(outputs))
    assert copy.get_config() == decoder.get_config()


def test_old_parameters_are_accepted():
    params = {
        "use_language_model": False,
        "beam_width": 512,
        "alpha": 2,
        "beta": 1.5,
        "trie_weight": 0.1,
        "decoder_library_path": "ctc_decoder_with_lm/libctc_decoder_with_kenlm.so",
        "lm_path": "language_model/4-gram.binary",
        "trie_path": "language_model/trie.binary",
        "alphabet_config_path": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
        "infer_logits_to_pickle": True,
    }
    decoder = DECODERS["FullyConnectedCTCDecoder"](params, vocab_size=28)
    assert decoder.params["alpha"] == 2.0


def test_hot_words_are_phrases_with_numbers():
    schema = FullyConnectedCTCDecoder.PARAMS
    assert schema.problems({"hot_words": {"a b": 3, "c": -0.5}}) == []
    found = schema.problems({"hot_words": {"a": "3", " ": 1, "b": 2, "c": True}}, "decoder_params")
    assert [problem.found for problem in found] == ["'a': '3'", "' ': 1", "'c': True"]
    assert {problem.where for problem in found} == {"decoder_params/hot_words"}
