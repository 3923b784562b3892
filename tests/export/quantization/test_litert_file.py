"""Files of LiteRT that are read, changed and written."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python import schema_py_generated as schema

from open_seq2seq.export.formats.litert import write_litert
from open_seq2seq.export.quantization.litert_file import LiteRTFile
from open_seq2seq.export.trained_model import TrainedModel
from tests.export.small_models import small_experiment, speech


@pytest.fixture(scope="module", params=["quartznet", "deep speech 2, both"])
def content(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("litert") / "model.tflite"
    model = TrainedModel.of(small_experiment(request.param))
    write_litert(model, path, depthwise_taps=None)
    return path.read_bytes()


def log_probs(content, samples):
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    given = {"samples": samples[None], "num_samples": np.array([len(samples)], np.int32)}
    return runner(**{name: given[name] for name in runner.get_input_details()})["log_probs"]


def test_what_is_not_changed_stays(content):
    again = LiteRTFile(content).content()
    assert len(again) < 1.02 * len(content)
    for seconds in (1.0, 0.2):
        samples = speech(seconds)
        np.testing.assert_array_equal(log_probs(again, samples), log_probs(content, samples))


def test_numbers_begin_where_kernels_expect_them(content):
    again = LiteRTFile(content).content()
    model = schema.Model.GetRootAsModel(again, 0)
    whole = np.frombuffer(again, np.uint8)
    found = [
        model.Buffers(place).DataAsNumpy()
        for place in range(model.BuffersLength())
        if not model.Buffers(place).DataIsNone()
    ]
    assert len(found) > 10
    begins = [one.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
              for one in found]  # fmt: skip
    assert all(0 <= one < len(again) for one in begins)
    assert not any(one % 16 for one in begins)


def test_only_the_networks_products(content):
    file = LiteRTFile(content)
    products = file.products()
    assert all(one.name.startswith("network/") for one in products)
    # All large constants but the front-end's are weights of these.
    weights = {one.tensor.buffer for one in products}
    for graph in file.model.subgraphs:
        for tensor in graph.tensors:
            values = file._data(tensor)
            if values is None or not np.any(values):  # the empty list of a loop's outputs
                continue
            if len(values) > 2000 and tensor.buffer not in weights:
                assert tensor.name.decode().startswith("front_end/")


def test_an_operator_is_listed_once(content):
    file = LiteRTFile(content)
    kinds = [file._kind(one) for graph in file.model.subgraphs for one in graph.operators]
    for kind in set(kinds):
        place = file.operator_code(kind)
        assert file.operator_code(kind) == place
    count = len(file.model.operatorCodes)
    assert file.operator_code(schema.BuiltinOperator.DEQUANTIZE) == count
    assert file.operator_code(schema.BuiltinOperator.DEQUANTIZE) == count
