"""Models of features (frames to scores) as ONNX, OpenVINO's IR, SavedModel and LiteRT.

What is written is run, and compared with the scores that it should give, before it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.export.conversion import check_packages, conversion
from open_seq2seq.export.draft import draft
from open_seq2seq.export.feature_model_runs import RUNNERS
from open_seq2seq.graphs.builder import GraphBuilder, Value

# Frames of the utterances that are compared: more and fewer than contexts, odd and even.
_FRAMES = (1, 2, 9, 64, 257)
TOLERANCE = 1e-5
SIGNATURE = "serving_default"
FILES = {
    "onnx": "model.onnx",
    "openvino": "openvino/model.xml",
    "saved_model": "saved_model/saved_model.pb",
    "litert": "model.tflite",
}


@dataclass(frozen=True)
class FeatureInput:
    """An input: `[batch, time, dim]`, or of the whole utterance `[batch, dim]`."""

    name: str
    dim: int
    per_utterance: bool = False


@dataclass(frozen=True)
class FeatureModel:
    """A model, and what it is compared with.

    Args:
      inputs: its inputs.
      outputs: names and dimensions of `[batch, rows, dim]` each.
      build: writes it with a `GraphBuilder`: values by name to values by name.
      evaluate: scores `[rows, dim]` by name of an utterance `[frames, dim]` (or `[dim]`) by name.
      doc: what it is, in words.
    """

    inputs: Sequence[FeatureInput]
    outputs: Mapping[str, int]
    build: Callable[[GraphBuilder, Mapping[str, Value]], Mapping[str, Value]]
    evaluate: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
    doc: str = ""


class Row(NamedTuple):
    """A line of the table: the file, its bytes, the largest difference of scores."""

    name: str
    size: int
    difference: float


def write_feature_models(
    model: FeatureModel,
    output: Path,
    formats: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Writes a folder of models, whole or not at all.

    Args:
      model: what is written.
      output: the folder.
      formats: keys of `FILES`; None: all.
      overwrite: whether a folder that is there is replaced.
      progress: called with each line of the table.

    Raises:
      InputError: a package is missing, the folder is there, or a format gives other scores.
    """
    formats = list(FILES) if formats is None else list(formats)
    check_packages(formats)
    expected = list(_expected(model))
    rows = []
    with draft(output, overwrite) as folder:
        for name in formats:
            path = folder / FILES[name]
            path.parent.mkdir(exist_ok=True)
            with conversion(path, name, "Leave this format out with --formats."):
                _WRITERS[name](model, path)
            difference = _difference(model, RUNNERS[name](path), expected)
            if not difference <= TOLERANCE:
                problem = Problem(
                    str(output / FILES[name]),
                    f"scores up to {difference:.2g} off, as a share of them",
                    f"those of the model to {TOLERANCE:g}",
                    "Leave this format out with --formats, and report it: the conversion is wrong.",
                )
                raise InputError("The converted model is not the original:", [problem])
            rows.append(Row(FILES[name], _size(path), difference))
            progress(rows[-1])
    return rows


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in its own folder."""
    whole = path.parent.name in ("openvino", "saved_model")
    files = path.parent.rglob("*") if whole else [path]
    return sum(one.stat().st_size for one in files if one.is_file())


# --- comparing


def _expected(model: FeatureModel) -> Any:
    """Utterances of random features, and their scores."""
    generator = np.random.default_rng(0)
    for frames in _FRAMES:
        inputs = {
            one.name: generator.normal(size=(one.dim,) if one.per_utterance else (frames, one.dim))
            for one in model.inputs
        }
        inputs = {name: array.astype(np.float32) for name, array in inputs.items()}
        yield inputs, model.evaluate(inputs)


def _difference(model: FeatureModel, run: Any, expected: Sequence[Any]) -> float:
    """The largest one, of scores beyond 1 as a share of them."""
    largest = 0.0
    for inputs, scores in expected:
        found = run({name: array[None] for name, array in inputs.items()})
        for name in model.outputs:
            rows, wanted = np.asarray(found[name])[0], scores[name]
            if rows.shape != wanted.shape:
                return np.inf
            apart = np.abs(rows - wanted) / np.maximum(np.abs(wanted), 1)
            largest = max(largest, float(apart.max(initial=0)))
    return largest if np.isfinite(largest) else np.inf


# --- writing


def _write_onnx(model: FeatureModel, path: Path) -> None:
    import onnx

    from open_seq2seq.export.onnx_builder import OnnxBuilder

    g = OnnxBuilder()
    values = {}
    for one in model.inputs:
        shape = ("batch", one.dim) if one.per_utterance else ("batch", "time", one.dim)
        values[one.name] = g.input(one.name, np.float32, shape)
    found = model.build(g, values)
    outputs = [
        (name, found[name], np.float32, ("batch", "rows", dim))
        for name, dim in model.outputs.items()
    ]
    onnx.save(g.model(outputs, model.doc), str(path))


def _write_openvino(model: FeatureModel, path: Path) -> None:
    from open_seq2seq.export.formats.openvino import write_openvino
    from open_seq2seq.inference.runtimes.openvino import openvino_package

    source = path.with_suffix(".onnx")
    _write_onnx(model, source)
    write_openvino(openvino_package().convert_model(str(source)), path)
    source.unlink()


def _function(model: FeatureModel, batch: int | None) -> Any:
    """A `tf.function` of the inputs by name."""
    import tensorflow as tf

    from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder

    def scores(**tensors: Any) -> dict[str, Any]:
        g = TensorFlowBuilder(batch=batch)
        found = model.build(g, {name: g.value(one) for name, one in tensors.items()})
        return {name: g.tensor(found[name]) for name in model.outputs}

    specs = {
        one.name: tf.TensorSpec(
            (batch, one.dim) if one.per_utterance else (batch, None, one.dim), name=one.name
        )
        for one in model.inputs
    }
    return tf.function(scores, autograph=False).get_concrete_function(**specs)


def _write_saved_model(model: FeatureModel, path: Path) -> None:
    from open_seq2seq.export.formats.saved_model import save

    save({SIGNATURE: _function(model, None)}, path.parent)


def _write_litert(model: FeatureModel, path: Path) -> None:
    from open_seq2seq.export.formats.litert import convert

    convert(SIGNATURE, _function(model, 1), path)


_WRITERS: dict[str, Callable[[FeatureModel, Path], None]] = {
    "onnx": _write_onnx,
    "openvino": _write_openvino,
    "saved_model": _write_saved_model,
    "litert": _write_litert,
}
