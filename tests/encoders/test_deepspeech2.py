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


def case(name, convolutions=(), rnn="gru", units=5, layers=2, **params):
    params = deep_speech(list(convolutions), rnn, layers, units, n_hidden=7, **params)
    return EncoderCase(name, DeepSpeech2Encoder, params)


def clipped(x):
    return keras.ops.minimum(keras.ops.relu(x), 20.0)


CASES = [
    case("cudnn_gru", CONVOLUTIONS, dropout_keep_prob=0.9),
    case("cudnn_lstm", CONVOLUTIONS, "cudnn_lstm"),
    # Of a size that the C++ kernels take, where they are built.
    case("wide_gru", CONVOLUTIONS, units=16),
    case("wide_gru_reset_before", units=16, use_cudnn_rnn=False),
    case("wide_lstm", rnn="lstm", units=32, rnn_unidirectional=True),
    case("wide_relu", rnn="relu_rnn", units=16, use_cudnn_rnn=False),
    case("unidirectional_gru", CONVOLUTIONS, rnn_unidirectional=True),
    case("unidirectional_lstm", (), "lstm", rnn_unidirectional=True),
    case("gru_stacks", use_cudnn_rnn=False, dropout_keep_prob=0.9),
    case("lstm_stacks", CONVOLUTIONS, "lstm", use_cudnn_rnn=False),
    case("layernorm_lstm_stacks", CONVOLUTIONS, "layernorm_lstm", use_cudnn_rnn=False),
    case(
        "layernorm_lstm_interleaved",
        rnn="layernorm_lstm",
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
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_encoder(case, check):
    check(case)
