"""Recurrent layers of `KerasNetworkBuilder`, against those of the reference."""

import keras
import numpy as np
import pytest

from open_seq2seq.export.networks.recurrences import recurrences_of
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.ops.recurrent_cells import CELLS
from tests.encoders.encoder_checks import scramble
from tests.graphs.keras_network_builder import KerasNetworkBuilder


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch_norm", [None, (0.9, 1e-3)])
def test_a_layers_directions(cell, batch_norm):
    """With a batch normalization of the inputs' product; padded, and of one length."""
    layer = RecurrentLayer(cell, 5, bidirectional=True, batch_norm=batch_norm)
    layer.build((None, None, 3))
    scramble(layer)
    x = np.random.default_rng(0).standard_normal((3, 9, 3)).astype(np.float32)
    lengths = np.array([9, 1, 6], np.int32)
    directions = recurrences_of(layer)
    assert [d.backward for d in directions] == [False, True]
    assert all(d.units == 5 and d.bias.shape == (CELLS[cell].gates * 5,) for d in directions)
    assert not any("bias" in d.weights for d in directions)
    for given, expected_lengths in ((lengths, lengths), (None, np.full(3, 9, np.int32))):
        found = KerasNetworkBuilder().recur(x, directions, given)
        expected = layer(x, expected_lengths)
        assert len(found) == 2
        for one, other in zip(found, expected):
            one, other = (keras.ops.convert_to_numpy(value) for value in (one, other))
            np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)
            for row, length in enumerate(expected_lengths):
                assert not one[row, length:].any()
