import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.scoring.devices import EXACT, FLOAT, OPENVINO, parse_device


@pytest.mark.parametrize(("name", "kind"), [
    ("CPU", OPENVINO), ("cpu", OPENVINO), ("GPU.1", OPENVINO), ("NPU", OPENVINO),
    ("AUTO", OPENVINO), ("AUTO:GPU,CPU", OPENVINO), ("HETERO:GPU,CPU", OPENVINO),
    ("GNA", EXACT), ("GNA_AUTO", EXACT), ("GNA_SW_EXACT", EXACT), ("GNA_SW_FP32", FLOAT),
    ("HETERO:GNA_SW_EXACT,CPU", EXACT), ("HETERO:GNA_SW_FP32,CPU", FLOAT),
    ("GNA_HW_WITH_SW_FBACK", EXACT),
])  # fmt: skip
def test_devices_of_the_sample(name, kind):
    assert parse_device(name).kind == kind


@pytest.mark.parametrize(("name", "text"), [
    ("GNA_HW", "GNA's hardware, whose driver nothing here has.*-d GNA_SW_EXACT"),
    ("HETERO:GNA_HW,CPU", "GNA's hardware"), ("MYRIAD", "NPU"), ("TPU", "found TPU, expected one"),
])  # fmt: skip
def test_what_there_is_not_ends_in_a_sentence(name, text):
    with pytest.raises(InputError, match=text):
        parse_device(name)
