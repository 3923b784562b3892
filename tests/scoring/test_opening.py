import numpy as np
import openvino as ov
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import read_network
from open_seq2seq.scoring import kinds
from open_seq2seq.scoring.kaldi_graph import onnx_of
from open_seq2seq.scoring.layout import parse_layouts
from open_seq2seq.scoring.opening import ModelOptions, open_model
from tests.exported_models import network, write_exported
from tests.interop.kaldi.test_nnet3 import CASES
from tests.scoring import kaldi_files as kaldi

LENGTHS = (11, 4)


def write_dnn(folder):
    """A DNN `folder/dnn.nnet`; gives its layers."""
    random = np.random.default_rng(0)
    layers = [
        (random.normal(size=shape).astype(np.float32), random.normal(size=shape[0]).astype("f4"))
        for shape in ((5, 4), (3, 5))
    ]
    kaldi.write_text_dnn(folder / "dnn.nnet", layers)
    return layers


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A DNN, and a folder as `open-seq2seq convert` writes it."""
    folder = tmp_path_factory.mktemp("converted")
    layers = write_dnn(folder)
    (folder / "out/openvino").mkdir(parents=True)
    content = onnx_of(read_network(folder / "dnn.nnet"))
    (folder / "out/model.onnx").write_bytes(content)
    graph = ov.Core().read_model(content)
    ov.save_model(graph, folder / "out/openvino/model.xml", compress_to_fp16=False)
    return folder, layers


def check(model, about, layers):
    assert model.about.startswith(about)
    random = np.random.default_rng(1)
    frames = [random.normal(size=(count, 4)).astype(np.float32) for count in LENGTHS]
    assert model.inputs[0].name == "input"
    output = model.outputs[0].name
    found = model.score([{"input": x} for x in frames], [output])
    for x, scores in zip(frames, found):
        assert np.abs(scores[output] - kaldi.dnn_by_hand(x, layers)).max() < 1e-5


@pytest.mark.parametrize(("name", "runtime", "about"), [
    ("dnn.nnet", "numpy", "NumPy"), ("dnn.nnet", None, "OpenVINO"), ("out", None, "OpenVINO"),
    ("out/openvino/model.xml", None, "OpenVINO"), ("out/model.onnx", None, "OpenVINO"),
    ("out/model.onnx", "onnxruntime", "ONNX Runtime"),
])  # fmt: skip
def test_kinds_of_files_give_the_same(converted, name, runtime, about):
    folder, layers = converted
    check(open_model(folder / name, ModelOptions(runtime=runtime)), about, layers)


@pytest.mark.slow
def test_tensorflow_s_files_give_the_same(tmp_path):
    from open_seq2seq.commands.convert import main

    layers = write_dnn(tmp_path)
    line = f"--model {tmp_path}/dnn.nnet --output {tmp_path}/out --formats saved_model litert"
    assert main(line.split()) == 0
    for name, runtime, about in (
        ("out/model.tflite", "litert", "LiteRT"), ("out/saved_model", "tensorflow", "TensorFlow"),
        ("out/saved_model", "openvino", "OpenVINO"), ("out/model.tflite", None, "OpenVINO"),
    ):  # fmt: skip
        check(open_model(tmp_path / name, ModelOptions(runtime=runtime)), about, layers)


def test_a_runtime_that_does_not_fit_is_said(converted):
    folder, _ = converted
    with pytest.raises(InputError, match="expected openvino or onnxruntime"):
        open_model(folder / "out/model.onnx", ModelOptions(runtime="litert"))
    with pytest.raises(InputError, match="open-seq2seq convert"):
        open_model(folder / "dnn.nnet", ModelOptions(runtime="litert"))


def test_an_exported_folder_takes_samples(tmp_path):
    write_exported(tmp_path, ("onnxruntime",))
    model = open_model(tmp_path)
    samples = np.random.default_rng(2).uniform(-0.5, 0.5, 4000).astype(np.float32)
    found = model.score([{"samples": samples[:, None]}], ["log_probs"])[0]["log_probs"]
    assert np.abs(found - network(samples)).max() < 1e-4


def test_kinds_are_told_by_content(tmp_path):
    xml = b'<?xml version="1.0"?>\n<net name'
    for content, kind in (
        (b"\0B<Nnet> ", kinds.KALDI), (b"<splice> 29 29\n", kinds.KALDI), (xml, kinds.OPENVINO),
        (b"<TransitionModel>\n", kinds.KALDI), (b"\x1c\0\0\0TFL3", kinds.LITERT),
        (b"\x08\x09\x12\x0c", kinds.ONNX),
    ):  # fmt: skip
        (tmp_path / "model.any").write_bytes(content)
        assert kinds.model_kind(tmp_path / "model.any") == kind
    for content in (b"", b"\x89HDF\r\n\x1a\n", b"hello", b"\x1f\x8b\x08\0broken"):
        (tmp_path / "model.any").write_bytes(content)
        with pytest.raises(InputError, match="expected a Kaldi model"):
            kinds.model_kind(tmp_path / "model.any")
    with pytest.raises(InputError, match="a folder with none of them"):
        kinds.model_kind(tmp_path)


def test_layouts():
    assert parse_layouts("[NC]", ["a", "b"]) == {"a": "NC", "b": "NC"}
    assert parse_layouts("a[NTC],b:0[CN]", ["a", "b"]) == {"a": "NTC", "b": "CN"}
    for text in ("NC", "[XY]", "c[NC]", "[NC", "a[NC]b"):
        with pytest.raises(InputError, match="-layout"):
            parse_layouts(text, ["a", "b"])


def test_outputs_that_nobody_asked_for_are_not_computed(tmp_path):
    path = tmp_path / "final.mdl"
    CASES["tdnnf"].write(True).save(path)
    for options, names in (
        (ModelOptions(), ["output", "output-xent"]), (ModelOptions(first_outputs=1), ["output"]),
        (ModelOptions(outputs=("output-xent", "output:0")), ["output-xent", "output"]),
        (ModelOptions(outputs=("tdnn1.affine:0",)), ["tdnn1.affine"]),
    ):  # fmt: skip
        model = open_model(path, options)
        assert [one.name for one in model.outputs] == names
    assert "output-xent" in " ".join(open_model(path, ModelOptions(first_outputs=1)).notes)
