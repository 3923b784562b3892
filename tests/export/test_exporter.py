"""Exported models say what the trained one says, in every format, and nothing wrong is left."""

import json
import re

import jiwer
import numpy as np
import pytest
import soundfile

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.errors import InputError
from open_seq2seq.export import exporter
from open_seq2seq.export.exporter import Export
from open_seq2seq.export.formats import written
from open_seq2seq.export.quantization import onnx_float16
from open_seq2seq.export.streams.network import stream_problems
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.loaded_model import LoadedModel
from tests.export.small_models import ENCODERS, FRONT_ENDS, RATE, small_experiment, speech

# One sample; less than a frame; even and odd numbers of frames; the longest first and last.
COUNTS = [30000, 1, 79, 80, 161, 8000, 8081, 3333, 30001]
FILES = {
    "onnx": "model.onnx",
    "litert": "model.tflite",
    "saved_model": "saved_model/saved_model.pb",
    "openvino": "openvino/model.xml",
}
RUNTIMES = {"onnx": "onnxruntime", "litert": "litert", "saved_model": "tensorflow",
            "openvino": "openvino"}  # fmt: skip
MODELS = [(encoder, "librosa") for encoder in ENCODERS]
MODELS += [("jasper", front_end) for front_end in FRONT_ENDS if front_end != "librosa"]
# Of ten seconds each: what is theirs is in tests/export/networks and tests/features/test_graph.py.
SLOW = ("crnn", "deep speech 2, both", "deep speech 2, layer normalization", "quartznet", "psf",
        "running")  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(one, id=" with ".join(one), marks=[pytest.mark.slow] * bool({*one} & {*SLOW}))
        for one in MODELS
    ],
)
def exported(request, tmp_path_factory):
    """A model and its folder in all formats."""
    experiment = small_experiment(*request.param)
    folder = tmp_path_factory.mktemp("exported") / "model"
    rows = Export(experiment, speech(5)).write(folder, list(FILES))
    return TrainedModel.of(experiment), folder, rows


@pytest.mark.parametrize("name", FILES)
def test_log_probabilities_at_any_length(exported, name):
    model, folder, _ = exported
    loaded = LoadedModel(folder / FILES[name], RUNTIMES[name], threads=1)
    samples = speech(4, seed=3)
    for count in COUNTS:
        expected = model.log_probs(samples[:count])
        found = loaded.log_probs(samples[:count])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-4)


SIGNATURE = "saved_model: stream"


@pytest.mark.parametrize("name", ["onnx", "saved_model", "openvino"])
def test_a_recording_is_the_same_in_any_batch(exported, name):
    model, folder, _ = exported
    loaded = LoadedModel(folder / FILES[name], RUNTIMES[name], threads=1)
    counts = np.array([8081, 161, 20000, 1], np.int32)
    samples = speech(4, seed=4)
    # Whatever lies past the end, NaN too.
    batch = np.full((len(counts), counts.max()), np.nan, np.float32)
    for row, count in zip(batch, counts):
        row[:count] = samples[:count]
    log_probs, lengths = loaded.batch_log_probs(batch, counts)
    for row, length, count in zip(log_probs, lengths, counts):
        expected = model.log_probs(samples[:count])
        assert length == len(expected)
        np.testing.assert_allclose(row[:length], expected, atol=1e-4)


def test_the_table(exported):
    model, folder, rows = exported
    names = list(FILES.values())
    if not stream_problems(model):
        place = names.index(FILES["saved_model"]) + 1
        names.insert(place, SIGNATURE)
        names += ["stream.onnx", "stream.tflite", "openvino/stream.xml"]
    assert [row.name for row in rows] == names
    for row in rows:
        assert row.comparison.excess <= 1
        assert row.comparison.other_texts == 0
        assert row.name == SIGNATURE or row.size >= (folder / row.name).stat().st_size
        assert row.comparison.real_time_factor > 0
    description = json.loads((folder / "recognizer.json").read_text())
    assert {one["runtime"] for one in description["files"].values() if one["kind"] == "model"} == {
        *RUNTIMES.values()
    }


