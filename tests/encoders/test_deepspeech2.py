"""The Deep Speech 2 encoder: the checks of every encoder, and what only it has."""

import keras
import pytest

from open_seq2seq.encoders import DeepSpeech2Encoder
from tests.encoders.architectures import deep_speech, frequency_convolution
from tests.encoders.encoder_checks import CHECKS, EncoderCase

CONVOLUTIONS = [
    frequency_convolution((5, 3), (2, 2), 4),
    frequency_convolution((3, 3), (1, 2), 6),
]


def case(name, convolutions=(), rnn="gru", units=16, layers=2, **params):
    """Of 16 units the C++ kernels compute the layers, where they are built; not of others."""
    params = deep_speech(list(convolutions), rnn, layers, units, n_hidden=7, **params)
    return EncoderCase(name, DeepSpeech2Encoder, params)


def clipped(x):
    return keras.ops.minimum(keras.ops.relu(x), 20.0)


CASES = [
    case("cudnn_gru", CONVOLUTIONS, dropout_keep_prob=0.9),
    case("cudnn_gru_of_5", units=5, layers=1),
    case("cudnn_lstm", CONVOLUTIONS, "cudnn_lstm"),
    case("unidirectional_gru", CONVOLUTIONS, rnn_unidirectional=True),
    case("unidirectional_lstm", (), "lstm", units=32, rnn_unidirectional=True),
    case("unidirectional_lstm_of_5", (), "lstm", units=5, layers=1, rnn_unidirectional=True),
    case("gru_stacks", use_cudnn_rnn=False, dropout_keep_prob=0.9),
    case("gru_stacks_of_5", use_cudnn_rnn=False, units=5, layers=1, rnn_unidirectional=True),
    case("lstm_stacks", CONVOLUTIONS, "lstm", use_cudnn_rnn=False),
    case("layernorm_lstm_stacks", (), "layernorm_lstm", use_cudnn_rnn=False, layers=2, units=5),
    case(
        "layernorm_lstm_interleaved",
        rnn="layernorm_lstm",
        layers=1,
        use_cudnn_rnn=False,
        rnn_arrangement="interleaved",
    ),
    case("cudnn_stacks", rnn_arrangement="stacks"),
    case("cudnn_cells_without_cudnn", rnn="cudnn_gru", use_cudnn_rnn=False, layers=1),
    case("row_conv", CONVOLUTIONS, row_conv=True, row_conv_width=4, activation_fn=clipped),
    case("row_conv_of_one", row_conv=True, row_conv_width=1, layers=1),
    case("no_rnn", CONVOLUTIONS, layers=0),
    case("no_rnn_row_conv", CONVOLUTIONS, layers=0, row_conv=True, row_conv_width=5),
    case("channels_first", CONVOLUTIONS, data_format="channels_first", layers=1),
    case(
        "valid",
        [
            frequency_convolution((4, 3), (2, 1), 4, "VALID"),
            frequency_convolution((3, 2), (2, 1), 4, "VALID"),
        ],
        layers=1,
    ),
    case(
        "neon",
        [frequency_convolution((5, 6), (3, 6), 8)],
        "relu_rnn",
        use_cudnn_rnn=False,
        rnn_arrangement="interleaved",
        rnn_merge="sum",
        rnn_batch_norm=True,
        activation_fn=clipped,
    ),
    case("relu_of_5", rnn="relu_rnn", units=5, layers=1, use_cudnn_rnn=False),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_encoder(case, check):
    check(case)
