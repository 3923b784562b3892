"""The formats by name: how each is written into an exported folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.file import MODEL, PART, STREAM, ExportedFile


class Written(NamedTuple):
    """A model in an exported folder.

    Args:
      name: of its file, relative to the folder.
      file: what `recognizer.json` says of it.
      parts: the names of other files that belong to it.
    """

    name: str
    file: ExportedFile
    parts: tuple[str, ...] = ()

    def entries(self) -> dict[str, ExportedFile]:
        """What `recognizer.json` says of all its files."""
        parts = {name: ExportedFile(PART, of=self.name) for name in self.parts}
        return {self.name: self.file, **parts}


def _saved_model(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.saved_model import write_saved_model

    stream = write_saved_model(model, folder / "saved_model")
    files = sorted(
        str(path.relative_to(folder))
        for path in (folder / "saved_model").rglob("*")
        if path.is_file()
    )
    name = "saved_model/saved_model.pb"
    parts = tuple(one for one in files if one != name)
    return Written(name, ExportedFile(MODEL, "tensorflow", "float32", stream=stream), parts)


def _onnx(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.onnx import write_onnx

    write_onnx(model, folder / "model.onnx")
    return Written("model.onnx", ExportedFile(MODEL, "onnxruntime", "float32"))


def _litert(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.litert import write_litert

    write_litert(model, folder / "model.tflite")
    return Written("model.tflite", ExportedFile(MODEL, "litert", "float32", batch=1))


def _openvino(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.openvino import openvino_graph, write_openvino

    (folder / "openvino").mkdir(exist_ok=True)
    write_openvino(openvino_graph(model), folder / "openvino" / "model.xml")
    file = ExportedFile(MODEL, "openvino", "float32")
    return Written("openvino/model.xml", file, ("openvino/model.bin",))


def _onnx_stream(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.onnx_stream import write_onnx_stream

    graph = write_onnx_stream(model, folder / "stream.onnx")
    return Written("stream.onnx", ExportedFile(STREAM, "onnxruntime", "float32", stream=graph))


def _litert_stream(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.litert import write_litert_stream

    graph = write_litert_stream(model, folder / "stream.tflite")
    return Written("stream.tflite", ExportedFile(STREAM, "litert", "float32", stream=graph))


def _openvino_stream(model: TrainedModel, folder: Path) -> Written:
    from open_seq2seq.export.formats.openvino import openvino_stream, write_openvino

    (folder / "openvino").mkdir(exist_ok=True)
    graph, described = openvino_stream(model)
    write_openvino(graph, folder / "openvino" / "stream.xml")
    file = ExportedFile(STREAM, "openvino", "float32", stream=described)
    return Written("openvino/stream.xml", file, ("openvino/stream.bin",))


# What packages writing and running them needs comes with `pip install 'open-seq2seq[export]'`.
FORMATS: dict[str, Callable[[TrainedModel, Path], Written]] = {
    "onnx": _onnx,
    "litert": _litert,
    "saved_model": _saved_model,
    "openvino": _openvino,
}
# The graphs of streams beside them, of models that have no `stream_problems`. A SavedModel has it
# as another signature.
STREAM_FORMATS: dict[str, Callable[[TrainedModel, Path], Written]] = {
    "onnx": _onnx_stream,
    "litert": _litert_stream,
    "openvino": _openvino_stream,
}
