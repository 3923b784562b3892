"""Networks run as graphs, by every runtime."""

import numpy as np

from open_seq2seq.interop.kaldi.graph import build
from open_seq2seq.interop.kaldi.keras_model import KerasNetwork


def run_keras(network, inputs):
    """By `keras.ops`, with variables."""
    return KerasNetwork(network)(inputs)


def onnx_model(network):
    """The graph as ONNX."""
    from open_seq2seq.export.onnx_builder import OnnxBuilder

    g = OnnxBuilder()
    values = {}
    for one in network.inputs:
        shape = ("batch", one.dim) if one.per_utterance else ("batch", "time", one.dim)
        values[one.name] = g.input(one.name, np.float32, shape)
    found = build(g, network, values)
    outputs = network.outputs
    return g.model(
        [(one.name, found[one.name], np.float32, ("batch", "rows", one.dim)) for one in outputs]
    )


def run_onnx(network, inputs):
    """By ONNX Runtime."""
    import onnxruntime

    content = onnx_model(network).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [one.name for one in network.outputs]
    return dict(zip(names, session.run(names, dict(inputs))))


def run_openvino(network, inputs):
    """By OpenVINO, in float32."""
    import openvino

    model = openvino.Core().read_model(onnx_model(network).SerializeToString())
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(dict(inputs))
    return {one.name: found[one.name] for one in network.outputs}


def _function(network, batch):
    import tensorflow as tf

    from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder

    g = TensorFlowBuilder(batch=batch)

    def scores(inputs):
        found = build(g, network, {name: g.value(one) for name, one in inputs.items()})
        return {name: g.tensor(one) for name, one in found.items()}

    signature = {
        one.name: tf.TensorSpec(
            (batch, one.dim) if one.per_utterance else (batch, None, one.dim), name=one.name
        )
        for one in network.inputs
    }
    return tf.function(scores, input_signature=[signature])


def run_tensorflow(network, inputs):
    """By a `tf.function` of any batch and length."""
    return _function(network, None)(dict(inputs))


RUNNERS = {
    "keras": run_keras,
    "onnx": run_onnx,
    "openvino": run_openvino,
    "tensorflow": run_tensorflow,
}
