"""A small exported model that a test writes itself, and the same network in NumPy.

Each frame of `HOP` samples is told by its level: the mean of the magnitudes is near `LEVELS[c]`
where class c is meant. Logits are `-SHARPNESS * (level - LEVELS) ** 2`, log-probabilities their
logarithmic softmax. Samples behind the last whole frame are not used.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.exported import ExportedFile, ExportedModel
from open_seq2seq.exported.file import MODEL, PART

RATE, HOP = 8000, 80
FRAME_SHIFT = HOP / RATE
SYMBOLS = (" ", "a", "b", "c")
BLANK = len(SYMBOLS)
LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float32)
SHARPNESS = 400.0
SEGMENTATION = {"enabled": True, "max_duration": None, "target_duration": None, "min_pause": 0.1,
                "long_pause": 0.5, "pause_threshold": 10.0, "overlap": 0.5}  # fmt: skip


def network(samples: np.ndarray) -> np.ndarray:
    """`[n]` -> log-probabilities `[n // HOP, class]`, in float64."""
    count = len(samples) // HOP
    frames = samples[: count * HOP].astype(np.float64).reshape(count, HOP)
    levels = np.abs(frames).mean(axis=1, keepdims=True)
    logits = -SHARPNESS * (levels - LEVELS) ** 2
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def speech(path: str, rng: np.random.Generator | None = None) -> np.ndarray:
    """Samples of a path of classes, a frame each: symbols, `-` for the blank, `.` for a pause."""
    levels = dict(zip([*SYMBOLS, "-"], LEVELS)) | {".": 0.001}
    wave = np.tile([1.0, -1.0], HOP // 2)
    parts = [levels[one] * wave for one in path]
    samples = np.concatenate(parts) if parts else np.zeros(0)
    if rng is not None:
        samples = samples + 0.01 * rng.standard_normal(len(samples))
    return samples.astype(np.float32)


def spoken(text: str, rng: np.random.Generator) -> str:
    """A path of CTC for a text: each symbol some frames, blanks between."""
    return "".join(
        letter * int(rng.integers(2, 6)) + "-" * int(rng.integers(1, 4)) for letter in text
    )


def onnx_bytes() -> bytes:
    """The network as ONNX, for any batch of any length."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def constant(name, value):
        return numpy_helper.from_array(np.asarray(value), name)

    node = helper.make_node
    nodes = [
        node("Shape", ["samples"], ["length"], start=1, end=2),
        node("Div", ["length", "hop"], ["count"]),
        node("Mul", ["count", "hop"], ["used"]),
        node("Slice", ["samples", "zero", "used", "last"], ["cut"]),
        node("Concat", ["same", "count", "hop"], ["shape"], axis=0),
        node("Reshape", ["cut", "shape"], ["frames"]),
        node("Abs", ["frames"], ["magnitudes"]),
        node("ReduceMean", ["magnitudes", "inner"], ["level"], keepdims=1),
        node("Sub", ["level", "levels"], ["distance"]),
        node("Mul", ["distance", "distance"], ["square"]),
        node("Mul", ["square", "sharpness"], ["logits"]),
        node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
        node("Div", ["num_samples", "hop32"], ["lengths"]),
    ]
    constants = [
        constant("hop", np.array([HOP])),
        constant("hop32", np.int32(HOP)),
        constant("zero", np.array([0])),
        constant("last", np.array([1])),
        constant("inner", np.array([2])),
        constant("same", np.array([0])),  # Reshape: the batch stays what it is
        constant("levels", LEVELS),
        constant("sharpness", np.float32(-SHARPNESS)),
    ]
    graph = helper.make_graph(
        nodes,
        "levels",
        [
            helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["batch", "n"]),
            helper.make_tensor_value_info("num_samples", TensorProto.INT32, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["batch", "t", "c"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        constants,
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def saved_model(folder: Path) -> None:
    """The network as a SavedModel."""
    import tensorflow as tf

    class Network(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.float32, "samples"),
                tf.TensorSpec([None], tf.int32, "num_samples"),
            ]
        )
        def serve(self, samples, num_samples):
            shape = tf.shape(samples)
            count = shape[1] // HOP
            frames = tf.reshape(samples[:, : count * HOP], tf.stack([shape[0], count, HOP]))
            level = tf.reduce_mean(tf.abs(frames), axis=2, keepdims=True)
            log_probs = tf.nn.log_softmax(-SHARPNESS * tf.square(level - LEVELS))
            return {"log_probs": log_probs, "lengths": num_samples // HOP}

    module = Network()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def tflite_bytes(folder: Path) -> bytes:
    """The network for LiteRT, of the SavedModel in a folder."""
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()


def write_openvino(onnx: Path, target: Path) -> None:
    """`target` and the weights beside it; without OpenVINO's converter, which tells its maker."""
    from open_seq2seq.inference.runtimes.openvino import openvino_package

    openvino = openvino_package()
    target.parent.mkdir(exist_ok=True)
    openvino.serialize(openvino.Core().read_model(str(onnx)), str(target))


def write_models(folder: Path, names: Sequence[str]) -> dict[str, ExportedFile]:
    """Writes models of runtimes, and says which files they are."""
    files: dict[str, ExportedFile] = {}
    model = partial(ExportedFile, MODEL, precision="float32")
    if {"onnxruntime", "openvino"} & set(names):
        (folder / "model.onnx").write_bytes(onnx_bytes())
    if "openvino" in names:
        write_openvino(folder / "model.onnx", folder / "openvino" / "model.xml")
        files["openvino/model.xml"] = model(runtime="openvino")
        files["openvino/model.bin"] = ExportedFile(PART, of="openvino/model.xml")
    if "onnxruntime" in names:
        files["model.onnx"] = model(runtime="onnxruntime")
    elif (folder / "model.onnx").exists():
        (folder / "model.onnx").unlink()
    if {"tensorflow", "litert"} & set(names):
        saved_model(folder / "saved_model")
    if "litert" in names:
        (folder / "model.tflite").write_bytes(tflite_bytes(folder / "saved_model"))
        files["model.tflite"] = model(runtime="litert", batch=1)
    if "tensorflow" in names:
        main = "saved_model/saved_model.pb"
        inside = sorted(path for path in (folder / "saved_model").rglob("*") if path.is_file())
        paths = [path.relative_to(folder).as_posix() for path in inside]
        files |= {path: ExportedFile(PART, of=main) for path in paths}
        files[main] = model(runtime="tensorflow")
    elif (folder / "saved_model").exists():
        shutil.rmtree(folder / "saved_model")
    return files


def write_exported(
    folder: Path, names: Sequence[str] = ("onnxruntime",), **changes: Any
) -> ExportedModel:
    """Writes a whole folder; `changes` are fields of `ExportedModel`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = write_models(folder, names)
    described = ExportedModel(
        sample_freq=RATE,
        symbols=SYMBOLS,
        frame_shift=FRAME_SHIFT,
        time_stride=1,
        hop_length=HOP,
        decoder=DECODER_PARAMS.parse({}),
        segmentation=SEGMENTATION,
        files=files,
        trained_on={"longest": 2.0, "mean": 1.0},
    )
    return replace(described, **{**changes, "files": files | changes.get("files", {})}).write(
        folder
    )
