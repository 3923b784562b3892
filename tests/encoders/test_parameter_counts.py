"""Trainable parameters equal those of OpenSeq2Seq's graphs, without allocating them."""

import math

import keras
import pytest

from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder, TDNNEncoder
from tests.encoders.architectures import DEEP_SPEECH_TOTALS, TOTALS


def trainable_shapes(make_and_build):
    """The shapes of a layer's trainable variables, which never get values."""
    with keras.StatelessScope(initialize_variables=False):
        layer = make_and_build()
        shapes = [variable.shape for variable in layer.trainable_variables]
    keras.utils.clear_session(free_memory=False)  # Forget the variables without values.
    return shapes


def check_totals(encoder_class, architecture, num_features, encoder_total, variables, total):
    params = architecture()

    def encoder():
        layer = encoder_class(params)
        layer.build((None, None, num_features), (None,))
        return layer

    def decoder():
        layer = FullyConnectedCTCDecoder({}, vocab_size=28)
        if encoder_class is TDNNEncoder:
            channels = params["convnet_layers"][-1]["num_channels"]
        else:
            channels = params["n_hidden"]
        layer.build((None, None, channels))
        return layer

    shapes = trainable_shapes(encoder)
    assert sum(map(math.prod, shapes)) == encoder_total
    if total is not None:
        assert encoder_total + sum(map(math.prod, trainable_shapes(decoder))) == total
    if variables is not None:
        assert len(shapes) == variables


@pytest.mark.parametrize("case", TOTALS, ids=[case[0] for case in TOTALS])
def test_tdnn(case):
    check_totals(TDNNEncoder, *case[1:])


@pytest.mark.parametrize("case", DEEP_SPEECH_TOTALS, ids=[case[0] for case in DEEP_SPEECH_TOTALS])
def test_deep_speech_2(case):
    check_totals(DeepSpeech2Encoder, *case[1:])
