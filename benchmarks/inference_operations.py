"""What exporting saves, in operations, and what a second of audio costs, in multiplications.

Before: the operations of the model's own graph in TensorFlow, without the C++ kernels, as it is
traced from features and lengths. After: the nodes that are written for the same network, and for
the whole model, its front-end included.

Multiply-accumulates are those of a written ONNX graph: of convolutions, of matrix products (the
front-end's Fourier transform is two) and of recurrent layers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import helper

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
COUNTED = {"Conv", "MatMul", "Gemm", *_GATES}
# The kinds that the table shows by themselves; those of a graph that are no other kind of
# TensorFlow's or ONNX's are "all others".
KINDS: dict[str, set[str]] = {
    "convolutions": {"Conv", "Conv2D", "DepthwiseConv2dNative"},
    "matrix products": {"MatMul", "BatchMatMulV2", "Gemm", "Einsum"},
    "recurrent layers, loops": {*_GATES, "While", "StatelessWhile", "Loop", "Scan"},
    "products": {"Mul"},
    "sums": {"Add", "AddV2", "BiasAdd", "Sub", "Neg", "Sum"},
    "roots, divisions": {"Rsqrt", "Sqrt", "RealDiv", "Div", "Reciprocal"},
    "activations": {"Relu", "Relu6", "Sigmoid", "Tanh", "Minimum", "Maximum", "Min", "Max",
                    "LogSoftmax"},
    "choices, comparisons": {"Where", "SelectV2", "Less", "GreaterEqual", "LogicalNot"},
}  # fmt: skip

# What holds, hands over or reads numbers, and computes none.
_NOT_COUNTED = {
    "Const", "Identity", "NoOp", "PartitionedCall", "Placeholder", "ReadVariableOp",
    "StatefulPartitionedCall",
}  # fmt: skip


class Products(NamedTuple):
    """Multiply-accumulates of a second of audio.

    Args:
      dense: of convolutions that see all channels.
      depthwise: of those that see one channel each, or a group of them.
      matrices: of matrix products.
      recurrent: of recurrent layers.
    """

    dense: float
    depthwise: float
    matrices: float
    recurrent: float

    @property
    def total(self) -> float:
        """All."""
        return sum(self)


def multiply_accumulates(
    model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]
) -> dict[str, int]:
    """How many numbers a graph multiplies and adds for these inputs, by kind.

    The model is run for the shapes of what it computes on the way. Biases, elementwise operations
    and activations are not counted.

    Args:
      model: with nodes of one domain; it stays as it is.
      inputs: all that it takes.

    Returns:
      "dense", "depthwise" (convolutions in groups), "matrices" and "recurrent".

    Raises:
      ValueError: products are inside a loop, which would have to be counted as often as it turns.
    """
    counted = [node for node in model.graph.node if node.op_type in COUNTED]
    inside = {node.op_type for graph in _bodies(model.graph) for node in graph.node}
    if inside & COUNTED:
        raise ValueError(f"{', '.join(sorted(inside & COUNTED))} in a loop")
    shapes = _shapes(model, counted, inputs)
    found = dict.fromkeys(Products._fields, 0)
    for node in counted:
        kind, count = _products(node, [shapes.get(name, ()) for name in node.input],
                                next(shapes[name] for name in node.output if name))  # fmt: skip
        found[kind] += count
    return found


def _products(
    node: onnx.NodeProto, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> tuple[str, int]:
    """The kind and the multiply-accumulates of a node, by the shapes of its ends."""
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if node.op_type == "Conv":
        # Each output number: all taps of the channels of its group.
        kind = "dense" if attributes.get("group", 1) == 1 else "depthwise"
        return kind, math.prod(output) * math.prod(inputs[1][1:])
    if node.op_type in _GATES:
        steps, batch, size = inputs[0]
        directions, width = inputs[1][0], inputs[1][1] // _GATES[node.op_type]
        per_step = _GATES[node.op_type] * width * (size + width)
        return "recurrent", steps * batch * directions * per_step
    if node.op_type == "Gemm":
        rows = 0 if attributes.get("transA", 0) else 1
        return "matrices", math.prod(output) * inputs[0][rows]
    return "matrices", math.prod(output) * inputs[0][-1]


def _bodies(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """The graphs inside a graph's nodes."""
    own = [one.g for node in graph.node for one in node.attribute if one.HasField("g")]
    return own + [body for one in own for body in _bodies(one)]


