"""Encoders by the builders of other runtimes compute what they do by Keras."""

import numpy as np
import pytest

from open_seq2seq.export.networks.network import build_encoder
from tests.encoders import test_conformer, test_crnn, test_deepspeech2, test_tdnn
from tests.encoders.encoder_checks import encode, make_scrambled
from tests.export.networks.test_encoders import CASES, assert_near, padded, shortest
from tests.graphs.backends import BACKENDS

# Of each kind of layer, for what takes longer to trace.
TRACED = [
    *(case for case in test_tdnn.CASES if case.name in ("wide", "valid", "wide_images", "padded")),
    *(case for case in test_deepspeech2.CASES if case.name in ("row_conv", "neon", "lstm_stacks")),
    test_crnn.CASES[0],
    *test_conformer.CASES[:4],
]


def check(case, backend):
    """A padded batch, and recordings without a mask."""
    encoder = make_scrambled(case)

    def batch(g, features, lengths):
        frames = build_encoder(g, encoder, features, lengths)
        return [frames.values, frames.time.count]

    def single(g, features):
        return [build_encoder(g, encoder, features, None).values]

    lengths = np.array([41, 40, shortest(encoder)], np.int32)
    features = padded(case, lengths)
    expected, encoded = encode(encoder, features, lengths)
    found, counts = BACKENDS[backend](batch, [features, lengths])
    np.testing.assert_array_equal(counts, encoded)
    for row, length in enumerate(encoded):
        assert_near(found[row, :length], expected[row, :length])
    for row in (0, 2):
        alone = features[row : row + 1, : lengths[row]]
        (found,) = BACKENDS[backend](single, [alone])
        assert_near(found, encode(encoder, alone, lengths[row : row + 1])[0])


@pytest.mark.parametrize("case", CASES)
def test_onnx(case):
    check(case, "onnx")


@pytest.mark.slow  # tests/export/test_exporter.py has a model by each builder
@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_tensorflow(case):
    check(case, "tensorflow in pieces")
