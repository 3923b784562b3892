"""Both CTC paths against enumeration, and their gradients against differences."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.ops.ctc import ctc_loss, plain_ctc_loss
from open_seq2seq.ops.ctc_alignment import shortest_alignment
from tests.ops import ctc_reference

PATHS = [pytest.param(ctc_loss, id="fast"), pytest.param(plain_ctc_loss, id="plain")]

# Labels with frames enough, too few, with repeats, empty, and no frames at all.
LABELS = [[0, 1], [0, 0], [1, 1, 0], [], [2], [2], []]
LENGTHS = [4, 3, 4, 3, 1, 0, 0]


def batch(labels=LABELS, lengths=LENGTHS, classes=4, seed=0):
    frames = max(5, *lengths)
    logits = np.random.default_rng(seed).standard_normal((len(labels), frames, classes)) * 2
    width = max(1, *map(len, labels))
    dense = np.full((len(labels), width), 2, np.int32)  # What lies past a length doesn't count.
    for row, values in enumerate(labels):
        dense[row, : len(values)] = values
    label_lengths = np.array([len(values) for values in labels], np.int32)
    return logits.astype(np.float32), np.array(lengths, np.int32), dense, label_lengths


@functools.cache
def compiled(function):
    """A graph whose batch, time and label axes are unknown, as in training."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None)),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,)),
        ]
    )
    def run(logits, lengths, labels, label_lengths, upstream):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = function(logits, lengths, labels, label_lengths)
        return losses, tape.gradient(losses, logits, output_gradients=upstream)

    return run


def loss_and_gradient(function, logits, lengths, labels, label_lengths, upstream=None):
    upstream = np.ones(len(logits), np.float32) if upstream is None else upstream
    losses, gradient = compiled(function)(logits, lengths, labels, label_lengths, upstream)
    return losses.numpy(), gradient.numpy()


