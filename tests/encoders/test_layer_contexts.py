"""What the layers of an encoder see, one by one, adds up to what it sees."""

import pytest

from tests.encoders import test_conformer, test_crnn, test_deepspeech2, test_tdnn

ALL_CASES = [
    pytest.param(case, id=f"{module.__name__.rpartition('.')[2]}-{case.name}")
    for module in (test_tdnn, test_deepspeech2, test_crnn, test_conformer)
    for case in (*module.CASES, *module.STREAM_CASES)
]


@pytest.mark.parametrize("case", ALL_CASES)
def test_layers_add_up_to_the_encoder(case):
    """Its `context` is tried with frames that are no numbers: `check_context`."""
    encoder = case.make()
    step, seen = 1, (0.0, 0.0)
    for layer in encoder.layer_contexts():
        seen = seen[0] + layer.left * step, seen[1] + layer.right * step
        step *= layer.stride
    assert (seen, step) == (encoder.context, encoder.time_stride)
