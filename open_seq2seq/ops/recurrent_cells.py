"""The cells of recurrent layers, one step at a time, in `keras.ops`.

A step is split where its products are, so that a loop can do the products its own way:

    recurrent = hidden @ R                   the columns that multiply the hidden state
    between = cell.between(...)              only where a second product follows
    hidden, memory = cell.update(...)        elementwise

Gates lie side by side in the last axis: GRU z, r, h (update, reset, candidate); LSTM i, f,
c, o (input, forget, candidate, output), as in Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keras import ops

from open_seq2seq.tensors import DType, Tensor

Weights = Mapping[str, Tensor]

# Of layer normalization in the layer-norm LSTM.
LAYER_NORM_EPSILON = 1e-6
# Deep Speech 2's clipped ReLU (Amodei et al. 2015, section 3.1).
CLIP = 20.0


class Direction(NamedTuple):
    """One direction of a recurrent layer.

    Args:
      inputs: [batch, time, gates * units], `x_t W` for every step, without bias.
      weights: the cell's other weights by name, see `Cell`.
      backward: whether it runs from each utterance's last frame to its first.
      state: what it starts from, an array [batch, units] float32 for each of the cell's
        `states`; None: from zero.
    """

    inputs: Tensor
    weights: Weights
    backward: bool = False
    state: Sequence[Tensor] | None = None


@dataclass(frozen=True)
class Cell:
    """A recurrent cell.

    Args:
      name: the key in `CELLS`.
      gates: how many times its units the kernels are wide.
      update: (frame, recurrent, second, hidden, memory, weights) -> (hidden, memory), all
        [batch, ...] float32; `frame` are the inputs x_t W, `recurrent` the product with
        the state, `second` the second product or None.
      between: (frame, recurrent, hidden, weights) -> what the last gate's columns of the
        recurrent kernel multiply, where that isn't the hidden state.
      extra: the weights besides `recurrent_kernel` [units, gates * units].
      states: what goes from step to step, each [batch, units]; first the hidden state, which
        is the output too.
    """

    name: str
    gates: int
    update: Callable[..., tuple[Tensor, Tensor]]
    between: Callable[..., Tensor] | None = None
    extra: tuple[str, ...] = ("bias",)
    states: tuple[str, ...] = ("hidden",)

    def split_kernel(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """The kernel's columns that multiply the hidden state, and those after `between`."""
        if self.between is None:
            return kernel, None
        first = (self.gates - 1) * kernel.shape[0]
        return kernel[:, :first], kernel[:, first:]

    def step(
        self, frame: Tensor, hidden: Tensor, memory: Tensor, weights: Weights
    ) -> tuple[Tensor, Tensor]:
        """The next hidden state and memory; products in the dtype of `frame` [batch, g * u]."""
        dtype = frame.dtype
        kernel, second_kernel = self.split_kernel(ops.cast(weights["recurrent_kernel"], dtype))
        weights = {name: ops.cast(weights[name], "float32") for name in self.extra}
        frame = ops.cast(frame, "float32")
        recurrent, second = _product(hidden, kernel, dtype), None
        if self.between is not None:
            between = self.between(frame, recurrent, hidden, weights)
            second = _product(between, second_kernel, dtype)
        return self.update(frame, recurrent, second, hidden, memory, weights)


def _product(state: Tensor, kernel: Tensor, dtype: DType) -> Tensor:
    return ops.cast(ops.matmul(ops.cast(state, dtype), kernel), "float32")


def _gru_update(
    frame: Tensor,
    recurrent: Tensor,
    second: Tensor,
    hidden: Tensor,
    memory: Tensor,
    weights: Weights,
) -> tuple[Tensor, Tensor]:
    """Cho et al. 2014: the reset gate before the product. TensorFlow 1's GRUCell."""
    units = hidden.shape[-1]
    frame = frame + weights["bias"]
    update = ops.sigmoid(frame[:, :units] + recurrent[:, :units])
    candidate = ops.tanh(frame[:, 2 * units :] + second)
    return update * hidden + (1.0 - update) * candidate, memory


