"""The neural language model against the same in NumPy."""

import math

import keras
import numpy as np
import pytest

from open_seq2seq.encoders.text.transformer_lm import positions
from open_seq2seq.errors import InputError
from open_seq2seq.losses import CrossEntropyLoss
from open_seq2seq.models import NeuralLanguageModel
from tests.encoders.encoder_checks import roundings
from tests.machines import need_bfloat16
from tests.rounding import assert_within, bound

VOCABULARY = 7
PARAMS = {
    "logdir": "unused",
    "batch_size_per_gpu": 2,
    "encoder": "TransformerLMEncoder",
    "encoder_params": {
        "hidden_size": 8,
        "num_layers": 2,
        "num_heads": 2,
        "filter_size": 12,
        "dropout_keep_prob": 0.5,
    },
    "data_layer": "TextDataLayer",
    "data_layer_params": {"vocab_file": "words.txt"},
}
LSTM = {
    "encoder": "LSTMLMEncoder",
    "encoder_params": {"hidden_size": 6, "num_layers": 2, "cell_size": 5},
}
TOKENS = np.array([[0, 3, 5, 2, 1], [0, 6, 4, 0, 0]], np.int32)
LENGTHS = np.array([5, 3], np.int32)


def make(policy="float32", **changes):
    keras.utils.set_random_seed(4)
    params = NeuralLanguageModel.PARAMS.parse({**PARAMS, **changes})
    model = NeuralLanguageModel(params, VOCABULARY, policy)
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        # Initial biases and scales are 0 and 1, where an error might hide.
        noise = 0.3 * rng.standard_normal(variable.shape)
        variable.assign(np.asarray(variable) + noise.astype(np.float32))
    return model


def weights_of(model):
    return {v.path.removeprefix("language_model/"): np.asarray(v, np.float64)
            for v in model.trainable_variables}  # fmt: skip


