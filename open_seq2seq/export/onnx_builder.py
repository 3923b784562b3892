"""Graphs written as ONNX, node by node.

Converters from TensorFlow to ONNX are silently wrong on rounded-up divisions and on loops, and
keep what should be folded; here each node is chosen. The operators are those of opset 18, which
ONNX Runtime, OpenVINO and TensorRT know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from open_seq2seq.export.onnx_recurrence import recur, recur_on
from open_seq2seq.graphs.builder import Operand, Recurrence, Reduction, Size, Step, Unary, Value

OPSET, IR_VERSION = 18, 9
_TYPES = {"float": TensorProto.FLOAT, "whole": TensorProto.INT64, "bool": TensorProto.BOOL}
_DTYPES = {"float": np.float32, "whole": np.int64, "bool": np.bool_}


@dataclass(frozen=True)
class OnnxValue:
    """A tensor of the graph.

    Args:
      name: of its edge.
      shape: of the library's layout, `[batch, time, ..., channel]`; None where it is not known.
      kind: "float", "whole" or "bool".
      channels_first: whether the tensor lies as convolutions take it: `[batch, channel, time,
        width]`, and without a width as an image of one row, `[batch, channel, 1, time]`. (For these
        ONNX Runtime has kernels that are three to four times as fast on depthwise convolutions as
        those for one axis.)
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str = "float"
    channels_first: bool = False


