"""Files of LiteRT, read to be changed and written again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from open_seq2seq.export.trained_model import NETWORK

_IDENTIFIER = b"TFL3"
# Bytes: where kernels expect numbers to begin.
_ALIGNMENT = 16
# Where the weights of an operation are among its inputs.
_WEIGHTS = 1
_CHANNEL_AXES = {
    schema.BuiltinOperator.CONV_2D: 0,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    schema.BuiltinOperator.FULLY_CONNECTED: 0,
}


@dataclass(frozen=True)
class Product:
    """An operation that multiplies with weights.

    Args:
      subgraph: the graph that it is in; that of a loop is not the first one.
      tensor: its weights, float32.
      is_depthwise: whether it is a depthwise convolution.
      is_in_loop: whether it is in the body of a loop.
      channel_axis: the axis of the weights that is the outputs'.
    """

    subgraph: Any
    tensor: Any
    is_depthwise: bool
    is_in_loop: bool
    channel_axis: int

    @property
    def name(self) -> str:
        """The name of the weights: `network/Conv2D_3`."""
        return str(self.tensor.name.decode())


class LiteRTFile:
    """A model as objects of LiteRT's schema.

    Args:
      content: of the file.
    """

    def __init__(self, content: bytes):
        self.model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
        self.model.buffers = [_Buffer(one.data) for one in self.model.buffers]

    def products(self) -> list[Product]:
        """The operations of the network (not of the front-end) that multiply with weights.

        Those of loops are behind all others; apart from that, in the order of the graph.
        """
        return [one for number, graph in enumerate(self.model.subgraphs)
                for one in self._products(graph, number > 0)]  # fmt: skip

    def _products(self, graph: Any, is_in_loop: bool) -> Iterator[Product]:
        for operation in graph.operators:
            kind = self._kind(operation)
            if kind not in _CHANNEL_AXES:
                continue
            tensor = graph.tensors[operation.inputs[_WEIGHTS]]
            is_known = tensor.type == schema.TensorType.FLOAT32 and self._data(tensor) is not None
            if is_known and tensor.name.decode().startswith(f"{NETWORK}/"):
                is_depthwise = kind == schema.BuiltinOperator.DEPTHWISE_CONV_2D
                yield Product(graph, tensor, is_depthwise, is_in_loop, _CHANNEL_AXES[kind])

    def _kind(self, operation: Any) -> int:
        code = self.model.operatorCodes[operation.opcodeIndex]
        # Old readers look for the first 127 at one place, for the others at another.
        return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))

    def _data(self, tensor: Any) -> np.ndarray | None:
        data = self.model.buffers[tensor.buffer].data
        return None if data is None or len(data) == 0 else np.asarray(data, np.uint8)

    def values(self, tensor: Any) -> np.ndarray:
        """The numbers of a constant float32 tensor."""
        data = self._data(tensor)
        assert data is not None
        return data.view(np.float32).reshape(tensor.shape)

    def add_buffer(self, values: np.ndarray) -> int:
        """Keeps numbers, and returns the place of their buffer."""
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self.model.buffers.append(_Buffer(data))
        return len(self.model.buffers) - 1

    def operator_code(self, kind: int) -> int:
        """The place of an operator in the model's list, where it is put if it is not there."""
        for place, code in enumerate(self.model.operatorCodes):
            if max(int(code.builtinCode), int(code.deprecatedBuiltinCode)) == kind:
                return place
        code = schema.OperatorCodeT()
        code.builtinCode = kind
        code.deprecatedBuiltinCode = min(kind, 127)
        code.version = 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def content(self) -> bytes:
        """The bytes of the changed file."""
        used = {tensor.buffer for graph in self.model.subgraphs for tensor in graph.tensors}
        used |= {one.buffer for one in self.model.metadata or []}
        for place, buffer in enumerate(self.model.buffers):
            if place not in used:
                buffer.data = None
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())


class _Buffer(schema.BufferT):
    """A buffer whose numbers begin where kernels expect it: the schema's class writes anywhere."""

    def Pack(self, builder: Any) -> Any:
        place = None
        if self.data is not None and len(self.data):
            content = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(content), _ALIGNMENT)
            builder.head = builder.Head() - len(content)
            builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
            place = builder.EndVector()
        schema.BufferStart(builder)
        if place is not None:
            schema.BufferAddData(builder, place)
        return schema.BufferEnd(builder)
