"""The floor of a training step: a model's matrix products, and how fast this machine multiplies.

A kernel of a dense layer, a convolution or a recurrent layer is a matrix of `prod(shape[:-1])`
rows and `shape[-1]` columns; each position of its layer's output costs a multiplication and an
addition for each of its numbers. Training needs that product, one as large for the kernel's
gradient, and one for the inputs' gradient, but not where the inputs are the features. A recurrent
layer's products over time count as one large product, over the padding too. Normalization,
activations, dropout, the loss and the update are no products; depthwise kernels are counted apart.
Products of two layers' outputs, as in attention, are not counted.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from unittest import mock

import keras
import numpy as np

from open_seq2seq.layers.row_convolution import RowConvolution

# Side of the large square matrices: the most that this machine does.
SQUARE = 2048
# Matrices of more rows are multiplied as fast, and convolutions would need much memory as such.
MOST_POSITIONS = 4096
_DEPTHWISE = (RowConvolution, keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
# Rows, inner size, columns.
Shape = tuple[int, int, int]


class Kernel(NamedTuple):
    """A kernel at work on one batch.

    Args:
      name: the variable's path.
      positions: batch times output frames (times width).
      inputs, outputs: rows and columns of the kernel as a matrix.
      dtype: what it is multiplied in.
      depthwise: each channel by itself, no matrix product.
      products: in training; 2 where the inputs are the features.
    """

    name: str
    positions: int
    inputs: int
    outputs: int
    dtype: str
    depthwise: bool = False
    products: int = 3

    @property
    def flops(self) -> float:
        """Of all its products in training."""
        return 2.0 * self.positions * self.inputs * self.outputs * self.products

    @property
    def shapes(self) -> list[Shape]:
        """Of the outputs, the kernel's gradient and the inputs' gradient, as products."""
        rows, inner, columns = self.positions, self.inputs, self.outputs
        all_ = [(rows, inner, columns), (inner, rows, columns), (rows, columns, inner)]
        return all_[: self.products]


def model_kernels(model: Any, batch: int, frames: int) -> list[Kernel]:
    """The kernels of a model at work on features `[batch, frames, feature]`.

    The model is called with one utterance of zeros, so layers of any kind are found, with the
    output frames that they really have.

    Args:
      model: called as `model(features, lengths)`; it has a `num_features`.
    """
    features = np.zeros((1, frames, model.num_features), np.float32)
    lengths = np.array([frames], np.int32)
    found = called_kernels(lambda: model(features, lengths, training=False))
    return [kernel._replace(positions=kernel.positions * batch) for kernel in found]


def called_kernels(call: Callable[[], Any]) -> list[Kernel]:
    """The kernels of the layers that `call` calls, in their order.

    A kernel belongs to the innermost called layer that has it. Those of the first layer are
    taken to read the features, but not its recurrent and pointwise ones.
    """
    calls = _calls(call)
    # Inner layers have fewer variables than those around them.
    owner: dict[int, Any] = {}
    for layer, _ in sorted(calls, key=lambda pair: -len(pair[0].trainable_variables)):
        owner |= {id(variable): layer for variable in layer.trainable_variables}
    found: list[Kernel] = []
    for layer, positions in calls:
        own = [v for v in layer.trainable_variables if owner[id(v)] is layer and _is_kernel(v)]
        found += [_kernel(v, layer, positions, reads_features=not found) for v in own]
    return found


def _kernel(variable: Any, layer: Any, positions: int, reads_features: bool) -> Kernel:
    name = variable.name
    reads_features = reads_features and "recurrent" not in name and "pointwise" not in name
    return Kernel(
        variable.path,
        positions,
        inputs=math.prod(variable.shape[:-1]),
        outputs=variable.shape[-1],
        dtype=str(layer.compute_dtype),
        depthwise="depthwise" in name or isinstance(layer, _DEPTHWISE),
        products=2 if reads_features else 3,
    )


def _is_kernel(variable: Any) -> bool:
    return "kernel" in variable.name and len(variable.shape) >= 2


def _calls(call: Callable[[], Any]) -> list[tuple[Any, int]]:
    """The layers that are called, and the positions of each one's output."""
    calls: list[tuple[Any, int]] = []
    inside_recurrence = False
    original = keras.layers.Layer.__call__

    def recorded(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        nonlocal inside_recurrence
        if inside_recurrence:  # its cell, frame by frame
            return original(layer, *arguments, **keywords)
        number = len(calls)
        calls.append((layer, 0))
        inside_recurrence = isinstance(layer, keras.layers.RNN)
        outputs = original(layer, *arguments, **keywords)
        # A recurrent layer may return its last state alone.
        array = arguments[0] if inside_recurrence else outputs
        inside_recurrence = False
        while isinstance(array, (list, tuple)):
            array = array[0]
        calls[number] = layer, math.prod(array.shape[:-1])
        return outputs

    with mock.patch.object(keras.layers.Layer, "__call__", recorded):
        call()
    return calls


def matrix_flops(kernels: Iterable[Kernel]) -> dict[str, float]:
    """Operations of the matrix products, by dtype."""
    flops: Counter[str] = Counter()
    for kernel in kernels:
        if not kernel.depthwise:
            flops[kernel.dtype] += kernel.flops
    return dict(flops)


def depthwise_flops(kernels: Iterable[Kernel]) -> float:
    """Operations of the depthwise kernels."""
    return sum(kernel.flops for kernel in kernels if kernel.depthwise)


class Rates:
    """How fast this machine multiplies matrices, in operations a second: the best of all turns.

    Measured are each kernel's products at its positions, `MOST_POSITIONS` at most, and large
    squares. They run in the thread pool of the training step, each matrix lying as it is best read.

    Args:
      kernels: of a usual batch.
    """

    def __init__(self, kernels: Iterable[Kernel]):
        self._shapes: dict[Any, tuple[str, Shape]] = {}
        for kernel in kernels:
            if kernel.depthwise:
                continue
            limited = kernel._replace(positions=min(kernel.positions, MOST_POSITIONS))
            for number, shape in enumerate(limited.shapes):
                self._shapes[_key(kernel, number)] = kernel.dtype, shape
            self._shapes[kernel.dtype] = kernel.dtype, (SQUARE, SQUARE, SQUARE)
        self._rates: dict[Any, list[float]] = {key: [] for key in self._shapes}

    def measure(self) -> None:
        """A turn."""
        for key, (dtype, shape) in self._shapes.items():
            self._rates[key].append(multiplication_rate(dtype, shape))

    def square(self, dtype: str) -> float:
        """That of large squares: the most this machine does."""
        return max(self._rates[dtype])

    def spread(self) -> float:
        """The fastest turn of the squares by the slowest, less 1: about 0 on an idle machine."""
        return max(max(self._rates[dtype]) / min(self._rates[dtype]) for dtype in self.dtypes) - 1.0

    @property
    def dtypes(self) -> list[str]:
        """Those of the matrix products."""
        return [key for key in self._shapes if isinstance(key, str)]

    def seconds(self, kernels: Iterable[Kernel]) -> float:
        """The floor: all products at the rates of their own shapes."""
        return sum(
            kernel.flops / kernel.products / max(self._rates[_key(kernel, number)])
            for kernel in kernels
            if not kernel.depthwise
            for number in range(kernel.products)
        )

    def square_seconds(self, kernels: Iterable[Kernel]) -> float:
        """A lower one: all products at the rate of large squares."""
        return sum(flops / self.square(dtype) for dtype, flops in matrix_flops(kernels).items())


def _key(kernel: Kernel, number: int) -> tuple[Any, ...]:
    return kernel.dtype, kernel.inputs, kernel.outputs, number


def multiplication_rate(dtype: str, shape: Shape, seconds: float = 0.02) -> float:
    """Operations a second of matrix products of one shape, the best of three runs.

    Args:
      seconds: a run is of as many products as fit, one at least.
    """
    rows, inner, columns = shape
    left = keras.ops.cast(keras.random.uniform((rows, inner)), dtype)
    right = keras.ops.cast(keras.random.uniform((inner, columns)), dtype)

    def run(count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            product = keras.ops.matmul(left, right)
        float(product[0, 0])  # waits for it, where there is a queue
        return (time.perf_counter() - started) / count

    run(1)
    count = max(int(seconds / run(1)), 1)
    return 2.0 * rows * inner * columns / min(run(count) for _ in range(3))
