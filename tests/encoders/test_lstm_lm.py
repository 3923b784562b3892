"""The checks of context, streams and graphs; what else it does is in `tests/models`."""

import pytest

from open_seq2seq.encoders import LSTMLMEncoder
from tests.encoders.encoder_checks import (
    EncoderCase,
    check_context,
    check_portable,
    check_stream,
)

CASE = EncoderCase("small", LSTMLMEncoder, {"hidden_size": 6, "cell_size": 5, "num_layers": 2})


@pytest.mark.parametrize("check", [check_context, check_stream, check_portable])
def test_encoder(check):
    check(CASE)
