"""The ways to write a model in fewer bits, by format and kind; and why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.export.conversion import check_packages, conversion, installed_formats
from open_seq2seq.export.formats.written import FORMATS, STREAM_FORMATS, Written
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.file import MODEL, STREAM, ExportedFile

# As `--quantize` has them.
FLOAT32 = "none"
KINDS = (FLOAT32, "dynamic_int8", "static_int8", "float16", "bfloat16")
# Of these the network's rounding is measured on recordings.
INT8 = ("dynamic_int8", "static_int8")


class Choice(NamedTuple):
    """A model that is written: a name of `FORMATS` and one of `KINDS`."""

    format: str
    kind: str

    @property
    def is_quantised(self) -> bool:
        """Whether its numbers are not those of float32."""
        return self.kind != FLOAT32


class Way(NamedTuple):
    """A kind that a format has, written by the module `<format>_<kind>` beside this one.

    Its `write(model, path, calibration)` writes the file, and returns what is left in float32, in
    words. Its `problem(model)`, where there is one, says why it cannot be written of a model, or
    here; None: it can.

    Args:
      name: of the file, relative to the folder.
      runtime: what runs it.
      precision: as in `recognizer.json`.
      batch: 1 where it takes one recording at a time.
    """

    name: str
    runtime: str
    precision: str
    batch: int | None = None


WAYS: Mapping[tuple[str, str], Way] = {
    ("onnx", "dynamic_int8"): Way("model.dynamic_int8.onnx", "onnxruntime", "int8", 1),
    ("onnx", "static_int8"): Way("model.static_int8.onnx", "onnxruntime", "int8", 1),
    ("onnx", "float16"): Way("model.float16.onnx", "onnxruntime", "float16"),
    ("litert", "dynamic_int8"): Way("model.dynamic_int8.tflite", "litert", "int8", 1),
    ("litert", "float16"): Way("model.float16.tflite", "litert", "float16", 1),
    ("openvino", "static_int8"): Way("openvino/model.static_int8.xml", "openvino", "int8", 1),
    ("openvino", "float16"): Way("openvino/model.float16.xml", "openvino", "float16"),
    ("openvino", "bfloat16"): Way("openvino/model.bfloat16.xml", "openvino", "bfloat16"),
}
# Of these kinds the graph of streams is written too: the same modules have a `write_stream`. Others
# need ranges of what layers see, which are measured on whole recordings.
STREAM_WAYS: Mapping[tuple[str, str], Way] = {
    ("onnx", "dynamic_int8"): Way("stream.dynamic_int8.onnx", "onnxruntime", "int8"),
}
_TENSORFLOW = "TensorFlow computes in float32 on processors, whatever the weights are stored in"
REASONS: Mapping[tuple[str, str], str] = {
    ("onnx", "bfloat16"): "ONNX Runtime has no bfloat16 on processors",
    ("litert", "static_int8"): "dynamic_int8 is as small and as fast, and needs no calibration",
    ("litert", "bfloat16"): "LiteRT has no bfloat16 on processors",
    ("openvino", "dynamic_int8"): "OpenVINO wants to know ranges beforehand",
    **{("saved_model", kind): _TENSORFLOW for kind in KINDS[1:]},
}


def models_to_write(
    model: TrainedModel, formats: Sequence[str] | None, kinds: Sequence[str]
) -> list[Choice]:
    """The models that are written.

    Args:
      model: the model.
      formats: names of `FORMATS`, each of which has to have all kinds; None: of each kind all
        formats that have it, and whose packages are installed.
      kinds: of `KINDS`.

    Raises:
      InputError: a format has no such kind, or no format has it; or what writes a format is not
        installed.
    """
    if formats is None:
        names = installed_formats(list(FORMATS), kinds)
    else:
        names = list(formats)
        check_packages(names, kinds)
    every = [Choice(name, kind) for name in names for kind in dict.fromkeys(kinds)]
    reasons = {one: reason for one in every if (reason := _reason(model, one)) is not None}
    found = [one for one in every if one not in reasons]
    there = {one.kind for one in found}
    refused = [one for one in reasons if formats is not None or one.kind not in there]
    if refused:
        problems = [_refused(model, one, reasons[one]) for one in refused]
        raise InputError("Nothing is exported:", problems)
    return found


def write_model(
    model: TrainedModel, folder: Path, choice: Choice, calibration: Calibration
) -> Written:
    """Writes a model into an exported folder.

    Args:
      model: what is written.
      folder: the folder.
      choice: of `models_to_write`.
      calibration: recordings for int8.

    Raises:
      InputError: the model cannot be converted.
      RunError: the folder cannot be written to.
    """
    if not choice.is_quantised:
        others = " ".join(name for name in FORMATS if name != choice.format)
        with conversion(folder, choice.format, f"Name others: --formats {others}."):
            return FORMATS[choice.format](model, folder)
    way = WAYS[choice]
    path = folder / way.name
    remedy = f"Name others with --formats, or leave {choice.kind} out of --quantize."
    with conversion(path, f"{choice.format} in {choice.kind}", remedy):
        path.parent.mkdir(exist_ok=True)
        left = _module(choice).write(model, path, calibration)
    parts = (str(Path(way.name).with_suffix(".bin")),) if way.runtime == "openvino" else ()
    quantization = {"kind": choice.kind, "float32": list(left)}
    file = ExportedFile(MODEL, way.runtime, way.precision, way.batch, quantization=quantization)
    return Written(way.name, file, parts)


def has_stream(choice: Choice) -> bool:
    """Whether a graph of streams is written beside a model."""
    return choice in STREAM_WAYS or (not choice.is_quantised and choice.format in STREAM_FORMATS)


def write_stream(
    model: TrainedModel, folder: Path, choice: Choice, calibration: Calibration
) -> Written:
    """Writes the graph of streams of a choice that has one; see `write_model`."""
    what = " ".join(["the stream of", *choice])
    with conversion(folder, what, "Name others with --formats."):
        if not choice.is_quantised:
            return STREAM_FORMATS[choice.format](model, folder)
        way = STREAM_WAYS[choice]
        graph, left = _module(choice).write_stream(model, folder / way.name, calibration)
    quantization = {"kind": choice.kind, "float32": list(left)}
    file = ExportedFile(STREAM, way.runtime, way.precision, quantization=quantization, stream=graph)
    return Written(way.name, file)


def _module(choice: Choice) -> Any:
    """What packages it needs is imported where it is used."""
    return import_module(f"{__package__}.{choice.format}_{choice.kind}")


def _reason(model: TrainedModel, choice: Choice) -> str | None:
    """Why a model cannot be written so."""
    if not choice.is_quantised:
        return None
    if choice not in WAYS:
        return REASONS[choice]
    problem = getattr(_module(choice), "problem", lambda model: None)
    found: str | None = problem(model)
    return found


def _refused(model: TrainedModel, choice: Choice, reason: str) -> Problem:
    there = [one for one in KINDS if _reason(model, Choice(choice.format, one)) is None]
    found = f"{choice.kind} for {choice.format}: {reason}"
    return Problem("--quantize", found, f"{', '.join(there)} for {choice.format}", "")
