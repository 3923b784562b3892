"""ONNX graphs whose weights are stored in fewer bits, and computed with in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Of float16.
_LARGEST = 65504.0
_INT8 = 127

# A weight -> its stored form, and the nodes that make the weight of it.
_Store = Callable[[onnx.TensorProto], tuple[list[onnx.TensorProto], list[onnx.NodeProto]]]


def store_float16(model: onnx.ModelProto, weights: Iterable[onnx.TensorProto]) -> None:
    """Stores weights as float16, with a Cast beside each.

    Runtimes compute the Casts when they load the model: it is as fast as before.

    Args:
      model: is changed.
      weights: initialisers of its graph; those that float16 cannot hold stay as they are.
    """
    fit = [one for one in weights if np.abs(numpy_helper.to_array(one)).max(initial=0) <= _LARGEST]
    _store(model, fit, _as_float16)


def store_int8(model: onnx.ModelProto, weights: Iterable[onnx.TensorProto]) -> None:
    """Stores weights as int8 with a scale for each row of the last axis, as `store_float16`."""
    _store(model, weights, _as_int8)


def _store(model: onnx.ModelProto, weights: Iterable[onnx.TensorProto], store: _Store) -> None:
    graph = model.graph
    nodes: list[onnx.NodeProto] = []
    for weight in list(weights):
        stored, made = store(weight)
        graph.initializer.remove(weight)
        graph.initializer.extend(stored)
        nodes += made
    everything = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(everything)


def _as_float16(
    weight: onnx.TensorProto,
) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    name = f"{weight.name}_float16"
    values = numpy_helper.to_array(weight).astype(np.float16)
    cast = _cast(name, weight.name)
    return [numpy_helper.from_array(values, name)], [cast]


def _as_int8(weight: onnx.TensorProto) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    # Not DequantizeLinear: ONNX Runtime would compute that for each recording.
    values = numpy_helper.to_array(weight)
    scale = np.abs(values).max(axis=-1, keepdims=True) / np.float32(_INT8)
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    whole = np.rint(values / scale).astype(np.int8)
    name, scales = f"{weight.name}_int8", f"{weight.name}_scale"
    stored = [numpy_helper.from_array(whole, name), numpy_helper.from_array(scale, scales)]
    cast = _cast(name, f"{name}_cast")
    scaled = helper.make_node("Mul", [f"{name}_cast", scales], [weight.name], name=f"{name}_scaled")
    return stored, [cast, scaled]


def _cast(source: str, result: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [result], name=f"{source}_cast", to=TensorProto.FLOAT)