class OnnxBuilder:
    """Writes ONNX nodes; see `GraphBuilder`. Whole numbers are int64.

    Values stay in the layout of convolutions from one to the next; they are transposed only
    where an operation needs it.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[Any, str] = {}
        self._transposed: dict[tuple[str, bool], OnnxValue] = {}
        self._scope = ""

    # --- a graph's ends

    def input(self, name: str, dtype: Any, shape: Sequence[int | str]) -> OnnxValue:
        """An input of the graph; sizes with a name are any."""
        kind = "float" if np.dtype(dtype) == np.float32 else "whole"
        elements = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, elements, list(shape)))
        known = tuple(one if isinstance(one, int) else None for one in shape)
        if np.dtype(dtype) == np.int32:
            name = self.node("Cast", [name], to=TensorProto.INT64)
        return OnnxValue(name, known, kind)

    def model(
        self, outputs: Sequence[tuple[str, Value, Any, Sequence[int | str]]], doc: str = ""
    ) -> onnx.ModelProto:
        """The finished graph.

        Args:
          outputs: name, value, NumPy type and shape (sizes with a name are any) of each.
          doc: what it is, in words.
        """
        infos = []
        for name, value, dtype, shape in outputs:
            elements = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
            last = self._last(value)
            if np.dtype(dtype) == np.int32:
                self.nodes.append(helper.make_node("Cast", [last.name], [name], to=elements))
            else:
                self.nodes.append(helper.make_node("Identity", [last.name], [name]))
            infos.append(helper.make_tensor_value_info(name, elements, list(shape)))
        graph = helper.make_graph(self.nodes, "recogniser", self.inputs, infos, self.initializers)
        graph.doc_string = doc
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        model.producer_name = "open_seq2seq"
        onnx.checker.check_model(model, full_check=True)
        return model

    # --- nodes and constants

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """See `GraphBuilder`: `front_end/matmul_3`."""
        outer, self._scope = self._scope, f"{self._scope}{name}/"
        try:
            yield
        finally:
            self._scope = outer

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Writes a node of one output and returns its name."""
        name = f"{self._scope}{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, array: np.ndarray, kind: str = "float") -> str:
        """A constant's name; equal ones are kept once."""
        array = np.ascontiguousarray(array, _DTYPES[kind]).reshape(np.shape(array))
        key = (kind, array.shape, hashlib.blake2b(array.tobytes()).digest())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = name
            self.initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def _whole(self, *sizes: Size) -> str:
        """`[size]` whole numbers as a tensor of one axis."""
        if all(isinstance(one, (int, np.integer)) for one in sizes):
            return self.constant(np.array(sizes, np.int64), "whole")
        zero = self.constant(np.zeros(1), "whole")
        parts = [
            self.constant(np.array([one]), "whole")
            if isinstance(one, (int, np.integer))
            else self.node("Unsqueeze", [one.name, zero])
            for one in sizes
        ]
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, axis=0)

    def _cast(self, value: OnnxValue, kind: str) -> OnnxValue:
        if value.kind == kind:
            return value
        name = self.node("Cast", [value.name], to=_TYPES[kind])
        return OnnxValue(name, value.shape, kind, value.channels_first)

    # --- layouts

    def _last(self, value: OnnxValue) -> OnnxValue:
        """In the library's layout."""
        return self._laid(value, False) if value.channels_first else value

    def _first(self, value: OnnxValue) -> OnnxValue:
        """In the layout of convolutions."""
        return value if value.channels_first else self._laid(value, True)

    def _laid(self, value: OnnxValue, channels_first: bool) -> OnnxValue:
        key = (value.name, channels_first)
        if key not in self._transposed:
            name, is_row = value.name, len(value.shape) == 3
            # Transposed as images: ONNX Runtime does it together with its own change of layout.
            row = self._whole(1)
            if is_row and channels_first:
                name = self.node("Unsqueeze", [name, row])
            order = [0, 3, 1, 2] if channels_first else [0, 2, 3, 1]
            name = self.node("Transpose", [name], perm=order)
            if is_row and not channels_first:
                name = self.node("Squeeze", [name, row])
            self._transposed[key] = OnnxValue(name, value.shape, value.kind, channels_first)
        return self._transposed[key]

    def _axis(self, value: OnnxValue, axis: int) -> int:
        """Where an axis of the library's layout lies in the tensor."""
        rank = len(value.shape)
        axis %= rank
        if not value.channels_first or axis == 0:
            return axis
        if axis == rank - 1:
            return 1
        return 3 if rank == 3 else axis + 1

    def _rank(self, value: OnnxValue) -> int:
        """How many axes the tensor has."""
        return 4 if value.channels_first else len(value.shape)

    def _aligned(self, *operands: Operand) -> tuple[list[str], OnnxValue]:
        """The names of operands that broadcast, and a pattern of the result."""
        values = [one for one in operands if isinstance(one, OnnxValue)]
        first = any(one.channels_first for one in values)
        kinds = [one.kind for one in values if one.kind != "bool"]
        kind = kinds[0] if kinds else "float"
        if not values or not kinds:
            wholes = all(isinstance(one, (int, np.integer)) for one in operands
                         if not isinstance(one, OnnxValue))  # fmt: skip
            kind = "whole" if wholes else "float"
        rank = max(len(_shape(one)) for one in operands)
        names = [self._operand(one, rank, first, kind) for one in operands]
        shape = _broadcast([_shape(one) for one in operands])
        return names, OnnxValue("", shape, kind, first)

    def _operand(self, one: Operand, rank: int, channels_first: bool, kind: str) -> str:
        if isinstance(one, OnnxValue):
            if channels_first and len(one.shape) not in (0, rank):
                missing = rank - len(one.shape)
                axes = self._whole(*range(missing))
                name = self.node("Unsqueeze", [self._last(one).name, axes])
                one = OnnxValue(name, (1,) * missing + one.shape, one.kind)
            return self._first(one).name if channels_first and one.shape else one.name
        array = np.asarray(one)
        if channels_first and array.ndim:
            array = array.reshape((1,) * (rank - array.ndim) + array.shape)
            array = np.moveaxis(array, -1, 1)
            array = array[:, :, None] if rank == 3 else array
        return self.constant(array, kind)

    # --- numbers

    def size(self, x: OnnxValue, axis: int) -> Size:
        known = x.shape[axis]
        if known is not None:
            return known
        shape = self.node("Shape", [x.name])
        place = self.constant(np.array(self._axis(x, axis)), "whole")
        return OnnxValue(self.node("Gather", [shape, place], axis=0), (), "whole")

    def arange(self, count: Size) -> Value:
        if isinstance(count, (int, np.integer)):
            return OnnxValue(self.constant(np.arange(count), "whole"), (int(count),), "whole")
        zero, one = (self.constant(np.array(number), "whole") for number in (0, 1))
        return OnnxValue(self.node("Range", [zero, count.name, one]), (None,), "whole")

    def floor_divide(self, a: Operand, b: int) -> Value:
        if isinstance(a, (int, np.integer)):
            return int(a) // b
        return self._binary("Div", a, b)

    def to_float(self, x: Operand) -> Value:
        return float(x) if isinstance(x, (int, np.integer)) else self._cast(x, "float")

    def to_whole(self, x: Operand) -> Value:
        return self._cast(x, "whole")

    def _binary(self, operator: str, a: Operand, b: Operand) -> OnnxValue:
        names, like = self._aligned(a, b)
        return OnnxValue(self.node(operator, names), like.shape, like.kind, like.channels_first)

    def add(self, a: Operand, b: Operand) -> Value:
        return int(a + b) if _wholes(a, b) else self._binary("Add", a, b)

    def subtract(self, a: Operand, b: Operand) -> Value:
        return int(a - b) if _wholes(a, b) else self._binary("Sub", a, b)

    def multiply(self, a: Operand, b: Operand) -> Value:
        return int(a * b) if _wholes(a, b) else self._binary("Mul", a, b)

    def divide(self, a: Operand, b: Operand) -> Value:
        return self._binary("Div", a, b)

    def maximum(self, a: Operand, b: Operand) -> Value:
        return max(a, b) if _wholes(a, b) else self._binary("Max", a, b)

    def minimum(self, a: Operand, b: Operand) -> Value:
        return min(a, b) if _wholes(a, b) else self._binary("Min", a, b)

    def less(self, a: Operand, b: Operand) -> Value:
        names, like = self._aligned(a, b)
        return OnnxValue(self.node("Less", names), like.shape, "bool", like.channels_first)

    def select(self, condition: OnnxValue, a: Operand, b: Operand) -> Value:
        names, like = self._aligned(condition, a, b)
        return OnnxValue(self.node("Where", names), like.shape, like.kind, like.channels_first)

    def unary(self, kind: Unary, x: OnnxValue) -> Value:
        if kind == "square":
            name = self.node("Mul", [x.name, x.name])
        elif kind == "trunc":
            floor = self.node("Floor", [self.node("Abs", [x.name])])
            name = self.node("Mul", [self.node("Sign", [x.name]), floor])
        else:
            name = self.node(kind.capitalize(), [x.name])
        return OnnxValue(name, x.shape, x.kind, x.channels_first)

    # --- shapes

    def reshape(self, x: Value, shape: Sequence[Size]) -> Value:
        if isinstance(x, (int, np.integer)):
            return OnnxValue(self.constant(np.full(shape, x), "whole"), tuple(shape), "whole")
        known = tuple(
            int(one) if isinstance(one, (int, np.integer)) and one >= 0 else None for one in shape
        )
        name = self.node("Reshape", [self._last(x).name, self._whole(*shape)])
        return OnnxValue(name, known, x.kind)

    def expand_dims(self, x: OnnxValue, axis: int) -> Value:
        x = self._last(x)
        name = self.node("Unsqueeze", [x.name, self._whole(axis)])
        return OnnxValue(name, (*x.shape[:axis], 1, *x.shape[axis:]), x.kind)

    def transpose(self, x: OnnxValue, axes: Sequence[int]) -> Value:
        x = self._last(x)
        name = self.node("Transpose", [x.name], perm=list(axes))
        return OnnxValue(name, tuple(x.shape[axis] for axis in axes), x.kind)

    def concatenate(self, values: Sequence[Operand], axis: int) -> Value:
        values = [self._constant_value(one) for one in values]
        first = any(one.channels_first for one in values)
        values = [self._first(one) if first else one for one in values]
        names = [one.name for one in values]
        name = self.node("Concat", names, axis=self._axis(values[0], axis))
        shape = list(_merged([one.shape for one in values]))
        sizes = [one.shape[axis] for one in values]
        shape[axis] = None if None in sizes else sum(one for one in sizes if one is not None)
        return OnnxValue(name, tuple(shape), values[0].kind, first)

    def _constant_value(self, one: Operand) -> OnnxValue:
        if isinstance(one, OnnxValue):
            return one
        array = np.asarray(one)
        kind = "float" if np.issubdtype(array.dtype, np.floating) else "whole"
        return OnnxValue(self.constant(array, kind), array.shape, kind)

    def pad(self, x: OnnxValue, axis: int, before: Size, after: Size) -> Value:
        if _wholes(before, after) and before == after == 0:
            return x
        rank, place = self._rank(x), self._axis(x, axis)
        widths: list[Size] = [0] * (2 * rank)
        widths[place], widths[place + rank] = before, after
        name = self.node("Pad", [x.name, self._whole(*widths)])
        shape = list(x.shape)
        known = shape[axis]
        shape[axis] = (
            known + before + after if known is not None and _wholes(before, after) else None
        )
        return OnnxValue(name, tuple(shape), x.kind, x.channels_first)

    def cut(self, x: OnnxValue, axis: int, start: Size, stop: Size | None, step: int = 1) -> Value:
        end = np.iinfo(np.int64).max if stop is None else stop
        places = [self._whole(start), self._whole(end), self._whole(self._axis(x, axis))]
        name = self.node("Slice", [x.name, *places, self._whole(step)])
        shape = list(x.shape)
        known = shape[axis]
        shape[axis] = None  # what is cut to a known length may be shorter
        if known is not None and _wholes(start, end):
            shape[axis] = len(range(known)[start:stop:step])
        return OnnxValue(name, tuple(shape), x.kind, x.channels_first)

    def reverse(self, x: OnnxValue, axis: int) -> Value:
        ends = [self._whole(-1), self._whole(np.iinfo(np.int64).min)]
        places = [*ends, self._whole(self._axis(x, axis)), self._whole(-1)]
        name = self.node("Slice", [x.name, *places])
        return OnnxValue(name, x.shape, x.kind, x.channels_first)

    def take(self, x: Operand, indices: Operand, axis: int) -> Value:
        x, indices = self._constant_value(x), self._constant_value(indices)
        name = self.node("Gather", [x.name, indices.name], axis=self._axis(x, axis))
        shape = list(x.shape)
        shape[axis] = indices.shape[0]
        return OnnxValue(name, tuple(shape), x.kind, x.channels_first)

    def take_in_rows(self, x: OnnxValue, indices: OnnxValue) -> Value:
        name = self.node("GatherElements", [x.name, indices.name], axis=1)
        return OnnxValue(name, indices.shape, x.kind)

    def put_in_rows(self, x: OnnxValue, indices: OnnxValue, values: OnnxValue) -> Value:
        names = [x.name, indices.name, values.name]
        return OnnxValue(self.node("ScatterElements", names, axis=1), x.shape, x.kind)

    def tile(self, x: Operand, axis: int, count: Size) -> Value:
        x = self._constant_value(x)
        counts: list[Size] = [1] * self._rank(x)
        counts[self._axis(x, axis)] = count
        name = self.node("Tile", [x.name, self._whole(*counts)])
        shape = list(x.shape)
        known = shape[axis]
        shape[axis] = known * count if known is not None and _wholes(count) else None
        return OnnxValue(name, tuple(shape), x.kind, x.channels_first)

    def by_frames(self, x: OnnxValue) -> Value:
        return self._last(x)

    def as_frames(self, x: OnnxValue) -> Value:
        assert not x.channels_first
        batch, channels, time = x.shape
        row = self.node("Unsqueeze", [x.name, self._whole(2)])
        return OnnxValue(row, (batch, time, channels), x.kind, channels_first=True)

    # --- over axes

    def reduce(self, kind: Reduction, x: OnnxValue, axes: Sequence[int]) -> Value:
        places = self._whole(*(self._axis(x, axis) for axis in axes))
        name = self.node(f"Reduce{kind.capitalize()}", [x.name, places], keepdims=1)
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
        return OnnxValue(name, shape, x.kind, x.channels_first)

    def largest(self, x: OnnxValue, place: int) -> Value:
        inputs = [x.name, self._whole(place)]
        name = f"{self._scope}topk_{len(self.nodes)}"
        values, indices = f"{name}_values", f"{name}_indices"
        self.nodes.append(helper.make_node("TopK", inputs, [values, indices], name=name, axis=1))
        return self.cut(OnnxValue(values, (x.shape[0], place), x.kind), 1, place - 1, None)

    # --- networks

    def matmul(self, a: Operand, b: Operand) -> Value:
        a, b = (self._last(self._constant_value(one)) for one in (a, b))
        rank = max(len(a.shape), len(b.shape))
        before = _broadcast([a.shape[:-2], b.shape[:-2]])
        assert len(before) == rank - 2
        shape = (*before, a.shape[-2], b.shape[-1])
        return OnnxValue(self.node("MatMul", [a.name, b.name]), shape)

    def dense(self, x: OnnxValue, kernel: np.ndarray, bias: np.ndarray | None = None) -> Value:
        if x.channels_first:  # the same as a convolution, without a transposition before it
            return self.convolve(x, kernel[None], bias, (1,), (1,), ((0, 0),))
        name = self.node("MatMul", [x.name, self.constant(kernel)])
        if bias is not None:
            name = self.node("Add", [name, self.constant(bias)])
        return OnnxValue(name, (*x.shape[:-1], kernel.shape[1]))

    def convolve(
        self,
        x: OnnxValue,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        stride: Sequence[int],
        dilation: Sequence[int],
        padding: Sequence[tuple[int, int]],
    ) -> Value:
        weights = np.transpose(kernel, (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2)))
        return self._convolve(x, weights, bias, stride, dilation, padding)

    def convolve_depthwise(
        self, x: OnnxValue, kernel: np.ndarray, stride: int, dilation: int, padding: tuple[int, int]
    ) -> Value:
        weights = kernel.T[:, None]
        return self._convolve(
            x, weights, None, (stride,), (dilation,), (padding,), group=kernel.shape[1]
        )

    def _convolve(
        self,
        x: OnnxValue,
        weights: np.ndarray,
        bias: np.ndarray | None,
        stride: Sequence[int],
        dilation: Sequence[int],
        padding: Sequence[tuple[int, int]],
        group: int = 1,
    ) -> OnnxValue:
        x = self._first(x)
        axes = zip(x.shape[1:-1], weights.shape[2:], stride, dilation, padding)
        sizes = [_convolved(*axis) for axis in axes]
        if len(x.shape) == 3:
            weights = weights[:, :, None]
            stride, dilation, padding = (1, *stride), (1, *dilation), ((0, 0), *padding)
        names = [x.name, self.constant(weights)]
        names += [] if bias is None else [self.constant(bias)]
        name = self.node(
            "Conv",
            names,
            group=group,
            kernel_shape=list(weights.shape[2:]),
            strides=list(stride),
            dilations=list(dilation),
            pads=[one for one, _ in padding] + [other for _, other in padding],
        )
        return OnnxValue(name, (x.shape[0], *sizes, weights.shape[0]), channels_first=True)

    def recur(
        self, x: OnnxValue, directions: Sequence[Recurrence], lengths: OnnxValue | None
    ) -> list[Value]:
        x = self._last(x)
        name = self.node("Transpose", [x.name], perm=[1, 0, 2])
        outputs = recur(self, name, directions, None if lengths is None else lengths.name)
        shape = (*x.shape[:2], directions[0].units)
        return [OnnxValue(self.node("Transpose", [one], perm=[1, 0, 2]), shape) for one in outputs]

    def recur_on(
        self,
        x: OnnxValue,
        direction: Recurrence,
        states: Sequence[OnnxValue],
        inside: OnnxValue | None = None,
    ) -> tuple[Value, list[Value]]:
        x = self._last(x)
        name = self.node("Transpose", [x.name], perm=[1, 0, 2])
        mask = None
        if inside is not None:
            mask = self.node("Transpose", [self._last(inside).name], perm=[1, 0, 2])
        outputs, ends = recur_on(self, name, direction, [one.name for one in states], mask)
        name = self.node("Transpose", [outputs], perm=[1, 0, 2])
        found = OnnxValue(name, (*x.shape[:2], direction.units))
        return found, [OnnxValue(one, (x.shape[0], direction.units)) for one in ends]

    def scan(
        self,
        step: Step,
        states: Sequence[int],
        sequences: Sequence[OnnxValue],
        backward: bool = False,
    ) -> list[Value]:
        sequences = [self._last(one) for one in sequences]
        batch = self.node("Shape", [sequences[0].name], start=0, end=1)
        prefix = f"{self._scope}scan_{len(self.nodes)}"
        zero = numpy_helper.from_array(np.zeros(1, np.float32))
        starts = [
            self.node(
                "ConstantOfShape",
                [self.node("Concat", [batch, self._whole(1, dim)], axis=0)],
                value=zero,
            )
            for dim in states
        ]
        frames = [self.node("Transpose", [one.name], perm=[1, 0, 2]) for one in sequences]
        body, counts = self._scan_body(prefix, step, states, [one.shape for one in sequences])
        ends = [f"{prefix}_end_{number}" for number in range(len(states))]
        outputs = [f"{prefix}_output_{number}" for number in range(len(counts))]
        direction = int(backward)
        self.nodes.append(
            helper.make_node(
                "Scan",
                [*starts, *frames],
                [*ends, *outputs],
                name=prefix,
                body=body,
                num_scan_inputs=len(frames),
                scan_input_directions=[direction] * len(frames),
                scan_output_directions=[direction] * len(outputs),
            )
        )
        shape = sequences[0].shape[:2]
        return [
            OnnxValue(self.node("Transpose", [one], perm=[1, 0, 2]), (*shape, dim))
            for one, dim in zip(outputs, counts)
        ]

    def _scan_body(
        self,
        prefix: str,
        step: Step,
        states: Sequence[int],
        shapes: Sequence[tuple[int | None, ...]],
    ) -> tuple[onnx.GraphProto, list[int | None]]:
        """The graph of one frame, whose values are `[batch, 1, dim]` inside; constants stay out."""
        outside, self.nodes = self.nodes, []
        # A name that is written in the body is not there outside of it.
        transposed, self._transposed = self._transposed, {}
        with self.scope(f"{prefix}_body"):
            kept = [f"{prefix}_state_{number}" for number in range(len(states))]
            read = [f"{prefix}_frame_{number}" for number in range(len(shapes))]
            values = [OnnxValue(one, (None, 1, dim)) for one, dim in zip(kept, states)]
            axis = self._whole(1)
            frames = [
                OnnxValue(self.node("Unsqueeze", [one, axis]), (None, 1, shape[-1]))
                for one, shape in zip(read, shapes)
            ]
            news, outputs = step(list(frames), list(values))
            new_names = [self.node("Identity", [self._last(one).name]) for one in news]
            names = [self.node("Squeeze", [self._last(one).name, axis]) for one in outputs]
        nodes, self.nodes, self._transposed = self.nodes, outside, transposed
        kind = TensorProto.FLOAT
        dims = [one.shape[-1] for one in outputs]

        def info(name: str, *shape: int | str | None) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, kind, list(shape))

        graph = helper.make_graph(
            nodes,
            f"{prefix}_body",
            [
                *(info(one, "batch", 1, dim) for one, dim in zip(kept, states)),
                *(info(one, "batch", shape[-1]) for one, shape in zip(read, shapes)),
            ],
            [
                *(info(one, "batch", 1, dim) for one, dim in zip(new_names, states)),
                *(info(one, "batch", dim) for one, dim in zip(names, dims)),
            ],
        )
        return graph, dims

    def log_softmax(self, x: OnnxValue) -> Value:
        x = self._last(x)
        return OnnxValue(self.node("LogSoftmax", [x.name], axis=-1), x.shape)


def _convolved(
    size: int | None, taps: int, stride: int, dilation: int, zeros: tuple[int, int]
) -> int | None:
    """The size of an axis after a convolution."""
    span = (taps - 1) * dilation
    return None if size is None else (size + sum(zeros) - span - 1) // stride + 1


def _wholes(*sizes: Operand) -> bool:
    return all(isinstance(one, (int, np.integer)) for one in sizes)


def _shape(one: Operand) -> tuple[int | None, ...]:
    return one.shape if isinstance(one, OnnxValue) else np.shape(one)


def _broadcast(shapes: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """NumPy's rule; an unknown size stays unknown unless another one is known and not 1."""
    rank = max(len(one) for one in shapes)
    filled = [(1,) * (rank - len(one)) + one for one in shapes]
    return tuple(_one_size([one for one in sizes if one != 1]) for sizes in zip(*filled))


def _merged(shapes: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """Of shapes that agree: what any of them knows."""
    return tuple(next((one for one in sizes if one is not None), None) for sizes in zip(*shapes))


def _one_size(sizes: Sequence[int | None]) -> int | None:
    if not sizes:
        return 1
    known = [one for one in sizes if one is not None]
    return known[0] if known else None
