"""Recurrent layers in loops over blocks of frames, as LiteRT has them."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.export.tensorflow_recurrence import BLOCK, recur
from open_seq2seq.graphs.builder import Recurrence

UNITS, RNG = 5, np.random.default_rng(0)


def direction(cell, gates, backward):
    kernel = RNG.standard_normal((UNITS, gates * UNITS)).astype(np.float32)
    unused = np.zeros((1, gates * UNITS), np.float32)
    return Recurrence(cell, unused, unused[0], {"recurrent_kernel": kernel}, backward)


def recurrent(layer, batch, has_lengths):
    """A graph of inputs, and lengths."""

    @tf.function(autograph=False)
    def outputs(inputs, lengths):
        return recur(inputs, layer, lengths if has_lengths else None, batch)

    specs = tf.TensorSpec((batch, None, layer.kernel.shape[1])), tf.TensorSpec((None,), tf.int32)
    return outputs.get_concrete_function(*specs)


@pytest.mark.parametrize("has_lengths", [False, True])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3)])
def test_blocks_change_nothing(cell, gates, backward, has_lengths):
    """The state goes on from one to the next, and the last may be cut short."""
    layer = direction(cell, gates, backward)
    whole, in_blocks = (recurrent(layer, batch, has_lengths) for batch in (None, 2))
    for frames in (1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 7):
        inputs = tf.constant(RNG.standard_normal((2, frames, gates * UNITS)), tf.float32)
        lengths = tf.constant([frames, (frames + 1) // 2])
        found = in_blocks(inputs, lengths)
        assert found.shape == (2, frames, UNITS)
        np.testing.assert_allclose(found, whole(inputs, lengths), atol=1e-6)


def test_no_list_of_steps_grows_with_the_recording():
    """LiteRT copies a list to write an element: the lists of the steps are of a block's size."""

    def loops(batch):
        library = recurrent(direction("lstm", 4, True), batch, False).graph.as_graph_def().library
        operators = [node.op for one in library.function for node in one.node_def]
        return sum(one in ("While", "StatelessWhile") for one in operators)

    assert loops(None) == 0, "one loop, in the graph itself"
    assert loops(1) == 1, "and a loop in it"
