"""Trainable parameters equal those of OpenSeq2Seq's graphs, without allocating them."""

import math

import keras
import pytest

from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from tests.encoders.architectures import TOTALS


def trainable_shapes(make_and_build):
    """The shapes of a layer's trainable variables, which never get values."""
    with keras.StatelessScope(initialize_variables=False):
        layer = make_and_build()
        shapes = [variable.shape for variable in layer.trainable_variables]
    keras.utils.clear_session(free_memory=False)  # Forget the variables without values.
    return shapes


@pytest.mark.parametrize(
    ("architecture", "num_features", "encoder_total", "variables", "total"),
    [case[1:] for case in TOTALS],
    ids=[case[0] for case in TOTALS],
)
def test_totals(architecture, num_features, encoder_total, variables, total):
    params = architecture()

    def encoder():
        layer = TDNNEncoder(params)
        layer.build((None, None, num_features), (None,))
        return layer

    def decoder():
        layer = FullyConnectedCTCDecoder({}, vocab_size=28)
        layer.build((None, None, params["convnet_layers"][-1]["num_channels"]))
        return layer

    shapes = trainable_shapes(encoder)
    assert sum(map(math.prod, shapes)) == encoder_total
    if total is not None:
        assert encoder_total + sum(map(math.prod, trainable_shapes(decoder))) == total
    if variables is not None:
        assert len(shapes) == variables
