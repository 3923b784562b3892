"""What `recognizer.json` says of graphs of streams."""

import json

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.exported import ExportedFile, ExportedModel, StreamGraph, StreamState
from open_seq2seq.exported.file import STREAM
from tests.exported_models import write_exported

GRAPH = StreamGraph(
    row_samples=80,
    delay=3,
    states=(
        StreamState("position", "next_position", "int32", (), (7,)),
        StreamState("sums", "next_sums", "float32", (1, 3), (0.5, 1.0, 2.0)),
        StreamState("cache", "next_cache", "float32", (4, 1, 10), (0.0,)),
    ),
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "stream.onnx").write_bytes(b"a graph")
    file = ExportedFile(STREAM, "onnxruntime", "float32", stream=GRAPH)
    write_exported(tmp_path / "model", files={"stream.onnx": file})
    return tmp_path / "model"


def test_it_is_read_as_it_was_written(folder):
    file = ExportedModel.read(folder).files["stream.onnx"]
    assert file.stream == GRAPH
    assert (file.kind, file.runtime, file.is_model) == ("stream", "onnxruntime", False)


def test_what_a_stream_begins_with():
    position, sums, cache = (one.begin() for one in GRAPH.states)
    assert position.shape == () and position.dtype == np.int32 and position == 7
    np.testing.assert_array_equal(sums, np.array([[0.5, 1.0, 2.0]], np.float32))
    np.testing.assert_array_equal(cache, np.zeros((4, 1, 10), np.float32))


def changed(folder, change):
    path = folder / "recognizer.json"
    value = json.loads(path.read_text())
    change(value["files"]["stream.onnx"])
    path.write_text(json.dumps(value))


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.pop("stream"),
        lambda file: file.pop("runtime"),
        lambda file: file["stream"].update(row_samples=0),
        lambda file: file["stream"].update(delay=-1),
        lambda file: file["stream"]["states"][0].update(dtype="object"),
        lambda file: file["stream"]["states"][0].pop("initial"),
        lambda file: file["stream"]["states"][1].update(initial=[1.0]),
        lambda file: file["stream"]["states"][1].update(initial=[1.0, 2.0, "three"]),
        lambda file: file["stream"]["states"][2].update(shape=[4, 0, 10]),
        lambda file: file["stream"]["states"][2].update(shape=[1 << 20, 1 << 20]),
        lambda file: file["stream"]["states"][2].update(input="sums"),
        lambda file: file["stream"]["states"][2].update(output=None),
    ],
)
def test_what_is_wrong_is_refused(folder, change):
    changed(folder, change)
    with pytest.raises(InputError, match=r"stream\.onnx"):
        ExportedModel.read(folder)
