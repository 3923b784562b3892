"""Errors of the packages that convert end in one sentence, and leave nothing behind."""

import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.export import conversion as module
from open_seq2seq.export.conversion import check_packages, conversion
from open_seq2seq.export.exporter import Export
from open_seq2seq.export.formats import written
from open_seq2seq.export.quantization import onnx_float16, ways
from open_seq2seq.export.trained_model import TrainedModel
from tests.export.small_models import small_experiment, speech


def failing(*_):
    raise RuntimeError("Check 'op' failed at translate.cpp:12\nNot supported: Scan\nmore pages")


def test_what_a_converter_raises(tmp_path, monkeypatch):
    monkeypatch.setitem(written.FORMATS, "openvino", failing)
    with pytest.raises(InputError) as raised:
        Export(small_experiment("jasper"), speech(1)).write(tmp_path / "model", ["openvino"])
    (problem,) = raised.value.problems
    assert problem.where == "--formats"
    assert problem.found.startswith("openvino, which")
    assert "translate.cpp:12" in problem.found and "pages" not in problem.found
    assert problem.remedy == "Name others: --formats onnx litert saved_model."
    assert isinstance(raised.value.__cause__, RuntimeError)
    assert not list(tmp_path.iterdir())


def test_what_a_quantiser_raises(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_float16, "write", failing)
    export = Export(small_experiment("jasper"), speech(1))
    with pytest.raises(InputError, match=r"onnx in float16, which.*leave float16 out"):
        export.write(tmp_path / "model", ["onnx"], quantize=["float16"])
    assert not list(tmp_path.iterdir())


def test_errors_of_ours_stay_what_they_are(tmp_path):
    with pytest.raises(RunError, match="as it is"), conversion(tmp_path, "onnx", ""):
        raise RunError("as it is")


def test_a_full_disk_is_no_wrong_model(tmp_path):
    with pytest.raises(RunError, match="No space left"), conversion(tmp_path / "a", "onnx", ""):
        raise OSError(28, "No space left on device")


def without(*names):
    found = module.find_spec
    return lambda name: None if name in names else found(name)


def test_packages_that_are_missing_are_named_before_any_work(tmp_path, monkeypatch):
    export = Export(small_experiment("jasper"), speech(1))
    monkeypatch.setattr(module, "find_spec", without("onnx", "openvino"))
    monkeypatch.setattr(ways, "write_model", failing)
    with pytest.raises(InputError) as raised:
        export.write(tmp_path / "model", ["onnx", "litert", "saved_model", "openvino"])
    assert [problem.found for problem in raised.value.problems] == [
        "onnx, without its package onnx",
        "openvino, without its package onnx and openvino",
    ]
    assert all("open-seq2seq[export]" in problem.remedy for problem in raised.value.problems)
    assert not list(tmp_path.iterdir())
    check_packages(["litert", "saved_model"])


def test_nncf_is_asked_for_where_it_is_used(monkeypatch):
    monkeypatch.setattr(module, "find_spec", without("nncf"))
    check_packages(["openvino"], ["float16"])
    check_packages(["onnx"], ["static_int8"])
    with pytest.raises(InputError, match="nncf"):
        check_packages(["openvino"], ["float16", "static_int8"])


def test_formats_that_nobody_named_are_those_that_are_there(monkeypatch, logged):
    model = TrainedModel.of(small_experiment("jasper"))
    monkeypatch.setattr(module, "find_spec", without("onnx", "openvino"))
    found = ways.models_to_write(model, None, ["none"])
    assert [one.format for one in found] == ["litert", "saved_model"]
    text = "\n".join(logged)
    assert "onnx is left out: no package onnx." in text
    assert "openvino is left out: no package onnx and openvino." in text
