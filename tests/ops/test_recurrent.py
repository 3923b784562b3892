"""Every path of recurrent layers against NumPy, Keras's layers and the plain twin's gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.ops import tensorflow_native_recurrent
from open_seq2seq.ops.recurrent import (
    Direction,
    plain_recur,
    plain_recur_with_states,
    recur,
    recur_with_states,
)
from open_seq2seq.ops.recurrent_cells import CELLS
from tests.machines import need_bfloat16, need_kernels, widens_bfloat16
from tests.ops import recurrent_reference
from tests.rounding import assert_within, bound, rounded
from tests.tiers import slow

BOTH = (False, True)
LENGTHS = (7, 0, 4, 1, 6)
FRAMES = 8  # One more than the longest.


@pytest.fixture(params=["tensorflow", "native"])
def path(request, monkeypatch):
    """The loops in TensorFlow, and in C++ (built if need be)."""
    if request.param == "tensorflow":
        monkeypatch.setattr(tensorflow_native_recurrent, "takes", lambda *_: False)
        return recur
    need_kernels()

    def native_recur(cell, directions, lengths):
        assert tensorflow_native_recurrent.takes(CELLS[cell], directions)
        return recur(cell, directions, lengths)

    return native_recur


def weights_of(cell, units, rng):
    def random(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    gates = CELLS[cell].gates
    weights = {"recurrent_kernel": random(units, gates * units) / np.float32(units**0.5)}
    for name in CELLS[cell].extra:
        is_norm = cell == "layer_norm_lstm"
        shape = (
            (units,) if name.startswith("state") else (4, units) if is_norm else (gates * units,)
        )
        weights[name] = random(*shape)
    return weights


def directions_of(cell, units=16, seed=0, dtype=tf.float32, backwards=BOTH):
    rng = np.random.default_rng(seed)
    width = CELLS[cell].gates * units
    return [
        Direction(
            tf.cast(rng.standard_normal((len(LENGTHS), FRAMES, width)), dtype),
            {name: tf.constant(value) for name, value in weights_of(cell, units, rng).items()},
            backward,
        )
        for backward in backwards
    ]


# The C++ kernels have no layer normalization: TensorFlow's loop computes it everywhere.
NATIVE_CELLS = [cell for cell in CELLS if cell != "layer_norm_lstm"]
PATHS = [*(("tensorflow", cell) for cell in CELLS), *(("native", cell) for cell in NATIVE_CELLS)]
every_path = pytest.mark.parametrize(("path", "cell"), PATHS, indirect=["path"])


def few_paths(cells):
    """What is TensorFlow's in its loop is seen on one cell; the others are in the slow suite."""
    few = [
        (path, cell) if path == "native" or cell == "gru_reset_after" else slow(path, cell)
        for path, cell in PATHS
        if cell in cells
    ]
    return pytest.mark.parametrize(("path", "cell"), few, indirect=["path"])


@every_path
@pytest.mark.parametrize("units", [16, 80])
def test_outputs_against_numpy(path, cell, units):
    """Whatever lies past a length, nan too, changes nothing."""
    outside = np.arange(FRAMES)[None, :, None] >= np.array(LENGTHS)[:, None, None]
    directions = [
        direction._replace(inputs=tf.where(outside, np.nan, direction.inputs))
        for direction in directions_of(cell, units)
    ]
    for function in (path, plain_recur):
        outputs = function(cell, directions, tf.constant(LENGTHS))
        for output, direction in zip(outputs, directions, strict=True):
            expected = recurrent_reference.run(
                cell, direction.inputs.numpy(), direction.weights, LENGTHS, direction.backward
            )
            np.testing.assert_allclose(output, expected, rtol=0, atol=2e-5)


def gradients(function, cell, directions):
    """Of a weighted sum of all outputs, for the inputs and every weight."""
    sources = [x for d in directions for x in (d.inputs, *d.weights.values())]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        objective = 0.0
        for number, output in enumerate(function(cell, directions, tf.constant(LENGTHS))):
            upstream = np.random.default_rng(number).standard_normal(output.shape)
            objective += tf.reduce_sum(tf.cast(output, tf.float32) * upstream.astype(np.float32))
    return [np.float64(tf.cast(g, tf.float32)) for g in tape.gradient(objective, sources)]


