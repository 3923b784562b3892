"""Every builder of graphs, as a function that computes a small graph with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime
import tensorflow as tf

from open_seq2seq.export.onnx_builder import OnnxBuilder
from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder
from open_seq2seq.graphs.keras_builder import KerasBuilder

# (builder, values of the inputs) -> the values to compare.
Graph = Callable[..., Sequence[Any]]


def with_keras(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    values = [tf.constant(one) for one in inputs]
    return [np.asarray(one) for one in graph(KerasBuilder(), *values)]


def with_tensorflow(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Traced with unknown sizes, as an exported graph is."""
    return _traced(graph, inputs, TensorFlowBuilder())


def with_pieces(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The same with depthwise kernels in pieces."""
    return _traced(graph, inputs, TensorFlowBuilder(depthwise_taps=3))


def _traced(graph: Graph, inputs: Sequence[np.ndarray], g: TensorFlowBuilder) -> list[np.ndarray]:
    specs = [tf.TensorSpec(_any(one), one.dtype) for one in inputs]

    @tf.function(input_signature=specs, autograph=False)
    def computed(*tensors: Any) -> Any:
        return [g.tensor(one) for one in graph(g, *map(g.value, tensors))]

    return [one.numpy() for one in computed(*inputs)]


def with_onnx(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    g = OnnxBuilder()
    names = [f"input{number}" for number in range(len(inputs))]
    values = []
    for name, one in zip(names, inputs):
        shape = [f"{name}_{axis}" if size is None else size for axis, size in enumerate(_any(one))]
        values.append(g.input(name, one.dtype, shape))
    outputs = [
        (f"output{number}", value, np.float32 if value.kind == "float" else np.int32,
         [f"o{number}_{axis}" for axis in range(len(value.shape))])
        for number, value in enumerate(graph(g, *values))
    ]  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        g.model(outputs).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, dict(zip(names, inputs)))


def _any(one: np.ndarray) -> list[int | None]:
    """Batch and time are any; the other sizes are known."""
    return [None if axis < 2 else size for axis, size in enumerate(one.shape)]


BACKENDS = {
    "keras": with_keras,
    "tensorflow": with_tensorflow,
    "tensorflow in pieces": with_pieces,
    "onnx": with_onnx,
}
