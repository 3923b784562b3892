"""The checks of streams and graphs; what else it does is in `tests/models`."""

import pytest

from open_seq2seq.encoders import TransformerLMEncoder
from tests.encoders.encoder_checks import EncoderCase, check_portable, check_stream

PARAMS = {"hidden_size": 8, "num_heads": 2, "filter_size": 8, "num_layers": 1}
CASE = EncoderCase("small", TransformerLMEncoder, PARAMS, num_features=8)


@pytest.mark.parametrize("check", [check_stream, check_portable])
def test_encoder(check):
    check(CASE)
