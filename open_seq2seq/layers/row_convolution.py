"""The row convolution of Deep Speech 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, kept_frames, windowed
from open_seq2seq.layers.time_window import TimeWindow
from open_seq2seq.ops.convolution import depthwise_convolve
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.ops.padding import Padding
from open_seq2seq.tensors import Activation, Initializer, KerasConfig, Regularizer, Tensor


class RowConvolution(keras.layers.Layer):
    """A convolution of each channel over time, batch normalization and activation.

    Deep Speech 2's row convolution (Amodei et al. 2015, section 3.7) looks ahead only;
    OpenSeq2Seq's, and so this one, has (width - 1) // 2 taps before a frame and the rest after
    it, unless it is padded otherwise.

    Args:
      width: taps, at least 2.
      activation: applied after the normalization.
      momentum, epsilon: of the normalization.
      regularizer: of the kernel and gamma.
      initializer: of the kernel; None: Glorot uniform.
      padding: SAME, CAUSAL or (left, right), which add up to width - 1.
    """

    def __init__(
        self,
        width: int,
        activation: Activation,
        momentum: float,
        epsilon: float,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        padding: Padding = "SAME",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width, self.activation = width, activation
        self.window = TimeWindow(width, padding=padding)
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer or "glorot_uniform")
        self.norm = BatchNorm(momentum, epsilon, regularizer, name="bn", dtype=self.dtype_policy)

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        self.channels = inputs_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.width, 1, self.channels, 1),
            initializer=fresh_initializer(self.initializer),
            regularizer=self.regularizer,
            autocast=False,
        )
        self.norm.build(inputs_shape)
        self.built = True

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        """[batch, time, channel] -> the same shape, zero past each length.

        Args:
          inputs: zero past each length.
          lengths: [batch], frames of each utterance.
          training: batch statistics.
        """
        return self._finished(self._convolve(inputs, self.window.padding), lengths, training)

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs in evaluation, zero past its lengths, and their piece.

        Args:
          inputs: [batch, time, channel], zero past the piece's lengths.
          piece: that of the inputs.
          state: see `state_spec`.
        """
        seen = windowed(self.window, inputs, piece, state, "inputs")
        piece = piece.through(self.window)
        return self._finished(self._convolve(seen, "VALID"), piece.lengths, False), piece

    def state_spec(self) -> StateSpec:
        """What a stream keeps of the inputs."""
        return kept_frames("inputs", self.window.span, (self.channels,), self.compute_dtype)

    def _convolve(self, inputs: Tensor, padding: Padding) -> Tensor:
        kernel = ops.squeeze(ops.convert_to_tensor(self.kernel), 1)
        return depthwise_convolve(inputs, kernel, 1, 1, padding)

    def _finished(self, outputs: Tensor, lengths: Tensor, training: bool) -> Tensor:
        outputs = self.norm(outputs, lengths=lengths, training=training)
        return zero_past(self.activation(outputs), lengths)

    def get_config(self) -> KerasConfig:
        padding = self.window.padding
        own = {
            "width": self.width,
            "activation": keras.activations.serialize(self.activation),
            "momentum": self.norm.momentum,
            "epsilon": self.norm.epsilon,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
            "padding": padding if isinstance(padding, str) else list(padding),
        }
        return {**super().get_config(), **own}