def test_nothing_but_built_in_operations_in_litert(exported):
    from ai_edge_litert.interpreter import Interpreter

    _, folder, _ = exported
    interpreter = Interpreter(str(folder / FILES["litert"]))
    names = {one["op_name"] for one in interpreter._get_ops_details()}
    assert names
    assert not {one for one in names if one.startswith("Flex") or one == "CUSTOM"}


def test_the_signatures(exported):
    """What TensorFlow Serving, Triton and OpenVINO's server ask for by name."""
    import onnx
    import tensorflow as tf

    _, folder, _ = exported
    signature = tf.saved_model.load(str(folder / "saved_model")).signatures["serving_default"]
    inputs = {one.name: (one.dtype, one.shape.rank) for one in
              signature.structured_input_signature[1].values()}  # fmt: skip
    assert inputs == {"samples": (tf.float32, 2), "num_samples": (tf.int32, 1)}
    outputs = {name: one.dtype for name, one in signature.structured_outputs.items()}
    assert outputs == {"log_probs": tf.float32, "lengths": tf.int32}
    graph = onnx.load(str(folder / FILES["onnx"])).graph
    kinds = {one.name: one.type.tensor_type for one in [*graph.input, *graph.output]}
    assert {name: (one.elem_type, len(one.shape.dim)) for name, one in kinds.items()} == {
        "samples": (onnx.TensorProto.FLOAT, 2),
        "num_samples": (onnx.TensorProto.INT32, 1),
        "log_probs": (onnx.TensorProto.FLOAT, 3),
        "lengths": (onnx.TensorProto.INT32, 1),
    }


def test_what_triton_is_told_is_what_the_model_has(exported):
    import onnx

    model, folder, _ = exported
    graph = onnx.load(str(folder / FILES["onnx"])).graph
    config = (folder / "config.pbtxt").read_text()
    found = re.findall(r'name: "(\w+)", data_type: TYPE_(\w+), dims: \[ (.*?) \]', config)
    kinds = {onnx.TensorProto.FLOAT: "FP32", onnx.TensorProto.INT32: "INT32"}
    expected = []
    for one in [*graph.input, *graph.output]:
        sizes = [str(size.dim_value or -1) for size in one.type.tensor_type.shape.dim]
        expected.append((one.name, kinds[one.type.tensor_type.elem_type], ", ".join(sizes)))
    assert found == expected
    assert f"dims: [ -1, -1, {model.classes} ]" in config
    assert 'name: "model"\n' in config


def test_a_conversion_that_is_wrong_leaves_nothing(tmp_path, monkeypatch):
    experiment = small_experiment("jasper")
    write_onnx = written.FORMATS["onnx"]

    def wrong(model, folder):
        kernel = model.network.encoder.blocks[0][0].kernel
        kernel.assign(np.asarray(kernel) * 1.001)
        return write_onnx(model, folder)

    monkeypatch.setitem(written.FORMATS, "onnx", wrong)
    with pytest.raises(InputError, match=r"model\.onnx.*log-probabilities up to"):
        Export(experiment, speech(3)).write(tmp_path / "model", ["onnx"])
    assert not list(tmp_path.iterdir())


def test_a_conversion_that_loses_frames_leaves_nothing(tmp_path, monkeypatch):
    experiment = small_experiment("jasper")

    class Short(LoadedModel):
        def log_probs(self, samples):
            return super().log_probs(samples)[: -1 if len(samples) == 8000 else None]

    monkeypatch.setattr(exporter, "LoadedModel", Short)
    with pytest.raises(InputError, match="for 8000 samples"):
        Export(experiment, speech(3)).write(tmp_path / "model", ["onnx"])
    assert not list(tmp_path.iterdir())


