"""The graph for export has fewer operations."""

from open_seq2seq.export.operation_counts import operation_counts
from tests.encoders.architectures import tdnn
from tests.encoders.encoder_checks import scramble
from tests.encoders.test_tdnn import SEPARABLE
from tests.models.test_speech2text import make


def test_normalizations_are_folded_and_masks_are_few():
    model = make(encoder_params=tdnn(SEPARABLE))
    scramble(model)
    counts = operation_counts(model)
    # The network's five normalizations and two of residuals, and a mask after each layer.
    assert counts.model["Rsqrt"] == 7 and counts.model["SelectV2"] == 6
    assert not {"Rsqrt", "SelectV2"} & counts.batch.keys()
    assert counts.batch["Mul"] == 3, "a mask before each wide kernel but the first"
    assert "Mul" not in counts.single and "Range" not in counts.single
    for name in ("DepthwiseConv2dNative", "MatMul", "Relu", "LogSoftmax"):
        assert counts.model[name] == counts.batch[name] == counts.single[name] > 0
    assert counts.single.total() < counts.batch.total() < 0.7 * counts.model.total()
