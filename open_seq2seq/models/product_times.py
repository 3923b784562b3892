"""How fast this machine multiplies a model's matrices, in float32 and in bfloat16.

That a processor has bfloat16 instructions does not say that they are the faster ones: with
AVX512-BF16 but without AMX, Intel's multiply more slowly than in float32, AMD's faster.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from keras import ops

from open_seq2seq.tensors import Tensor, Variable

# A batch's frames, and fewer where the matrices are so large that they alone keep the cores busy.
_ROWS, _FEWEST_ROWS = 1024, 128
_MOST_OPERATIONS = 2e9
# A wider kernel is no faster or slower by the number: the products are cut into blocks.
_WIDEST = 4096
# Of a model of many shapes, those that most of its time is spent in.
_SHAPES = 4
_REPEATS = 3


class ProductTimes(NamedTuple):
    """Seconds of the same products, of a step's forward and backward pass, for `_ROWS` frames."""

    float32: float
    bfloat16: float

    def __str__(self) -> str:
        return f"{1e3 * self.bfloat16:.1f} ms in bfloat16, {1e3 * self.float32:.1f} in float32"


def product_times(variables: Iterable[Variable]) -> ProductTimes:
    """Times the products of a model, in well under a second.

    Args:
      variables: the trainable ones; their kernels `[..., in, out]` are the matrices.
    """
    shapes = matrix_shapes(variables)
    dearest = sorted(shapes, key=lambda shape: -shapes[shape] * shape[0] * shape[1])[:_SHAPES]
    total = dict.fromkeys(ProductTimes._fields, 0.0)
    for inputs, outputs in dearest:
        rows = _ROWS
        while rows > _FEWEST_ROWS and 6 * rows * inputs * outputs > _MOST_OPERATIONS:
            rows //= 2
        for dtype, seconds in _timed(rows, inputs, outputs).items():
            total[dtype] += shapes[inputs, outputs] * seconds * _ROWS / rows
    return ProductTimes(**total)


def matrix_shapes(variables: Iterable[Variable]) -> Counter[tuple[int, int]]:
    """(inputs, outputs) of the kernels that are multiplied, and how many there are of each.

    A convolution's taps are inputs; a depthwise one has no product.
    """
    shapes: Counter[tuple[int, int]] = Counter()
    for variable in variables:
        *inputs, outputs = variable.shape
        if inputs and outputs > 1 and "depthwise" not in variable.path:
            shapes[min(int(np.prod(inputs)), _WIDEST), outputs] += 1
    return shapes


def _timed(rows: int, inputs: int, outputs: int) -> dict[str, float]:
    """Seconds of the three products of a layer in each dtype: the shortest of some, by turns."""
    draw = np.random.default_rng(0).standard_normal
    factors = [
        (rows, inputs),
        (inputs, outputs),
        (rows, outputs),
        (outputs, inputs),
        (inputs, rows),
    ]
    arrays = [draw(shape, np.float32) for shape in factors]
    of = {dtype: [ops.cast(a, dtype) for a in arrays] for dtype in ProductTimes._fields}
    best = dict.fromkeys(of, np.inf)
    for number in range(_REPEATS + 1):
        for dtype, tensors in of.items():
            started = time.perf_counter()
            _products(tensors)
            if number:  # the first one makes what the others use
                best[dtype] = min(best[dtype], time.perf_counter() - started)
    return best


def _products(tensors: list[Tensor]) -> None:
    """Outputs, the gradient of the inputs and that of the kernel."""
    values, kernel, gradient, transposed_kernel, transposed_values = tensors
    for one, other in (
        (values, kernel), (gradient, transposed_kernel), (transposed_values, gradient)
    ):  # fmt: skip
        # Backends compute when they like: a number of the result is waited for.
        float(ops.cast(ops.matmul(one, other)[0, 0], "float32"))