@every_path
def test_gradients_are_the_twins(path, cell):
    directions = directions_of(cell, 48)
    expected = gradients(plain_recur, cell, directions)
    # Layer normalization divides by deviations that may be small.
    tolerance = 1e-3 if cell == "layer_norm_lstm" else 1e-5
    for found, reference in zip(gradients(path, cell, directions), expected, strict=True):
        atol = tolerance * np.abs(reference).max()
        np.testing.assert_allclose(found, reference, rtol=0, atol=atol)


@pytest.mark.parametrize("path", ["native"], indirect=True)
@pytest.mark.parametrize("cell", ["gru", "gru_reset_after"])
def test_gradients_in_evaluation(path, cell):
    """Where nothing was kept for them."""
    directions = directions_of(cell)
    expected = gradients(path, cell, directions)
    found = gradients(lambda *arguments: recur(*arguments, training=False), cell, directions)
    for one, reference in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, reference)


@few_paths(NATIVE_CELLS)
def test_bfloat16_is_near_float32(path, cell):
    """Outputs and gradients, of inputs and weights that both hold exactly.

    In each frame the state is rounded, its product with the kernel, and the output; on the way
    back as many. The gates are at most as steep as the line, so that no error grows.
    """
    need_bfloat16()
    units = 32

    def held(x):
        return tf.cast(tf.cast(x, tf.bfloat16), tf.float32)

    exact = [
        Direction(held(d.inputs), {k: held(v) for k, v in d.weights.items()}, d.backward)
        for d in directions_of(cell, units)
    ]
    halved = [d._replace(inputs=tf.cast(d.inputs, tf.bfloat16)) for d in exact]
    lengths = tf.constant(LENGTHS)
    of_frame = 2 + rounded(units, "bfloat16", widens_bfloat16())
    limit = bound(of_frame * max(LENGTHS), "bfloat16")
    for found, reference in zip(path(cell, halved, lengths), plain_recur(cell, exact, lengths)):
        assert found.dtype == tf.bfloat16
        assert_within(tf.cast(found, tf.float32), reference, limit * np.abs(reference).max())
    limit = bound(2 * of_frame * max(LENGTHS), "bfloat16")
    pairs = zip(gradients(path, cell, halved), gradients(plain_recur, cell, exact))
    for found, reference in pairs:
        assert_within(found, reference, limit * np.abs(reference).max(), "gradient")


@pytest.mark.parametrize("cell", ["gru", "gru_reset_after", "lstm"])
def test_an_utterance_does_not_depend_on_its_batch(path, cell):
    directions = directions_of(cell)
    together = path(cell, directions, tf.constant(LENGTHS))
    for row, length in enumerate(LENGTHS):
        alone = [d._replace(inputs=d.inputs[row : row + 1, : max(length, 1)]) for d in directions]
        outputs = path(cell, alone, tf.constant([length]))
        for one, all_ in zip(outputs, together, strict=True):
            np.testing.assert_allclose(one[0], all_[row, : max(length, 1)], rtol=0, atol=1e-6)
            assert not np.any(all_[row, length:])


def test_unknown_batch_and_length(path):
    """In a graph for all shapes, as training traces it."""
    direction = directions_of("gru_reset_after", backwards=(True,))[0]

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, 48)), tf.TensorSpec((None,), tf.int32)]
    )
    def run(inputs, lengths):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = path("gru_reset_after", [direction._replace(inputs=inputs)], lengths)[0]
        assert outputs.shape[-1] == 16
        return outputs, tape.gradient(outputs, inputs)

    for frames in (8, 5):
        inputs, lengths = direction.inputs[:, :frames], tf.minimum(tf.constant(LENGTHS), frames)
        outputs, gradient = run(inputs, lengths)
        expected = plain_recur("gru_reset_after", [direction._replace(inputs=inputs)], lengths)[0]
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)
        assert gradient.shape == inputs.shape
        assert not np.any(np.asarray(gradient)[1])  # An utterance without frames.


