"""Every way of writing a model in fewer bits, of every network."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.export.formats.written import FORMATS
from open_seq2seq.export.quantization import openvino_bfloat16
from open_seq2seq.export.quantization.search import LIMIT
from open_seq2seq.export.quantization.ways import (
    KINDS,
    REASONS,
    WAYS,
    Choice,
    models_to_write,
    write_model,
)
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes import LoadedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package
from tests.export.quantization.models import calibration_of, front_end_constants
from tests.export.small_models import ENCODERS, small_experiment, speech

pytestmark = pytest.mark.slow  # minutes: each way is written and run at many lengths

# One sample; less than a frame; even and odd numbers of frames; the longest first and last.
COUNTS = [30000, 1, 79, 161, 8000, 8081, 3333, 30001]
NAMES = [name for name in ENCODERS if name != "crnn"]


@pytest.fixture(scope="module", params=NAMES)
def written(request, tmp_path_factory):
    """A model, its folder, and what was written of each way."""
    model = TrainedModel.of(small_experiment(request.param))
    folder = tmp_path_factory.mktemp("quantised")
    calibration = calibration_of(model)
    has_none = openvino_bfloat16.problem(model)
    kinds = [kind for kind in KINDS if kind != "bfloat16" or not has_none]
    choices = models_to_write(model, None, kinds)
    files = {
        one: write_model(model, folder, one, calibration)
        for one in choices
        if one.format != "saved_model"
    }
    return model, folder, files, calibration


def quantised(files):
    return [(choice, one) for choice, one in files.items() if choice.is_quantised]


def test_any_length(written):
    model, folder, files, _ = written
    samples = speech(4, seed=3)
    for choice, one in quantised(files):
        loaded = LoadedModel(folder / one.name, one.file.runtime, threads=1)
        for count in COUNTS:
            expected = model.log_probs(samples[:count])
            found = loaded.log_probs(samples[:count])
            assert found.shape == expected.shape, choice
            assert np.isfinite(found).all(), choice
            np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=0.05)


def test_little_is_lost(written):
    _, folder, files, calibration = written
    for choice, one in quantised(files):
        found = calibration.divergence(folder / one.name, one.file.runtime)
        assert found < (1e-5 if choice.kind == "float16" else 4 * LIMIT), choice


def test_numbers_are_rounded(written):
    """What is as exact as float32 is float32."""
    model, folder, files, _ = written
    samples = speech(4, seed=3)
    expected = model.log_probs(samples)
    for choice, one in quantised(files):
        found = LoadedModel(folder / one.name, one.file.runtime).log_probs(samples)
        assert np.abs(found - expected).max() > 1e-4, choice


def test_the_front_end_is_not(written):
    _, folder, files, _ = written
    for choice, one in quantised(files):
        exact = front_end_constants(folder / files[Choice(choice.format, "none")].name)
        found = front_end_constants(folder / one.name)
        assert len(found) == len(exact) >= 3
        for array, other in zip(found, exact):
            np.testing.assert_array_equal(array, other)


def test_the_signature_is_that_of_float32(written):
    """Programs can run any of a runtime's models."""
    import onnx

    _, folder, files, _ = written
    for choice, one in quantised(files):
        if choice.format == "onnx":
            graph = onnx.load(str(folder / one.name)).graph
            assert [value.name for value in graph.input] == ["samples", "num_samples"]
            assert [value.name for value in graph.output] == ["log_probs", "lengths"]
        if choice.format == "openvino":
            graph = openvino_package().Core().read_model(str(folder / one.name))
            assert {"samples", "num_samples"} <= {name for value in graph.inputs
                                                  for name in value.names}  # fmt: skip
            assert [value.any_name for value in graph.outputs] == ["log_probs", "lengths"]


def test_a_batch_is_taken_where_it_says_so(written):
    model, folder, files, _ = written
    counts = np.array([8081, 161, 20000], np.int32)
    samples = speech(4, seed=4)
    batch = np.zeros((len(counts), counts.max()), np.float32)
    for row, count in zip(batch, counts):
        row[:count] = samples[:count]
    for _, one in quantised(files):
        if one.file.batch is None:
            loaded = LoadedModel(folder / one.name, one.file.runtime)
            log_probs, lengths = loaded.batch_log_probs(batch, counts)
            for row, length, count in zip(log_probs, lengths, counts):
                expected = model.log_probs(samples[:count])
                assert length == len(expected)
                assert np.abs(row[:length] - expected).max() < 0.5


def test_what_is_left_in_float32_is_noted(written):
    _, _, files, _ = written
    for choice, one in quantised(files):
        assert one.file.quantization["kind"] == choice.kind
        is_front_end = "the front-end" in one.file.quantization["float32"]
        assert is_front_end == (choice.kind != "bfloat16")


def test_every_combination_is_written_or_has_a_reason():
    for name in FORMATS:
        for kind in KINDS[1:]:
            assert ((name, kind) in WAYS) != ((name, kind) in REASONS)


def test_a_format_without_a_kind():
    model = TrainedModel.of(small_experiment("jasper"))
    with pytest.raises(InputError) as error:
        models_to_write(model, ["saved_model", "litert"], ["static_int8", "bfloat16"])
    text = str(error.value)
    assert "static_int8 for saved_model: TensorFlow computes in float32" in text
    assert "expected none for saved_model" in text
    assert "bfloat16 for litert: LiteRT has no bfloat16" in text
    assert "expected none, dynamic_int8, float16 for litert" in text


def test_convolutions_are_not_quantised_dynamically_in_onnx():
    model = TrainedModel.of(small_experiment("jasper"))
    with pytest.raises(InputError, match=r"dynamic_int8 for onnx: .*1\.7 to 10 times"):
        models_to_write(model, ["onnx"], ["dynamic_int8"])
    assert models_to_write(model, None, ["dynamic_int8"]) == [("litert", "dynamic_int8")]


def test_formats_that_are_not_named_have_what_they_have(monkeypatch):
    monkeypatch.setattr(openvino_bfloat16, "has_bfloat16", lambda: True)
    model = TrainedModel.of(small_experiment("deep speech 2, both"))
    found = models_to_write(model, None, ["none", "dynamic_int8", "bfloat16", "none"])
    assert found == [
        ("onnx", "none"),
        ("onnx", "dynamic_int8"),
        ("litert", "none"),
        ("litert", "dynamic_int8"),
        ("saved_model", "none"),
        ("openvino", "none"),
        ("openvino", "bfloat16"),
    ]


@pytest.mark.parametrize("name", ["quartznet", "deep speech 2, forward"])
def test_no_bfloat16_with_depthwise_convolutions(name, monkeypatch):
    monkeypatch.setattr(openvino_bfloat16, "has_bfloat16", lambda: True)
    model = TrainedModel.of(small_experiment(name))
    with pytest.raises(InputError, match="bfloat16 for openvino: with depthwise convolutions"):
        models_to_write(model, ["openvino"], ["bfloat16"])


def test_no_bfloat16_where_the_processor_has_none(monkeypatch):
    monkeypatch.setattr(openvino_bfloat16, "has_bfloat16", lambda: False)
    model = TrainedModel.of(small_experiment("jasper"))
    with pytest.raises(InputError, match="bfloat16 for openvino: this processor has no bfloat16"):
        models_to_write(model, None, ["bfloat16"])