def normalized(x, weights, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    scaled = (x - mean) / np.sqrt(variance + 1e-5)
    return scaled * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def dense(x, weights, name):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def gelu(x):
    # The approximation by tanh (Hendrycks and Gimpel 2016).
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def transformer(tokens, weights, heads=2, layers=2):
    """One line's logits: attention token by token, over those up to it alone."""
    width = weights["embeddings"].shape[1]
    x = weights["embeddings"][tokens] * math.sqrt(width)
    half = width // 2
    for t in range(len(tokens)):
        for k in range(half):
            rate = 10000.0 ** (-k / (half - 1))
            x[t, k] += math.sin(t * rate)
            x[t, half + k] += math.cos(t * rate)
    for number in range(1, layers + 1):
        block = f"encoder/block{number}"
        parts = dense(normalized(x, weights, f"{block}/attention_norm"), weights,
                      f"{block}/queries_keys_values")  # fmt: skip
        queries, keys, values = np.split(parts, 3, axis=-1)
        mixed, size = np.zeros_like(x), width // heads
        for t in range(len(tokens)):
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                scores = keys[: t + 1, own] @ queries[t, own] / math.sqrt(size)
                chances = np.exp(scores - scores.max())
                mixed[t, own] = chances @ values[: t + 1, own] / chances.sum()
        x = x + dense(mixed, weights, f"{block}/attention_output")
        hidden = gelu(
            dense(normalized(x, weights, f"{block}/filter_norm"), weights, f"{block}/filter_input")
        )
        x = x + dense(hidden, weights, f"{block}/filter_output")
    x = normalized(x, weights, "encoder/norm")
    return x @ weights["embeddings"].T + weights["bias"]


def lstm(tokens, weights, layers=2):
    """One line's logits."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    x = weights["embeddings"][tokens] * math.sqrt(weights["embeddings"].shape[1])
    for number in range(1, layers + 1):
        name = f"encoder/lstm{number}/forward"
        hidden = memory = np.zeros(len(weights[f"{name}_recurrent_kernel"]))
        outputs = []
        for row in x:
            gates = (row @ weights[f"{name}_kernel"] + weights[f"{name}_bias"]
                     + hidden @ weights[f"{name}_recurrent_kernel"])  # fmt: skip
            i, f, c, o = np.split(gates, 4)
            memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(c)
            hidden = sigmoid(o) * np.tanh(memory)
            outputs.append(hidden)
        x = np.array(outputs)
    return dense(x, weights, "encoder/projection") @ weights["embeddings"].T + weights["bias"]


@pytest.mark.parametrize(("changes", "reference"), [({}, transformer), (LSTM, lstm)])
def test_logits_are_those_of_numpy(changes, reference):
    model = make(**changes)
    logits, lengths = model(TOKENS, LENGTHS)
    assert np.asarray(lengths).tolist() == LENGTHS.tolist()
    for row, length in enumerate(LENGTHS):
        expected = reference(TOKENS[row, :length], weights_of(model))
        np.testing.assert_allclose(np.asarray(logits)[row, :length], expected, atol=2e-4)


@pytest.mark.parametrize("changes", [{}, LSTM])
def test_a_token_changes_nothing_before_it(changes):
    model = make(**changes)
    before, changed = np.asarray(model(TOKENS, LENGTHS)[0]), TOKENS.copy()
    changed[0, 3] = 6
    after = np.asarray(model(changed, LENGTHS)[0])
    np.testing.assert_array_equal(after[0, :3], before[0, :3])
    assert not np.allclose(after[0, 3:], before[0, 3:])


@pytest.mark.parametrize("changes", [{}, LSTM])
def test_padding_and_neighbours_change_nothing(changes):
    model = make(**changes)
    both = np.asarray(model(TOKENS, LENGTHS)[0])
    alone = np.asarray(model(TOKENS[1:, :3], LENGTHS[1:])[0])
    np.testing.assert_allclose(both[1, :3], alone[0], atol=1e-5)


def test_logits_are_float32_and_near_in_mixed_precision():
    need_bfloat16()
    exact, mixed = make(), make("mixed_bfloat16")
    logits = mixed(TOKENS, LENGTHS)[0]
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    inside = np.arange(5) < LENGTHS[:, None]
    found, expected = np.asarray(logits)[inside], np.asarray(exact(TOKENS, LENGTHS)[0])[inside]
    assert (found != expected).any()
    relative = bound(roundings(mixed, "bfloat16"), "bfloat16")
    assert_within(found, expected, relative * np.abs(expected).max())
    assert all(v.dtype == "float32" for v in mixed.trainable_variables)


def test_dropout_is_for_training():
    model = make()
    assert not np.allclose(model(TOKENS, LENGTHS, training=True)[0], model(TOKENS, LENGTHS)[0])


def test_positions_go_on_where_shorter_lines_end():
    longer, shorter = np.asarray(positions(9, 8)), np.asarray(positions(5, 8))
    np.testing.assert_allclose(longer[:5], shorter, atol=1e-6)


def test_the_loss_is_the_negative_log_probability_of_each_line():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((2, 4, VOCABULARY)).astype(np.float32)
    labels = np.array([[1, 5, 3, 6], [2, 2, 0, 0]], np.int32)
    lengths = np.array([4, 2], np.int32)
    loss = CrossEntropyLoss()
    losses = np.asarray(loss(logits, lengths, labels, lengths))
    expected = [0.0, 0.0]
    for row in range(2):
        for step in range(lengths[row]):
            chances = np.exp(logits[row, step].astype(np.float64))
            expected[row] -= math.log(chances[labels[row, step]] / chances.sum())
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    mean, finite = loss.mean(losses, lengths)
    assert float(mean) == pytest.approx(sum(expected) / 6, rel=1e-5)
    assert np.asarray(finite).all()
    mean, finite = loss.mean(np.array([8.0, np.inf], np.float32), lengths)
    assert (float(mean), np.asarray(finite).tolist()) == (2.0, [True, False])


def test_the_width_must_suit_the_heads():
    params = {**PARAMS["encoder_params"], "num_heads": 3}
    with pytest.raises(InputError, match="hidden_size: found 8, expected a multiple of"):
        NeuralLanguageModel.PARAMS.parse({**PARAMS, "encoder_params": params})