def _shapes(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, np.ndarray]
) -> dict[str, tuple[int, ...]]:
    """The shapes of all that goes into some nodes, and comes out of them."""
    shapes = {one.name: tuple(one.dims) for one in model.graph.initializer}
    shapes |= {name: array.shape for name, array in inputs.items()}
    names = {name for node in nodes for name in (*node.input, *node.output) if name}
    wanted = sorted(names - set(shapes))
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    there = {one.name for one in shown.graph.output}
    shown.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in wanted if name not in there
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As it is written: afterwards there are others.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        shown.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    arrays = session.run(wanted, dict(inputs))
    return {**shapes, **{name: array.shape for name, array in zip(wanted, arrays)}}


def products_of_a_second(model: onnx.ModelProto, rate: int, seconds: int = 10) -> Products:
    """The multiply-accumulates of a whole model for a second of audio, in a recording of some."""
    samples = np.random.default_rng(0).normal(0, 0.1, (1, seconds * rate)).astype(np.float32)
    counts = np.array([samples.shape[1]], np.int32)
    found = multiply_accumulates(model, {"samples": samples, "num_samples": counts})
    return Products(**{kind: count / seconds for kind, count in found.items()})


def operations_of_graph(model: onnx.ModelProto) -> Counter[str]:
    """The nodes of an ONNX model, those of loops inside once."""
    nodes = [*model.graph.node, *(node for body in _bodies(model.graph) for node in body.node)]
    return Counter(node.op_type for node in nodes if node.op_type != "Identity")


def operations_of_model(model: Any) -> Counter[str]:
    """TensorFlow's operations of a trained model as it is, from features to log-probabilities.

    As they are traced, before any optimizer, without the C++ kernels; of a loop, those of a step.
    """
    import tensorflow as tf

    from open_seq2seq.ops.portable import portable

    def log_probs(features: Any, lengths: Any) -> Any:
        logits, lengths = model(features, lengths)
        return tf.nn.log_softmax(logits), lengths

    specs = [tf.TensorSpec(*model.inputs_spec), tf.TensorSpec((None,), tf.int32)]
    with portable():
        traced = tf.function(log_probs, autograph=False).get_concrete_function(*specs)
    whole = traced.graph.as_graph_def()
    nodes = [*whole.node, *(node for one in whole.library.function for node in one.node_def)]
    return Counter(node.op for node in nodes if node.op not in _NOT_COUNTED)


def by_kind(counts: Counter[str]) -> dict[str, int]:
    """Operations by `KINDS`, and "all others"."""
    found = {kind: sum(counts[name] for name in names) for kind, names in KINDS.items()}
    return {**found, "all others": counts.total() - sum(found.values())}


def print_operations(networks: Sequence[str]) -> None:
    """The tables of all networks."""
    from benchmarks.inference_models import as_trained, network_alone, untrained
    from open_seq2seq.export.formats.onnx import onnx_model
    from open_seq2seq.export.trained_model import TrainedModel

    products: dict[str, Products] = {}
    for name in networks:
        experiment = untrained(name)
        as_trained(experiment.model)
        model = TrainedModel.of(experiment)
        written = onnx_model(model)
        columns = [
            operations_of_model(model.network),
            operations_of_graph(network_alone(model)),
            operations_of_graph(written),
        ]
        _print_counts(name, columns)
        products[name] = products_of_a_second(written, model.extractor.options.sample_freq)
    _print_products(products)


def _print_counts(name: str, columns: Sequence[Counter[str]]) -> None:
    heads = ("model", "exported", "with front-end")
    print(f"\n{f'operations of {name}':30}" + "".join(f"{head:>16}" for head in heads))
    kinds = [by_kind(one) for one in columns]
    for kind in kinds[0]:
        print(f"{kind:30}" + "".join(f"{one[kind]:16}" for one in kinds))
    print(f"{'all':30}" + "".join(f"{one.total():16}" for one in columns))


def _print_products(products: Mapping[str, Products]) -> None:
    heads = ("convolutions", "depthwise", "matrices", "recurrent", "all")
    title = "millions of multiply-accumulates for a second of audio"
    print(f"\n{title}\n{'':16}" + "".join(f"{head:>16}" for head in heads))
    for name, one in products.items():
        numbers = "".join(f"{number / 1e6:16.1f}" for number in (*one, one.total))
        print(f"{name:16}{numbers}")
