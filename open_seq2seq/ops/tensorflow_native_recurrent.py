"""The C++ loops of recurrent layers as differentiable functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from open_seq2seq.ops.native import operations
from open_seq2seq.ops.recurrent_cells import Cell, Direction
from open_seq2seq.tensors import Tensor

# Units that the kernels compute together, and the cells they know.
_UNITS = 16
_CELLS = ("gru", "gru_reset_after", "lstm", "relu")


def takes(cell: Cell, directions: Sequence[Direction]) -> bool:
    """Whether `recur` computes these directions of a layer."""
    return (
        cell.name in _CELLS
        and directions[0].inputs.dtype in (tf.float32, tf.bfloat16)
        and directions[0].weights["recurrent_kernel"].shape[0] % _UNITS == 0
        and operations() is not None
    )


def recur(
    cell: Cell, directions: Sequence[Direction], lengths: Tensor, training: bool = True
) -> list[Tensor]:
    """`open_seq2seq.ops.recurrent.recur` in C++, all directions at once, each from a zero state;
    same contract."""
    inputs = [direction.inputs for direction in directions]
    backwards = [direction.backward for direction in directions]
    lengths = tf.cast(lengths, tf.int32)
    kernels, biases = _kernels(directions), _biases(cell, directions)
    return _recur(cell, backwards, lengths, inputs, kernels, biases, keep=training)


def _kernels(directions: Sequence[Direction]) -> list[Tensor]:
    dtype = directions[0].inputs.dtype
    return [
        tf.cast(tf.convert_to_tensor(direction.weights["recurrent_kernel"]), dtype)
        for direction in directions
    ]


def _biases(cell: Cell, directions: Sequence[Direction]) -> list[Tensor]:
    return [_joined_bias(cell, direction.weights) for direction in directions]


def recur_with_states(
    cell: Cell,
    directions: Sequence[Direction],
    lengths: Tensor,
    differentiable: Callable[..., Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """`open_seq2seq.ops.recurrent.recur_with_states` in C++.

    Args:
      cell, directions, lengths: as there.
      differentiable: (cell, directions, lengths) -> the same in TensorFlow; run again for the
        gradients, if they are asked for.
    """
    # As tensors: a Keras variable is not what custom_gradient takes.
    directions = [
        direction._replace(
            weights={k: tf.convert_to_tensor(v) for k, v in direction.weights.items()},
            state=tuple(_initial(cell, direction)),
        )
        for direction in directions
    ]
    lengths = tf.cast(lengths, tf.int32)
    parts = [(d.inputs, tuple(d.weights.values()), d.state) for d in directions]

    def rebuilt(arguments: Sequence[Tensor]) -> list[Tensor]:
        packed = tf.nest.pack_sequence_as(parts, list(arguments))
        return [
            direction._replace(inputs=x, weights=dict(zip(direction.weights, w)), state=s)
            for direction, (x, w, s) in zip(directions, packed)
        ]

    @tf.custom_gradient
    def looped(*arguments: Tensor) -> Tensor:
        def gradients(*upstream: Tensor) -> Tensor:
            with tf.GradientTape() as tape:
                tape.watch(arguments)
                flat = tf.nest.flatten(differentiable(cell, rebuilt(arguments), lengths))
            return tape.gradient(flat, arguments, upstream, unconnected_gradients="zero")

        return _forward(cell, rebuilt(arguments), lengths), gradients

    count = len(directions)
    outputs = looped(*tf.nest.flatten(parts))
    states = len(cell.states)
    last = [tuple(outputs[at : at + states]) for at in range(count, len(outputs), states)]
    return list(outputs[:count]), last


def _initial(cell: Cell, direction: Direction) -> list[Tensor]:
    if direction.state is not None:
        return [tf.convert_to_tensor(state) for state in direction.state]
    units = direction.weights["recurrent_kernel"].shape[0]
    return [tf.zeros([tf.shape(direction.inputs)[0], units]) for _ in cell.states]


def _forward(cell: Cell, directions: Sequence[Direction], lengths: Tensor) -> list[Tensor]:
    """The outputs of all directions, then the last states of all, flat."""
    outputs, _, last = operations().open_seq2_seq_recurrent(
        inputs=[direction.inputs for direction in directions],
        kernels=_kernels(directions),
        biases=_biases(cell, directions),
        initial=[tf.concat(direction.state, axis=1) for direction in directions],
        lengths=lengths,
        cell=cell.name,
        backwards=[direction.backward for direction in directions],
        keep=False,
        stateful=True,
    )
    parts = [part for states in last for part in tf.split(states, len(cell.states), axis=1)]
    return [*outputs, *parts]


def _joined_bias(cell: Cell, weights: Tensor) -> Tensor:
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
    lengths: Tensor,
    inputs: list[Tensor],
    kernels: list[Tensor],
    biases: list[Tensor],
    keep: bool,
) -> list[Tensor]:
    """Without `keep`, what gradients need is computed again if they are asked for."""
    native, count = operations(), len(inputs)

    def run(arguments: Sequence[Tensor], keep: bool) -> Tensor:
        return native.open_seq2_seq_recurrent(
            inputs=list(arguments[:count]),
            kernels=list(arguments[count : 2 * count]),
            biases=list(arguments[2 * count :]),
            initial=[tf.zeros((0, 0))] * count,
            lengths=lengths,
            cell=cell.name,
            backwards=backwards,
            keep=keep,
            stateful=False,
        )[:2]

    @tf.custom_gradient
    def looped(*arguments: Tensor) -> Tensor:
        kernels = list(arguments[count : 2 * count])
        outputs, kept = run(arguments, keep)

        def gradients(*upstream: Tensor) -> list[Tensor]:
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


def _for_kernel(
    cell: Cell, outputs: Tensor, saved: Tensor, products: Tensor, backward: bool
) -> Tensor:
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


def sum_of_products(left: Tensor, right: Tensor) -> Tensor:
    """[.., .., a], [.., .., b] -> [a, b] in the dtype of b, all frames in one product."""
    left = tf.reshape(tf.cast(left, right.dtype), [-1, left.shape[-1]])
    return tf.matmul(left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