def _gru_between(frame: Tensor, recurrent: Tensor, hidden: Tensor, weights: Weights) -> Tensor:
    units = hidden.shape[-1]
    bias = weights["bias"][units : 2 * units]
    return hidden * ops.sigmoid(frame[:, units : 2 * units] + bias + recurrent[:, units:])


def _reset_after_update(
    frame: Tensor,
    recurrent: Tensor,
    second: Tensor,
    hidden: Tensor,
    memory: Tensor,
    weights: Weights,
) -> tuple[Tensor, Tensor]:
    """The reset gate after the product: cuDNN's GRU, and Keras's with reset_after."""
    units = hidden.shape[-1]
    frame = frame + weights["bias"]
    recurrent = recurrent + weights["recurrent_bias"]
    gates = ops.sigmoid(frame[:, : 2 * units] + recurrent[:, : 2 * units])
    update, reset = gates[:, :units], gates[:, units:]
    candidate = ops.tanh(frame[:, 2 * units :] + reset * recurrent[:, 2 * units :])
    return update * hidden + (1.0 - update) * candidate, memory


def _lstm_update(
    frame: Tensor,
    recurrent: Tensor,
    second: Tensor,
    hidden: Tensor,
    memory: Tensor,
    weights: Weights,
) -> tuple[Tensor, Tensor]:
    """Hochreiter and Schmidhuber 1997, with a forget gate and without peepholes."""
    gates = frame + recurrent + weights["bias"]
    input_gate, forget_gate, candidate, output_gate = ops.split(gates, 4, axis=-1)
    memory = ops.sigmoid(forget_gate) * memory + ops.sigmoid(input_gate) * ops.tanh(candidate)
    return ops.sigmoid(output_gate) * ops.tanh(memory), memory


def _layer_norm_lstm_update(
    frame: Tensor,
    recurrent: Tensor,
    second: Tensor,
    hidden: Tensor,
    memory: Tensor,
    weights: Weights,
) -> tuple[Tensor, Tensor]:
    """Ba et al. 2016, as TensorFlow 1's LayerNormBasicLSTMCell: the normalised memory is kept."""
    units = hidden.shape[-1]
    gates = ops.reshape(frame + recurrent, (-1, 4, units))
    gates = _normalized(gates) * weights["gate_gamma"] + weights["gate_beta"]
    input_gate, forget_gate, candidate, output_gate = (gates[:, gate] for gate in range(4))
    memory = ops.sigmoid(forget_gate) * memory + ops.sigmoid(input_gate) * ops.tanh(candidate)
    memory = _normalized(memory) * weights["state_gamma"] + weights["state_beta"]
    return ops.sigmoid(output_gate) * ops.tanh(memory), memory


def _normalized(values: Tensor) -> Tensor:
    centred = values - ops.mean(values, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred * ops.rsqrt(variance + LAYER_NORM_EPSILON)


def _relu_update(
    frame: Tensor,
    recurrent: Tensor,
    second: Tensor,
    hidden: Tensor,
    memory: Tensor,
    weights: Weights,
) -> tuple[Tensor, Tensor]:
    """The simple recurrence of Deep Speech 2, min(max(x W + h R + b, 0), 20)."""
    return ops.minimum(ops.relu(frame + recurrent + weights["bias"]), CLIP), memory


CELLS = {
    cell.name: cell
    for cell in (
        Cell("gru", 3, _gru_update, _gru_between),
        Cell("gru_reset_after", 3, _reset_after_update, extra=("bias", "recurrent_bias")),
        Cell("lstm", 4, _lstm_update, states=("hidden", "memory")),
        Cell(
            "layer_norm_lstm",
            4,
            _layer_norm_lstm_update,
            extra=("gate_gamma", "gate_beta", "state_gamma", "state_beta"),
            states=("hidden", "memory"),
        ),
        Cell("relu", 1, _relu_update),
    )
}