@pytest.mark.parametrize("function", PATHS)
def test_loss_is_that_of_enumeration(function):
    logits, lengths, labels, label_lengths = batch()
    losses, gradient = loss_and_gradient(function, logits, lengths, labels, label_lengths)
    expected = [
        ctc_reference.ctc_loss(row[:length], values) if length else (np.inf if values else 0.0)
        for row, length, values in zip(logits, lengths, LABELS)
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    assert np.isinf(losses).tolist() == [False] * 5 + [True, False]
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("function", PATHS)
def test_gradient_is_that_of_differences(function):
    logits, lengths, labels, label_lengths = batch(LABELS[:5], LENGTHS[:5])
    upstream = np.array([1.0, 0.5, 2.0, 3.0, -1.0], np.float32)
    _, gradient = loss_and_gradient(function, logits, lengths, labels, label_lengths, upstream)

    def objective(values):
        rows = zip(values, lengths, LABELS, upstream)
        return sum(w * ctc_reference.ctc_loss(row[:n], label) for row, n, label, w in rows)

    step = 1e-4
    expected = np.zeros(logits.shape)
    double = logits.astype(np.float64)
    for index in np.ndindex(*logits.shape):
        double[index] += step
        above = objective(double)
        double[index] -= 2 * step
        expected[index] = (above - objective(double)) / (2 * step)
        double[index] += step
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


@pytest.mark.parametrize("function", PATHS)
def test_nothing_past_a_length_counts(function):
    """Neither labels nor logits, nan included; their gradient is exactly zero."""
    logits, lengths, labels, label_lengths = batch(LABELS[:5], LENGTHS[:5])
    losses, gradient = loss_and_gradient(function, logits, lengths, labels, label_lengths)
    past = np.arange(logits.shape[1]) >= lengths[:, None]
    assert past.any() and (gradient[past] == 0).all()
    logits[past] = np.nan
    labels[np.arange(labels.shape[1]) >= label_lengths[:, None]] = -1
    again, gradient_again = loss_and_gradient(function, logits, lengths, labels, label_lengths)
    np.testing.assert_array_equal(again, losses)
    np.testing.assert_array_equal(gradient_again, gradient)


@pytest.mark.parametrize("function", PATHS)
def test_infeasible_rows_are_inf_without_gradient(function):
    """One frame too few for the labels, or for the blank between two equal ones."""
    labels, lengths = [[0, 1, 0], [1, 1], [1, 1], [0]], [2, 2, 3, 2]
    logits, lengths, labels, label_lengths = batch(labels, lengths)
    upstream = np.array([np.inf, np.nan, 1.0, 1.0], np.float32)
    losses, gradient = loss_and_gradient(function, logits, lengths, labels, label_lengths, upstream)
    assert np.isinf(losses).tolist() == [True, True, False, False]
    assert (gradient[:2] == 0).all()
    assert np.abs(gradient[2:]).max() > 0.1


@pytest.mark.parametrize("function", PATHS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_with_bad_logits_are_nan_without_gradient(function, bad):
    logits, lengths, labels, label_lengths = batch([[0, 1], [], [1], [0]], [4, 4, 4, 4])
    expected, expected_gradient = loss_and_gradient(
        function, logits, lengths, labels, label_lengths
    )
    logits[0, 1, 2] = logits[1, 0, 0] = bad
    losses, gradient = loss_and_gradient(function, logits, lengths, labels, label_lengths)
    assert np.isnan(losses[:2]).all() and (gradient[:2] == 0).all()
    np.testing.assert_array_equal(losses[2:], expected[2:])
    np.testing.assert_array_equal(gradient[2:], expected_gradient[2:])


@pytest.mark.parametrize("function", PATHS)
def test_feasible_rows_are_finite_however_sure_the_logits(function):
    """TensorFlow's operation alone says inf; the gradient must still lead back."""
    logits, lengths, labels, label_lengths = batch([[0, 1]], [4])
    logits[0, :, 2] = 300.0
    losses, gradient = loss_and_gradient(function, logits, lengths, labels, label_lengths)
    assert 300 < losses[0] < 1201
    # Away from the wrong symbol, towards the labels and the blank.
    np.testing.assert_allclose(gradient[0, :4, 2], 1.0, atol=1e-4)
    np.testing.assert_allclose(gradient[0, :4, [0, 1, 3]].sum(axis=0), -1.0, atol=1e-4)


@pytest.mark.parametrize("function", PATHS)
def test_a_batch_of_empty_labels_needs_no_label_column(function):
    logits = batch([[], []], [4, 3])[0]
    empty, none = np.zeros((2, 0), np.int32), np.zeros(2, np.int32)
    losses, _ = loss_and_gradient(function, logits, np.array([4, 3], np.int32), empty, none)
    log_probs = ctc_reference.log_softmax(logits.astype(np.float64))[:, :, -1]
    np.testing.assert_allclose(
        losses, [-log_probs[0, :4].sum(), -log_probs[1, :3].sum()], rtol=1e-5
    )


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_fast_and_plain_agree(data):
    """On sizes that enumeration can't reach."""
    rows = data.draw(st.integers(1, 4))
    labels = [data.draw(st.lists(st.integers(0, 27), max_size=15)) for _ in range(rows)]
    lengths = [data.draw(st.integers(0, 40)) for _ in range(rows)]
    arrays = batch(labels, lengths, classes=29, seed=data.draw(st.integers(0, 99)))
    fast, fast_gradient = loss_and_gradient(ctc_loss, *arrays)
    plain, plain_gradient = loss_and_gradient(plain_ctc_loss, *arrays)
    np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fast_gradient, plain_gradient, atol=1e-4)


def test_half_precision_logits_are_computed_in_float32():
    logits, lengths, labels, label_lengths = batch(LABELS[:2], LENGTHS[:2])
    halved = tf.cast(logits, tf.bfloat16)
    losses = ctc_loss(halved, lengths, labels, label_lengths)
    expected = ctc_loss(tf.cast(halved, tf.float32), lengths, labels, label_lengths)
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"
    np.testing.assert_array_equal(losses, expected)


def test_shortest_alignment():
    labels = np.array([[1, 1, 1, 2], [1, 1, 1, 2], [3, 0, 0, 0], [0, 0, 0, 0]])
    shortest = shortest_alignment(labels, np.array([4, 2, 1, 0]))
    assert np.asarray(shortest).tolist() == [6, 3, 1, 0]