@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_equals_keras_with_a_mask(path, name):
    """A bidirectional layer of Keras with the same weights; its LSTM has one bias."""
    kind = getattr(keras.layers, name)
    theirs = keras.layers.Bidirectional(kind(16, return_sequences=True))
    ours = RecurrentLayer("gru_reset_after" if name == "GRU" else "lstm", 16, bidirectional=True)
    inputs = tf.random.stateless_normal((len(LENGTHS), FRAMES, 5), (0, 0))
    lengths = np.maximum(LENGTHS, 1)
    mask = np.arange(FRAMES) < lengths[:, None]
    expected = theirs(inputs, mask=mask)
    ours(inputs, lengths)
    for number, layer in enumerate((theirs.forward_layer, theirs.backward_layer)):
        kernel, recurrent_kernel, bias = layer.get_weights()
        bias = bias + np.random.default_rng(number).standard_normal(bias.shape)
        layer.set_weights([kernel, recurrent_kernel, bias])
        weights = ours.cell_weights[number]
        ours.kernels[number].assign(kernel)
        weights["recurrent_kernel"].assign(recurrent_kernel)
        if name == "GRU":
            weights["bias"].assign(bias[0])
            weights["recurrent_bias"].assign(bias[1])
        else:
            weights["bias"].assign(bias)
    expected = np.asarray(theirs(inputs, mask=mask)) * mask[:, :, None]
    found = np.concatenate(ours(inputs, lengths), axis=-1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def pieces(function, cell, directions, cuts):
    """The outputs of both directions, joined from pieces, and the last states of each.

    A backward direction takes the pieces from the last to the first.
    """
    outputs, states = [], []
    for direction in directions:
        order = range(len(cuts) - 1)
        joined, state = [None] * len(order), None
        for number in reversed(order) if direction.backward else order:
            first, end = cuts[number : number + 2]
            lengths = tf.clip_by_value(tf.constant(LENGTHS) - first, 0, end - first)
            piece = direction._replace(inputs=direction.inputs[:, first:end], state=state)
            (joined[number],), (state,) = function(cell, [piece], lengths)
        outputs.append(tf.concat(joined, 1))
        states.append(state)
    return outputs, states


@every_path
def test_pieces_with_their_states_are_the_whole(path, cell):
    """In evaluation by each path, and by the twin."""
    directions = directions_of(cell, 32)
    expected = plain_recur(cell, directions, tf.constant(LENGTHS))

    def in_evaluation(*arguments):
        return recur_with_states(*arguments, training=False)

    for function in (in_evaluation, plain_recur_with_states):
        outputs, states = pieces(function, cell, directions, (0, 3, 4, FRAMES))
        for found, reference, of, backward in zip(outputs, expected, states, BOTH):
            np.testing.assert_allclose(found, reference, rtol=0, atol=2e-5)
            assert len(of) == (2 if "lstm" in cell else 1)
            last = 0 if backward else np.maximum(np.array(LENGTHS) - 1, 0)
            rows = np.asarray(reference)[np.arange(len(LENGTHS)), last]
            # Without frames the state is the first one, zero; so are the outputs there.
            np.testing.assert_allclose(of[0], rows, rtol=0, atol=2e-5)


def state_gradients(function, cell, directions):
    """Of outputs and last states, weighted at random, for inputs, weights and first states."""
    rng = np.random.default_rng(5)
    count = len(CELLS[cell].states)
    states = [
        tuple(
            tf.constant(rng.standard_normal((len(LENGTHS), 16)), tf.float32) for _ in range(count)
        )
        for _ in directions
    ]
    directions = [d._replace(state=state) for d, state in zip(directions, states)]
    sources = [x for d in directions for x in (d.inputs, *d.weights.values(), *d.state)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        objective = 0.0
        for value in tf.nest.flatten(function(cell, directions, tf.constant(LENGTHS))):
            objective += tf.reduce_sum(value * rng.standard_normal(value.shape).astype(np.float32))
    return [np.float64(gradient) for gradient in tape.gradient(objective, sources)]


@few_paths(CELLS)
def test_gradients_reach_the_first_state(path, cell):
    directions = directions_of(cell)

    def in_evaluation(*arguments):
        return recur_with_states(*arguments, training=False)

    expected = state_gradients(plain_recur_with_states, cell, directions)
    tolerance = 1e-3 if cell == "layer_norm_lstm" else 1e-5
    found = state_gradients(in_evaluation, cell, directions)
    for one, reference in zip(found, expected, strict=True):
        atol = tolerance * np.abs(reference).max()
        np.testing.assert_allclose(one, reference, rtol=0, atol=atol)
