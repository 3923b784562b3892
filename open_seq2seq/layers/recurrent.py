"""A recurrent layer of one or two directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState
from open_seq2seq.ops.dropout import Dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.recurrent import Direction, recur, recur_with_states
from open_seq2seq.ops.recurrent_cells import CELLS
from open_seq2seq.tensors import DType, Initializer, KerasConfig, Tensor, Variable

DIRECTIONS = ("forward", "backward")


class RecurrentLayer(keras.layers.Layer):
    """A GRU, LSTM or simple recurrent layer over each utterance's own frames.

    Variables of a direction: `<direction>_kernel` [input, gates * units],
    `<direction>_recurrent_kernel` [units, gates * units], `<direction>_bias`, and what the
    cell has besides. None of them is regularized.

    Args:
      cell: a key of `ops.recurrent_cells.CELLS`.
      units: the size of the state, of each direction.
      bidirectional: also run from each utterance's last frame to its first.
      recurrent_bias: a bias of the recurrent product too, as cuDNN's cells have. The GRU
        with the reset gate after the product always has one.
      unit_gate_bias: start where TensorFlow 1's own cells do: the LSTM's forget gate and
        the GRU's gates get a bias of 1.
      batch_norm: (momentum, epsilon) of a batch normalization of the inputs' product over
        all frames (Amodei et al. 2015, section 3.2), or None.
      initializer: of each gate's part of the kernels; None: Glorot uniform, and orthogonal
        for the recurrent ones.
      weight_drop: of recurrent kernels in training, one draw for all frames of a batch (S. Merity,
        N. S. Keskar, R. Socher: Regularizing and optimizing LSTM language models, ICLR 2018).
    """

    def __init__(
        self,
        cell: str,
        units: int,
        bidirectional: bool = False,
        recurrent_bias: bool = False,
        unit_gate_bias: bool = False,
        batch_norm: tuple[float, float] | None = None,
        initializer: Initializer = None,
        weight_drop: Dropout | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.weight_drop = weight_drop
        self.cell, self.units, self.bidirectional = CELLS[cell], units, bidirectional
        self.has_recurrent_bias = recurrent_bias or "recurrent_bias" in self.cell.extra
        self.unit_gate_bias = unit_gate_bias
        self.batch_norm = batch_norm
        self.initializer = keras.initializers.get(initializer)
        self.directions = DIRECTIONS if bidirectional else DIRECTIONS[:1]
        self.norms = [
            BatchNorm(batch_norm[0], batch_norm[1], name=f"{name}_bn", dtype=self.dtype_policy)
            for name in self.directions
            if batch_norm
        ]

    def build(self, inputs_shape: Sequence[int | None], *_: object) -> None:
        """Makes the variables for inputs [batch, time, input], of every direction."""
        width = inputs_shape[-1]
        self.kernels = [
            self._kernel(f"{name}_kernel", width, "glorot_uniform") for name in self.directions
        ]
        self.cell_weights = [self._cell_weights(name) for name in self.directions]
        for norm in self.norms:
            norm.build((*inputs_shape[:-1], self.cell.gates * self.units))
        self.built = True

    def _kernel(self, name: str, inputs: int | None, default: str) -> Variable:
        """Each gate starts as a matrix of its own, as in cuDNN."""
        chosen = self.initializer or default

        def gate_by_gate(shape: Sequence[int], dtype: DType = None) -> Tensor:
            size = (shape[0], self.units)
            gates = [fresh_initializer(chosen)(size, dtype=dtype) for _ in range(self.cell.gates)]
            return ops.concatenate(gates, axis=-1)

        shape = (inputs, self.cell.gates * self.units)
        return self.add_weight(name=name, shape=shape, initializer=gate_by_gate)

    def _cell_weights(self, direction: str) -> dict[str, Tensor]:
        recurrent_kernel = f"{direction}_recurrent_kernel"
        weights = {"recurrent_kernel": self._kernel(recurrent_kernel, self.units, "orthogonal")}
        names = list(self.cell.extra)
        if self.has_recurrent_bias and "recurrent_bias" not in names:
            names.append("recurrent_bias")
        for name in names:
            weights[name] = self.add_weight(
                name=f"{direction}_{name}",
                shape=self._extra_shape(name),
                initializer=self._extra_initializer(name),
                autocast=False,
            )
        return weights

    def _extra_shape(self, name: str) -> tuple[int, ...]:
        if name.startswith("gate_"):
            return (self.cell.gates, self.units)
        return (self.units * (1 if name.startswith("state_") else self.cell.gates),)

    def _extra_initializer(self, name: str) -> Any:
        if name.endswith("gamma"):
            return "ones"
        is_layer_norm = name == "gate_beta"
        if not is_layer_norm and not (name == "bias" and self.unit_gate_bias):
            return "zeros"
        ones = {"gru": (1, 1, 0), "lstm": (0, 1, 0, 0), "layer_norm_lstm": (0, 1, 0, 0)}
        parts = ones.get(self.cell.name, (0,) * self.cell.gates)

        def start(shape: Sequence[int], dtype: DType = None) -> Tensor:
            values = [ops.full((self.units,), float(part), dtype=dtype) for part in parts]
            return ops.reshape(ops.concatenate(values), shape)

        return start

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> list[Tensor]:
        """The outputs of each direction.

        Args:
          inputs: [batch, time, input]; or a list of them, one for each direction.
          lengths: [batch], frames of each utterance.
          training: batch statistics, where there is a batch normalization, and keep what
            gradients need.

        Returns:
          Per direction [batch, time, units], 0 past each length.
        """
        return recur(self.cell.name, self._directions(inputs, training), lengths, training)

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> Tensor:
        """The outputs of a piece in evaluation, [batch, time, units], 0 past its lengths.

        Of a layer that runs forward only.

        Args:
          inputs: [batch, time, input].
          piece: that of the inputs, and of the outputs.
          state: see `state_spec`; streams without frames in the piece keep theirs.
        """
        assert not self.bidirectional, "a backward layer begins at an utterance's end"
        names = self.cell.states
        directions = self._directions(inputs, False, [state[name] for name in names])
        (outputs,), (states,) = recur_with_states(
            self.cell.name, directions, piece.lengths, training=False
        )
        for name, value in zip(names, states):
            state[name] = value
        return outputs

    def state_spec(self) -> StateSpec:
        """The cell's states after the last frame."""
        return dict.fromkeys(self.cell.states, ((self.units,), "float32"))

    def _directions(
        self, inputs: Tensor, training: bool, state: Sequence[Tensor] | None = None
    ) -> list[Direction]:
        sources = inputs if isinstance(inputs, (list, tuple)) else [inputs] * len(self.directions)
        directions = []
        for number, source in enumerate(sources):
            projected = _project(source, self.kernels[number])
            if self.norms:
                projected = self.norms[number](projected, training=training)
            weights = dict(self.cell_weights[number])
            if self.weight_drop is not None:
                kernel = weights["recurrent_kernel"]
                weights["recurrent_kernel"] = self.weight_drop(kernel, training)
            if "recurrent_bias" not in self.cell.extra and "recurrent_bias" in weights:
                # Both are added to the same sum: one addition for all.
                weights["bias"] = weights["bias"] + weights.pop("recurrent_bias")
            directions.append(Direction(projected, weights, number == 1, state))
        return directions

    def get_config(self) -> KerasConfig:
        own = {
            "cell": self.cell.name,
            "units": self.units,
            "bidirectional": self.bidirectional,
            "recurrent_bias": self.has_recurrent_bias,
            "unit_gate_bias": self.unit_gate_bias,
            "batch_norm": self.batch_norm,
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}


def _project(inputs: Tensor, kernel: Tensor) -> Tensor:
    """inputs [batch, time, input] by kernel, all frames in one product of two axes."""
    kernel = ops.cast(kernel, inputs.dtype)
    rows = ops.matmul(ops.reshape(inputs, (-1, inputs.shape[-1])), kernel)
    return ops.reshape(rows, (-1, ops.shape(inputs)[1], kernel.shape[-1]))
