"""Sessions over an exported folder: the text of the whole recording, from samples on."""

import json
import shutil

import numpy as np
import onnx
import pytest

from open_seq2seq import Recognizer
from open_seq2seq.errors import InputError
from open_seq2seq.export.exporter import Export
from open_seq2seq.export.formats import written
from open_seq2seq.inference import exported_stream
from open_seq2seq.streaming.network import Piece
from tests.export.small_models import experiment_of, small_experiment, speech
from tests.export.streams.models import ENCODERS, FIXED

SAMPLES = speech(3, seed=8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with a stream, and the lines of its export's table."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    experiment = experiment_of(*ENCODERS["quartznet"], FIXED)
    return folder, Export(experiment, speech(4)).write(folder, ["onnx"])


def test_the_table(exported):
    folder, rows = exported
    assert [row.name for row in rows] == ["model.onnx", "stream.onnx"]
    assert rows[1].comparison.excess <= 1 and rows[1].comparison.other_texts == 0
    assert rows[1].size == (folder / "stream.onnx").stat().st_size
    files = json.loads((folder / "recognizer.json").read_text())["files"]
    assert files["stream.onnx"]["kind"] == "stream"
    names = {one["input"] for one in files["stream.onnx"]["stream"]["states"]}
    assert {"state_position", "state_total", "state_conv11"} <= names


@pytest.mark.parametrize("size", [97, 1000, 20000])
def test_the_text_of_the_recording(exported, size):
    recognizer = Recognizer.load(exported[0])
    (expected,) = recognizer.transcribe([SAMPLES])
    session = recognizer.stream(chunk_seconds=0.1)
    for first in range(0, len(SAMPLES), size):
        session.accept(SAMPLES[first : first + size])
    found = session.finish()
    assert expected.text and found.text == expected.text
    assert [one[:3] for one in found.words] == [one[:3] for one in expected.words]


def test_what_waits_for_the_end_is_computed_by_and_by(exported, monkeypatch):
    """No call is longer than asked for, however far the network looks ahead."""
    network = Recognizer.load(exported[0]).streaming_network
    pieces = [Piece(SAMPLES[:count], network.initial_state(), last=True) for count in (9000, 0, 11)]
    expected = network.compute(pieces)
    row, sizes, run = network.row_samples, [], network._session.run
    monkeypatch.setattr(exported_stream, "_FLUSHED", 2 * row / network.sample_freq)

    def counted(samples, *rest):
        sizes.append(samples.shape[1])
        return run(samples, *rest)

    monkeypatch.setattr(network._session, "run", counted)
    found = network.compute(pieces)
    assert network.graph.delay > 3 and max(sizes[2:]) == 2 * row
    for (rows, _), (wanted, _) in zip(found, expected, strict=True):
        np.testing.assert_allclose(rows, wanted, rtol=0, atol=1e-5)
    assert [len(rows) for rows, _ in found] == [9000 // 160 + 1, 0, 1]


@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        ("litert", "litert"),
        pytest.param("saved_model", "tensorflow", marks=pytest.mark.slow),
        pytest.param("openvino", "openvino", marks=pytest.mark.slow),
    ],
)
def test_sessions_in_every_runtime(exported, tmp_path, name, runtime):
    """The same text, in parts in one process and in another recogniser's session."""
    folder = tmp_path / "model"
    Export(experiment_of(*ENCODERS["quartznet"], FIXED), speech(4)).write(folder, [name])
    recognizer = Recognizer.load(folder, runtime=runtime)
    assert recognizer.streaming_network.runtime == runtime
    (expected,) = Recognizer.load(exported[0]).transcribe([SAMPLES])
    first = recognizer.stream(resumable=True)
    first.accept(SAMPLES[:11000])
    second = Recognizer.load(folder, runtime=runtime).stream(resumable=True)
    second.restore(first.state())
    for session in (first, second):
        session.accept(SAMPLES[11000:])
    np.testing.assert_array_equal(first.state()["utterance"], second.state()["utterance"])
    found = first.finish()
    assert found == second.finish()
    assert found.text == expected.text
    assert [one[:3] for one in found.words] == [one[:3] for one in expected.words]


