"""The TensorFlow operation: TensorFlow's results without a language model, the core's with one."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from ctc_decoder_with_lm import tensorflow_op as door
from open_seq2seq.errors import RunError

from .arpa import random_model

SYMBOLS = (" ", "a", "b", "c", "t")
WORDS = ("a", "cat", "bat", "at", "tab", "cab", "act")
PLAIN = {"alpha": 0.0, "beta": 0.0, "trie_weight": 0.0, "merge_repeated": False}
SCORED = {"alpha": 1.5, "beta": 0.7, "trie_weight": 0.3, "beam_width": 30}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operation")
    alphabet = folder / "alphabet.txt"
    alphabet.write_text("# a comment\n" + "".join(f"{symbol}\n" for symbol in SYMBOLS))
    model = random_model(np.random.default_rng(3), WORDS, 2).write(folder / "model.arpa")
    return {"model_path": model, "trie_path": None, "alphabet_path": alphabet}


def logits(seed, time=9, batch=4, spread=2.0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(max(time // 2, 1), time + 1, batch).astype(np.int32)
    shape = (time, batch, len(SYMBOLS) + 1)
    return rng.normal(0, spread, shape).astype(np.float32), lengths


def dense(paths):
    return [tf.sparse.to_dense(path, default_value=-1).numpy().tolist() for path in paths]


# TensorFlow drops a prefix and takes it up again with some of its old probability, so its
# results are exact only where nothing is dropped, or nothing that matters.
@pytest.mark.parametrize(
    "time, spread, width, paths",
    [(4, 1.0, 1000, 20), (4, 3.0, 1000, 1), (25, 8.0, 30, 1), (25, 8.0, 100, 1)],
)
@pytest.mark.parametrize("seed", range(4))
def test_without_weights_it_is_tensorflows(files, seed, time, spread, width, paths):
    inputs, lengths = logits(seed, time, spread=spread)
    options = {"beam_width": width, "top_paths": paths}
    found, scores = door.ctc_beam_search_decoder_with_lm(
        inputs, lengths, **files, **PLAIN, **options
    )
    expected, log_probability = tf.nn.ctc_beam_search_decoder(inputs, lengths, **options)
    np.testing.assert_allclose(scores, log_probability, atol=1e-3)
    assert dense(found) == dense(expected)
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.dense_shape, other.dense_shape)
        assert one.values.dtype == tf.int64


@pytest.mark.parametrize("seed", range(3))
def test_with_weights_it_is_the_preset(files, seed):
    inputs, lengths = logits(seed, time=25, batch=3)
    paths, scores = door.ctc_beam_search_decoder_with_lm(
        inputs, lengths, **files, **SCORED, merge_repeated=False
    )
    decoder = BeamSearchDecoder(SYMBOLS, LanguageModel(files["model_path"]), "native_op")
    expected = decoder.decode_batch(inputs.transpose(1, 0, 2), lengths, **SCORED)
    np.testing.assert_allclose(scores[:, 0], [one.score for one in expected], rtol=1e-5)
    symbols = [[SYMBOLS.index(token.text) for token in one.tokens] for one in expected]
    assert [[i for i in row if i >= 0] for row in dense(paths)[0]] == symbols
    # The weights matter.
    _, plain = door.ctc_beam_search_decoder_with_lm(inputs, lengths, **files, **PLAIN)
    assert np.abs(scores - plain).min() > 0.1


def test_repeated_labels_are_merged(files):
    inputs = np.full((3, 1, len(SYMBOLS) + 1), -20, np.float32)
    for frame, symbol in enumerate((1, len(SYMBOLS), 1)):  # a, blank, a
        inputs[frame, 0, symbol] = 20
    for merge, expected in ((False, [1, 1]), (True, [1])):
        options = {**PLAIN, "merge_repeated": merge}
        found, _ = door.ctc_beam_search_decoder_with_lm(inputs, [3], **files, **options)
        assert found[0].values.numpy().tolist() == expected


def test_types_and_shapes(files):
    inputs, lengths = logits(1)
    one = door.ctc_beam_search_decoder_with_lm(inputs, lengths, **files, **SCORED)[1]
    for cast in (tf.float64, tf.float32):
        other = door.ctc_beam_search_decoder_with_lm(
            tf.cast(inputs, cast), lengths.astype(np.int64), **files, **SCORED
        )[1]
        np.testing.assert_array_equal(one, other)

    def trace(inputs, lengths):
        @tf.function
        def decode(inputs, lengths):
            paths, scores = door.ctc_beam_search_decoder_with_lm(
                inputs, lengths, **files, **SCORED, top_paths=2
            )
            assert scores.shape.as_list() == [7, 2]
            assert [path.shape.rank for path in paths] == [2, 2]
            assert paths[0].values.shape.as_list() == [None]
            return scores

        decode.get_concrete_function(
            tf.TensorSpec(inputs, tf.float32), tf.TensorSpec(lengths, tf.int32)
        )

    trace([None, 7, 6], [None])
    trace([None, None, 6], [7])
    with pytest.raises(ValueError, match="rank 3"):
        trace([None, 6], [None])
    with pytest.raises(ValueError, match="must be equal"):
        trace([None, 7, 6], [6])


def test_in_graphs_datasets_and_threads(files):
    batches = [logits(seed, time=20) for seed in range(8)]

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, len(SYMBOLS) + 1], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def decode(inputs, lengths):
        return door.ctc_beam_search_decoder_with_lm(inputs, lengths, **files, **SCORED)[1]

    eager = [
        door.ctc_beam_search_decoder_with_lm(*batch, **files, **SCORED)[1].numpy()
        for batch in batches
    ]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda batch: decode(*batch).numpy(), batches))
    np.testing.assert_array_equal(eager, together)
    dataset = tf.data.Dataset.from_tensor_slices(tuple(np.stack(x) for x in zip(*batches)))
    mapped = [scores.numpy() for scores in dataset.map(decode, num_parallel_calls=2)]
    np.testing.assert_array_equal(eager, mapped)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_model_is_loaded_once(language_model_files, tmp_path):
    alphabet = tmp_path / "alphabet.txt"
    alphabet.write_text("".join(f"{symbol}\n" for symbol in "bärtheclmnois' "))
    path = language_model_files["trie"]
    inputs = np.zeros((2, 1, 16), np.float32)

    def mappings():
        return Path("/proc/self/maps").read_text().count(str(path))

    for alpha in (0.0, 1.0, 2.0):
        options = {**PLAIN, "alpha": alpha}
        door.ctc_beam_search_decoder_with_lm(inputs, [2], path, "", alphabet, **options)
        # Its data, and its words.
        assert mappings() == 2


def test_unequal_lengths_and_empty_ones(files):
    inputs, _ = logits(2, time=6, batch=3)
    lengths = [6, 0, 2]
    found, scores = door.ctc_beam_search_decoder_with_lm(inputs, lengths, **files, **PLAIN)
    assert dense(found)[0][1] == [-1] * found[0].dense_shape[1].numpy()
    assert scores[1, 0] == 0
    for row, length in ((0, 6), (2, 2)):
        alone, score = door.ctc_beam_search_decoder_with_lm(
            inputs[:length, row : row + 1], [length], **files, **PLAIN
        )
        np.testing.assert_allclose(scores[row], score[0], atol=1e-6)
        assert [i for i in dense(found)[0][row] if i >= 0] == dense(alone)[0][0]


def test_alphabets(files, tmp_path):
    alphabet = tmp_path / "alphabet.txt"
    alphabet.write_bytes(b"# comment\r\n \r\n\\#\r\na\r\nt")
    inputs = np.full((4, 1, 5), -20, np.float32)
    for frame, symbol in enumerate((1, 2, 3, 0)):
        inputs[frame, 0, symbol] = 20
    given = {**files, "alphabet_path": alphabet}
    found, _ = door.ctc_beam_search_decoder_with_lm(inputs, [4], **given, **PLAIN)
    assert found[0].values.numpy().tolist() == [1, 2, 3, 0]


GOOD = logits(5)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"inputs": GOOD[0][0]}, r"must be \[time, batch, class\]"),
        ({"inputs": GOOD[0][:0]}, "max_time is 0|no frames"),
        ({"inputs": GOOD[0][:, :, 1:]}, "5 classes, expected 6"),
        ({"inputs": GOOD[0] * np.nan}, "(?i)nan"),
        ({"inputs": GOOD[0] + np.inf}, "(?i)infin"),
        ({"sequence_length": [[9]]}, "vector of 4 lengths"),
        ({"sequence_length": [9, 9]}, "must be equal|4 lengths"),
        ({"sequence_length": [9, 9, 9, 10]}, r"sequence_length\(3\) is 10, expected 0 to 9"),
        ({"sequence_length": [9, -1, 9, 9]}, r"sequence_length\(1\) is -1"),
        ({"beam_width": 0}, "beam_width"),
        ({"beam_width": 2**31 - 1}, "beam_width"),
        ({"top_paths": 0}, "top_paths"),
        ({"top_paths": 60}, "top_paths is 60, but utterance 0 has only"),
        ({"alpha": float("nan")}, "alpha"),
        ({"beta": float("inf")}, "beta"),
        ({"model_path": "missing.binary"}, "missing.binary: No such file"),
        ({"model_path": ""}, "path"),
        ({"alphabet_path": "missing.txt"}, "missing.txt"),
        ({"trie_path": "missing.trie"}, "missing.trie"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else "",
)
def test_errors(files, change, match):
    given = {"inputs": GOOD[0], "sequence_length": GOOD[1], **files, **SCORED, **change}
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=match):
        door.ctc_beam_search_decoder_with_lm(**given)
    # Inside a graph shapes are known only when it runs.
    unknown = tf.function(
        lambda inputs, lengths: door.ctc_beam_search_decoder_with_lm(
            **{**given, "inputs": inputs, "sequence_length": lengths}
        )[1],
        input_signature=[tf.TensorSpec(None, tf.float32), tf.TensorSpec(None, tf.int32)],
    )
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        unknown(tf.constant(given["inputs"]), tf.constant(given["sequence_length"], tf.int32))


def test_an_operation_that_is_not_built(monkeypatch, tmp_path):
    door.operations.cache_clear()
    monkeypatch.setattr(door, "operation_path", lambda: tmp_path / "missing.so")
    with pytest.raises(RunError, match=r"python -m ctc_decoder_with_lm\.build"):
        door.operations()
    (tmp_path / "missing.so").write_bytes(b"no library")
    with pytest.raises(RunError, match="cannot be loaded"):
        door.operations()
