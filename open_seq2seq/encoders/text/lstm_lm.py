"""LSTM layers (Hochreiter and Schmidhuber 1997) for language models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders.encoder import Encoder
from open_seq2seq.encoders.text.text_params import LSTM_LM
from open_seq2seq.errors import Problem
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, scoped
from open_seq2seq.ops.dropout import dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class LSTMLMEncoder(Encoder):
    """LSTM layers from the first token to the last, with dropout before and after each.

    Args:
      params: see `PARAMS`.
      regularizer, initializer: of the projection to `hidden_size`, where `cell_size` differs;
        the initializer also of the LSTMs' kernels. None is none, and Keras's own.
    """

    PARAMS = LSTM_LM
    time_stride = 1

    def __init__(
        self,
        params: Params,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(params, regularizer, initializer, **kwargs)
        self.width: int = self.params["hidden_size"]
        self.units = self.params["cell_size"] or self.width
        self.layers = [
            RecurrentLayer(
                "lstm",
                self.units,
                unit_gate_bias=True,
                initializer=self.initializer,
                name=f"lstm{number}",
                dtype=self.dtype_policy,
            )
            for number in range(1, self.params["num_layers"] + 1)
        ]
        self.projection = None
        if self.units != self.width:
            initial = self.initializer or keras.initializers.get("glorot_uniform")
            self.projection = keras.layers.Dense(
                self.width,
                kernel_initializer=fresh_initializer(initial),
                kernel_regularizer=self.regularizer,
                name="projection",
                dtype=self.dtype_policy,
            )

    def build(self, inputs_shape: Sequence[int | None], *_: object) -> None:
        for number, layer in enumerate(self.layers):
            layer.build((None, None, self.units if number else self.width))
        if self.projection is not None:
            self.projection.build((None, None, self.units))
        self.built = True

    def call(
        self, inputs: Tensor, lengths: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The outputs for each token; arguments and results as `TransformerLMEncoder`'s."""
        outputs = self._dropped(inputs, training)
        for layer in self.layers:
            (outputs,) = layer(outputs, lengths, training=training)
            outputs = self._dropped(outputs, training)
        if self.projection is not None:
            outputs = self.projection(outputs)
        return outputs, lengths

    def _dropped(self, values: Tensor, training: bool) -> Tensor:
        drop_prob = 1.0 - self.params["dropout_keep_prob"]
        if not training or drop_prob <= 0:
            return values
        return dropout(values, drop_prob, self.seed)

    def output_length(self, frames: Tensor) -> Tensor:
        return frames

    @property
    def context(self) -> tuple[float, float]:
        """See `Encoder.context`."""
        return math.inf, 0

    def streaming_problems(self) -> list[Problem]:
        """See `Encoder.streaming_problems`."""
        return []

    def _state_spec(self) -> StateSpec:
        spec: StateSpec = {}
        for layer in self.layers:
            spec |= scoped(layer.name, layer.state_spec())
        return spec

    def _stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        outputs = features
        for layer in self.layers:
            outputs = layer.stream(outputs, piece, state.scope(layer.name))
        if self.projection is not None:
            outputs = self.projection(outputs)
        return zero_past(outputs, piece.lengths), piece