def test_the_stream_of_a_model_in_int8(tmp_path):
    """It is written for what has LSTMs, measured, and chosen with the model."""
    folder = tmp_path / "model"
    export = Export(experiment_of(*ENCODERS["cudnn_lstm"], FIXED), speech(4))
    rows = export.write(folder, ["onnx"], quantize=["none", "dynamic_int8"])
    names = ["model.onnx", "model.dynamic_int8.onnx", "stream.onnx", "stream.dynamic_int8.onnx"]
    assert [row.name for row in rows] == names
    assert 1e-3 < rows[3].comparison.difference < 1
    operators = {node.op_type for node in onnx.load(folder / names[3]).graph.node}
    assert "DynamicQuantizeLSTM" in operators and "LSTM" not in operators
    for precision, name in (("int8", names[3]), ("float32", names[2])):
        recognizer = Recognizer.load(folder, precision=precision)
        assert recognizer.streaming_network.path.name == name


def test_a_session_goes_on_in_another_recogniser(exported):
    first = Recognizer.load(exported[0]).stream(resumable=True)
    first.accept(SAMPLES[:11000])
    second = Recognizer.load(exported[0]).stream(resumable=True)
    second.restore(first.state())
    for session in (first, second):
        session.accept(SAMPLES[11000:])
    np.testing.assert_array_equal(first.state()["utterance"], second.state()["utterance"])
    assert first.finish() == second.finish()


def test_a_pool(exported):
    recognizer = Recognizer.load(exported[0])
    pool = recognizer.stream_pool()
    recordings = [speech(seconds, 20 + seed) for seed, seconds in enumerate((1.0, 2.0, 1.5))]
    sessions = [pool.stream() for _ in recordings]
    for first in range(0, 16000, 4000):
        pool.accept(sessions, [one[first : first + 4000] for one in recordings])
    for session, expected in zip(sessions, recognizer.transcribe(recordings)):
        assert session.finish().text == expected.text


def test_the_delay_is_told(exported):
    """No less than what the network sees, and less than a row more."""
    network = Recognizer.load(exported[0]).streaming_network
    rows, row_seconds = network.graph.delay, network.row_samples / network.sample_freq
    seen = json.loads((exported[0] / "recognizer.json").read_text())["context"]["right"]
    assert seen <= network.look_ahead < seen + row_seconds
    assert rows * row_seconds <= network.look_ahead
    session = Recognizer.load(exported[0]).stream(chunk_seconds=0)
    session.accept(SAMPLES[: (rows + 3) * network.row_samples])
    assert session.partial().decoded == pytest.approx(3 * session.frame_shift)


def test_a_damaged_stream_is_refused(exported, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(exported[0], folder)
    content = bytearray((folder / "stream.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "stream.onnx").write_bytes(content)
    recognizer = Recognizer.load(folder)  # who does not stream does not need it
    with pytest.raises(InputError, match=r"stream\.onnx"):
        recognizer.stream()


def test_a_stream_that_computes_something_else_is_refused(exported, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(exported[0], folder)
    path = folder / "recognizer.json"
    value = json.loads(path.read_text())
    value["files"]["stream.onnx"]["probe"]["numbers"][7] += 0.1
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match="does not compute what it should"):
        Recognizer.load(folder).stream()


def test_a_folder_without_a_stream(tmp_path):
    """Its export says why, and the recogniser what else there is."""
    export = Export(small_experiment("quartznet"), speech(1))
    assert [one.where for one in export.stream_problems()] == ["gain", "feature_norm"]
    export.write(tmp_path / "model", ["onnx"])
    assert not (tmp_path / "model" / "stream.onnx").exists()
    with pytest.raises(InputError, match="buffered_stream"):
        Recognizer.load(tmp_path / "model").stream()


def test_a_stream_that_is_wrong_leaves_nothing(tmp_path, monkeypatch):
    experiment = experiment_of(*ENCODERS["causal"], FIXED)
    write = written.STREAM_FORMATS["onnx"]

    def wrong(model, folder):
        kernel = model.network.encoder.blocks[0][0].kernel
        kernel.assign(np.asarray(kernel) * 1.01)
        return write(model, folder)

    monkeypatch.setitem(written.STREAM_FORMATS, "onnx", wrong)
    with pytest.raises(InputError, match=r"stream\.onnx.*log-probabilities up to"):
        Export(experiment, speech(2)).write(tmp_path / "model", ["onnx"])
    assert not list(tmp_path.iterdir())