def test_a_quantised_model_that_gives_no_numbers_leaves_nothing(tmp_path, monkeypatch):
    experiment = small_experiment("jasper")

    def broken(model, path, calibration):
        kernel = model.network.encoder.blocks[0][0].kernel
        kernel.assign(np.asarray(kernel) * np.nan)
        return write(model, path, calibration)

    write = onnx_float16.write
    monkeypatch.setattr(onnx_float16, "write", broken)
    with pytest.raises(InputError, match=r"model\.float16\.onnx.*log-probabilities up to inf"):
        Export(experiment, speech(3)).write(tmp_path / "model", ["onnx"], quantize=["float16"])
    assert not list(tmp_path.iterdir())


def test_static_int8_needs_recordings(tmp_path):
    export = Export(small_experiment("jasper"), speech(1))
    with pytest.raises(InputError, match="--calibration_manifest"):
        export.write(tmp_path / "model", ["onnx"], quantize=["static_int8"])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_dynamic_int8_does_without(tmp_path):
    export = Export(small_experiment("jasper"), speech(4))
    rows = export.write(tmp_path / "model", ["litert"], quantize=["none", "dynamic_int8"])
    assert [row.file.precision for row in rows] == ["float32", "int8"]
    assert rows[1].comparison.difference > rows[0].comparison.difference
    files = json.loads((tmp_path / "model" / "recognizer.json").read_text())["files"]
    noted = files["model.dynamic_int8.tflite"]
    assert noted["quantization"] == {"kind": "dynamic_int8", "float32": ["the front-end"]}
    assert "quantization" not in files["model.tflite"]


def test_a_folder_that_is_there(tmp_path):
    experiment = small_experiment("jasper")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="--overwrite"):
        Export(experiment, speech(1)).write(folder, ["onnx"])
    assert (folder / "mine.txt").read_text() == "mine"
    Export(experiment, speech(1)).write(folder, ["onnx"], overwrite=True)
    assert sorted(one.name for one in folder.iterdir()) == [
        "config.pbtxt",
        "model.onnx",
        "recognizer.json",
    ]


def test_the_rate_is_the_front_ends():
    assert Export(small_experiment("jasper"), speech(1)).rate == RATE


@pytest.fixture
def evaluation(tmp_path):
    """Three recordings; what a model hears in them becomes their texts, but for the last one's."""
    experiment = small_experiment("jasper")
    model, decoder = TrainedModel.of(experiment), Export(experiment, speech(1)).decoder
    heard, lines = [], ["wav_filename,wav_filesize,transcript"]
    for number in range(3):
        samples = speech(1 + number, seed=number)
        soundfile.write(tmp_path / f"{number}.wav", samples, RATE, subtype="FLOAT")
        log_probs = model.log_probs(samples)
        heard.append(decoder.decode(log_probs[None], np.array([len(log_probs)]))[0].text.strip())
        lines.append(f"{number}.wav,1,{heard[-1] if number < 2 else 'something else'}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    assert all(heard)
    return experiment, tmp_path / "manifest.csv", heard


def test_error_rates_are_measured(evaluation, tmp_path):
    experiment, manifest, heard = evaluation
    data = ManifestRecordings(read_manifests([str(manifest)], True), RATE)
    export = Export(experiment, speech(3), evaluation=data)
    (row,) = export.write(tmp_path / "model", ["onnx"])
    expected = jiwer.wer([*heard[:2], "something else"], heard)
    assert row.file.error_rates["wer"] == pytest.approx(expected)
    assert row.file.error_rates["utterances"] == 3
    assert export.error_rates() == row.file.error_rates


def test_error_rates_of_fewer_recordings_are_no_result(evaluation, tmp_path):
    experiment, manifest, _ = evaluation
    data = ManifestRecordings(read_manifests([str(manifest)], True), RATE)
    (tmp_path / "1.wav").write_bytes((tmp_path / "1.wav").read_bytes()[:400])
    with pytest.raises(InputError, match=r"1\.wav"):
        Export(experiment, speech(3), evaluation=data).write(tmp_path / "model", ["onnx"])
    assert not (tmp_path / "model").exists()
