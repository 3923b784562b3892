"""The C++ loops of recurrent layers as differentiable functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from open_seq2seq.ops.native import operations
from open_seq2seq.ops.recurrent_cells import Cell

# Units that the kernels compute together, and the cells they know.
_UNITS = 16
_CELLS = ("gru", "gru_reset_after", "lstm", "relu")


def takes(cell: Cell, directions: Sequence[Any]) -> bool:
    """Whether `recur` computes these directions of a layer."""
    return (
        cell.name in _CELLS
        and directions[0].inputs.dtype in (tf.float32, tf.bfloat16)
        and directions[0].weights["recurrent_kernel"].shape[0] % _UNITS == 0
        and operations() is not None
    )


def recur(cell: Cell, directions: Sequence[Any], lengths: Any, training: bool = True) -> list[Any]:
    """`open_seq2seq.ops.recurrent.recur` in C++, all directions at once; same contract."""
    inputs = [direction.inputs for direction in directions]
    dtype = inputs[0].dtype
    kernels = [
        tf.cast(tf.convert_to_tensor(direction.weights["recurrent_kernel"]), dtype)
        for direction in directions
    ]
    biases = [_joined_bias(cell, direction.weights) for direction in directions]
    backwards = [direction.backward for direction in directions]
    lengths = tf.cast(lengths, tf.int32)
    return _recur(cell, backwards, lengths, inputs, kernels, biases, keep=training)


def _joined_bias(cell: Cell, weights: Any) -> Any:
    """All that is added to the gates; of the candidate's product, apart, with reset after."""
    bias = tf.convert_to_tensor(weights["bias"])
    if cell.name != "gru_reset_after":
        return bias
    recurrent = tf.convert_to_tensor(weights["recurrent_bias"])
    gates = 2 * (bias.shape[0] // 3)
    return tf.concat([bias[:gates] + recurrent[:gates], bias[gates:], recurrent[gates:]], 0)


def _recur(
    cell: Cell,
    backwards: list[bool],
    lengths: Any,
    inputs: list[Any],
    kernels: list[Any],
    biases: list[Any],
    keep: bool,
) -> list[Any]:
    """Without `keep`, what gradients need is computed again if they are asked for."""
    native, count = operations(), len(inputs)

    def run(arguments: Sequence[Any], keep: bool) -> Any:
        return native.open_seq2_seq_recurrent(
            inputs=list(arguments[:count]),
            kernels=list(arguments[count : 2 * count]),
            biases=list(arguments[2 * count :]),
            lengths=lengths,
            cell=cell.name,
            backwards=backwards,
            keep=keep,
        )

    @tf.custom_gradient
    def looped(*arguments: Any) -> Any:
        kernels = list(arguments[count : 2 * count])
        outputs, kept = run(arguments, keep)

        def gradients(*upstream: Any) -> list[Any]:
            saved = kept if keep else run(arguments, True)[1]
            for_inputs, for_products, for_biases = native.open_seq2_seq_recurrent_gradient(
                upstream=list(upstream),
                outputs=outputs,
                saved=saved,
                kernels=kernels,
                lengths=lengths,
                cell=cell.name,
                backwards=backwards,
            )
            products = for_products if cell.name == "gru_reset_after" else for_inputs
            for_kernels = [
                _for_kernel(cell, *parts) for parts in zip(outputs, saved, products, backwards)
            ]
            return [*for_inputs, *for_kernels, *for_biases]

        return outputs, gradients

    return list(looped(*inputs, *kernels, *biases))


def _for_kernel(cell: Cell, outputs: Any, saved: Any, products: Any, backward: bool) -> Any:
    """The recurrent kernel's gradient: the states before each step by the gates' gradients."""
    units = outputs.shape[-1]
    # Zero at the start of each utterance; past its length there is zero already.
    if backward:
        before = tf.pad(outputs[:, 1:], [[0, 0], [0, 1], [0, 0]])
    else:
        before = tf.pad(outputs[:, :-1], [[0, 0], [1, 0], [0, 0]])
    if cell.name != "gru":
        return sum_of_products(before, products)
    # What multiplied the candidate's part was reset * state.
    reset = before * saved[:, :, units : 2 * units]
    gates = sum_of_products(before, products[:, :, : 2 * units])
    return tf.concat([gates, sum_of_products(reset, products[:, :, 2 * units :])], axis=1)


def sum_of_products(left: Any, right: Any) -> Any:
    """[.., .., a], [.., .., b] -> [a, b] in the dtype of b, all frames in one product."""
    left = tf.reshape(tf.cast(left, right.dtype), [-1, left.shape[-1]])
    return tf.matmul(left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
