"""The convolution module of a Conformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.dense import FrameDense
from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, kept_frames, windowed
from open_seq2seq.layers.time_window import TimeWindow
from open_seq2seq.ops.convolution import depthwise_convolve
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class ConvolutionModule(keras.layers.Layer):
    """A gated pointwise convolution, a depthwise one over time, normalization, swish, pointwise.

    Args:
      width: channels of inputs and outputs.
      window: the time axis of the depthwise convolution, of stride 1.
      norm: the normalization.
      use_bias: whether the convolutions have biases.
      regularizer, initializer: of the kernels.
    """

    def __init__(
        self,
        width: int,
        window: TimeWindow,
        norm: keras.layers.Layer,
        use_bias: bool,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width, self.window, self.norm, self.use_bias = width, window, norm, use_bias
        self.regularizer = regularizer
        self.initializer = initializer or "glorot_uniform"
        self.gated_input, self.conv_output = (
            FrameDense(
                units,
                use_bias=use_bias,
                kernel_initializer=fresh_initializer(self.initializer),
                kernel_regularizer=regularizer,
                name=name,
                dtype=self.dtype_policy,
            )
            for units, name in ((2 * width, "gated_input"), (width, "conv_output"))
        )

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        shape = (None, None, self.width)
        self.gated_input.build(shape)
        self.depthwise_kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(self.window.kernel_size, self.width, 1),
            initializer=fresh_initializer(self.initializer),
            regularizer=self.regularizer,
            autocast=False,
        )
        self.depthwise_bias = None
        if self.use_bias:
            self.depthwise_bias = self.add_weight(
                name="depthwise_bias", shape=(self.width,), initializer="zeros"
            )
        self.norm.build(shape)
        self.conv_output.build(shape)
        self.built = True

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        """[batch, time, width] to the same shape; frames past a length are of no use.

        Args:
          inputs: of any values past the lengths.
          lengths: [batch], the frames of each utterance.
          training: batch statistics.
        """
        gated = self._gated(inputs, lengths)
        filtered = depthwise_convolve(gated, self.depthwise_kernel, 1, 1, self.window.widths)
        return self._finished(filtered, training)

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs in evaluation, and their piece; see `Encoder.stream`."""
        gated = self._gated(inputs, piece.lengths)
        seen = windowed(self.window, gated, piece, state, "inputs")
        filtered = depthwise_convolve(seen, self.depthwise_kernel, 1, 1, "VALID")
        return self._finished(filtered, training=False), piece.through(self.window)

    def state_spec(self) -> StateSpec:
        """What a stream keeps of the gated inputs."""
        return kept_frames("inputs", self.window.span, (self.width,), self.compute_dtype)

    def _gated(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        values, gates = ops.split(self.gated_input(inputs), 2, axis=-1)
        return zero_past(values * ops.sigmoid(gates), lengths)

    def _finished(self, filtered: Tensor, training: bool) -> Tensor:
        if self.depthwise_bias is not None:
            filtered = filtered + ops.cast(self.depthwise_bias, filtered.dtype)
        if isinstance(self.norm, BatchNorm):
            filtered = self.norm(filtered, training=training)
        else:
            filtered = self.norm(filtered)
        return self.conv_output(ops.silu(filtered))
