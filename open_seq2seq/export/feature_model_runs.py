"""Models of features in files, run by the runtimes that they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

# Inputs by name, a batch each, to outputs by name.
Run: TypeAlias = Callable[[Mapping[str, np.ndarray]], Mapping[str, Any]]
_SIGNATURE = "serving_default"


def run_onnx(path: Path) -> Run:
    """By ONNX Runtime."""
    from open_seq2seq.inference.runtimes.onnxruntime import onnxruntime_session

    session = onnxruntime_session(path, 1)
    names = [one.name for one in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs))))


def run_openvino(path: Path) -> Run:
    """By OpenVINO, in float32."""
    from open_seq2seq.inference.runtimes.openvino import compiled_model

    model = compiled_model(path, 1)
    names = [name for one in model.outputs for name in one.names]

    def run(inputs: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
        found = model(dict(inputs))
        return {name: found[name] for name in names}

    return run


def run_saved_model(path: Path) -> Run:
    """By TensorFlow."""
    import tensorflow as tf

    from open_seq2seq.inference.runtimes.tensorflow import load_signature

    model, function = load_signature(path, _SIGNATURE, 1)

    def run(inputs: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
        assert model is not None  # which the function needs
        found = function(**{name: tf.constant(one) for name, one in inputs.items()})
        return {name: one.numpy() for name, one in found.items()}

    return run


def run_litert(path: Path) -> Run:
    """By LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_path=str(path), num_threads=1)
    runner = interpreter.get_signature_runner(_SIGNATURE)
    return lambda inputs: runner(**inputs)


RUNNERS: dict[str, Callable[[Path], Run]] = {
    "onnx": run_onnx,
    "openvino": run_openvino,
    "saved_model": run_saved_model,
    "litert": run_litert,
}
