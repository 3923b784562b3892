"""The feed-forward module of a Conformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.dense import FrameDense
from open_seq2seq.ops.dropout import Dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class FeedForward(keras.layers.Layer):
    """Two dense layers with swish and dropout between them, frame by frame.

    Args:
      width: channels of inputs and outputs.
      filter_size: channels inside.
      use_bias: whether the dense layers have biases.
      dropped: dropout of what is between them.
      regularizer, initializer: of the kernels.
    """

    def __init__(
        self,
        width: int,
        filter_size: int,
        use_bias: bool,
        dropped: Dropout,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.dropped = dropped
        self.filter_input, self.filter_output = (
            FrameDense(
                units,
                use_bias=use_bias,
                kernel_initializer=fresh_initializer(initializer or "glorot_uniform"),
                kernel_regularizer=regularizer,
                name=name,
                dtype=self.dtype_policy,
            )
            for units, name in ((filter_size, "filter_input"), (width, "filter_output"))
        )

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        self.filter_input.build(inputs_shape)
        self.filter_output.build((None, None, self.filter_input.units))
        self.built = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """[batch, time, width] to the same shape."""
        hidden = ops.silu(self.filter_input(inputs))
        return self.filter_output(self.dropped(hidden, training))
