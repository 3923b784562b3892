"""The blocks of the CRNN: convolutions with a bias, residual blocks, recurrent blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.convolution import Convolution
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.layers.streaming import (
    Piece,
    StateSpec,
    StreamState,
    delayed,
    kept_frames,
    scoped,
)
from open_seq2seq.layers.time_window import TimeWindow, total_context
from open_seq2seq.ops.dropout import dropout
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.ops.padding import Padding
from open_seq2seq.tensors import Activation, DType, Initializer, Regularizer, Tensor


@dataclass(frozen=True)
class Shared:
    """What all blocks of a CRNN share.

    Args:
      activation: applied after each layer normalization.
      channels, kernel_size: of every convolution; kernel_size is [time, feature].
      drop_prob: probability that dropout zeroes a value in training.
      epsilon: of layer normalization.
      regularizer: of the kernels of convolutions.
      initializer: of kernels.
      seed: where dropout draws from.
      dtype: the dtype policy.
    """

    activation: Activation
    channels: int
    kernel_size: Sequence[int]
    drop_prob: float
    epsilon: float
    regularizer: Regularizer
    initializer: Initializer
    seed: keras.random.SeedGenerator
    dtype: DType

    def drop(self, values: Tensor, training: bool) -> Tensor:
        """Dropout in training."""
        if not training or self.drop_prob == 0:
            return values
        return dropout(values, self.drop_prob, self.seed)

    def norm(self, axis: int, name: str) -> keras.layers.LayerNormalization:
        """Layer normalization (Ba et al. 2016) of each frame over one axis."""
        return keras.layers.LayerNormalization(
            axis=axis, epsilon=self.epsilon, name=name, dtype=self.dtype
        )

    def convolution(
        self, name: str, padding: Padding, stride: Sequence[int] = (1, 1)
    ) -> BiasedConvolution:
        """A convolution over [batch, time, feature, channel]."""
        return BiasedConvolution(
            "conv2d",
            self.channels,
            self.kernel_size,
            stride,
            padding=padding,
            regularizer=self.regularizer,
            initializer=self.initializer,
            name=name,
            dtype=self.dtype,
        )


class BiasedConvolution(Convolution):
    """A convolution with a bias for each output channel."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        self.bias = self.add_weight(name="bias", shape=(self.channels,), initializer="zeros")

    def convolve(self, inputs: Tensor, padding: Padding | None = None) -> Tensor:
        outputs = super().convolve(inputs, padding)
        return outputs + ops.cast(self.bias, outputs.dtype)


class ConvolutionBlock(keras.layers.Layer):
    """Twice layer normalization over the features, activation, dropout and a convolution,
    with the block's input added to the result.

    Args:
      shared: what the whole encoder has in common.
      windows: the time axes of both convolutions.
    """

    def __init__(self, shared: Shared, windows: Sequence[TimeWindow], **kwargs: Any):
        super().__init__(dtype=shared.dtype, **kwargs)
        self.shared, self.windows = shared, list(windows)
        # Each feature has a gain and a bias of its own; channels are normalized separately.
        self.norms = [shared.norm(axis=2, name=f"ln{number}") for number in (1, 2)]
        self.convolutions = [
            shared.convolution(f"conv{number}", window.padding)
            for number, window in enumerate(windows, start=1)
        ]

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.frame_shape = tuple(input_shape[2:])
        for norm, convolution in zip(self.norms, self.convolutions):
            norm.build(input_shape)
            convolution.build(input_shape)

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        """The block's output, of the input's shape; padded frames hold anything.

        Args:
          inputs: [batch, time, feature, channel].
          lengths: [batch], frames that count.
          training: dropout.
        """
        outputs = inputs
        for norm, convolution in zip(self.norms, self.convolutions):
            outputs = self.shared.drop(self.shared.activation(norm(outputs)), training)
            outputs = convolution(zero_past(outputs, lengths))
        return outputs + inputs

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs in evaluation, and their piece; padded frames hold anything.

        Args:
          inputs: [batch, time, feature, channel].
          piece: that of the inputs.
          state: see `state_spec`.
        """
        start, outputs = piece, inputs
        for norm, convolution in zip(self.norms, self.convolutions):
            outputs = zero_past(self.shared.activation(norm(outputs)), piece.lengths)
            outputs = convolution.convolve_piece(outputs, piece, state.scope(convolution.name))
            piece = piece.through(convolution.window)
        # What is added has to wait for the convolutions, which look ahead.
        return outputs + delayed(inputs, start, piece, self._delay, state, "inputs"), piece

    @property
    def _delay(self) -> int:
        return total_context(self.windows)[1]

    def state_spec(self) -> StateSpec:
        """What a stream keeps of the block's and of each convolution's inputs."""
        spec = kept_frames("inputs", self._delay, self.frame_shape, self.compute_dtype)
        for convolution in self.convolutions:
            spec |= scoped(convolution.name, convolution.state_spec())
        return spec


class RecurrentBlock(keras.layers.Layer):
    """Layer normalization, activation, a GRU of one or two directions, and dropout.

    The GRU is cuDNN's (the reset gate is applied after the recurrent product, and that
    product has a bias of its own).

    Args:
      shared: what the whole encoder has in common.
      units: the GRU's size in each direction.
      bidirectional: whether it also runs from each utterance's last frame to its first.
    """

    def __init__(self, shared: Shared, units: int, bidirectional: bool = True, **kwargs: Any):
        super().__init__(dtype=shared.dtype, **kwargs)
        self.shared = shared
        self.norm = shared.norm(axis=-1, name="ln")
        self.recurrent = RecurrentLayer(
            "gru_reset_after", units, bidirectional, name="gru", dtype=shared.dtype
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.norm.build(input_shape)
        self.recurrent.build(input_shape)

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        """Outputs [batch, time, directions * units], zero past each length.

        Args:
          inputs: [batch, time, channel].
          lengths: [batch], frames that count; the backward direction starts at the last.
          training: dropout.
        """
        outputs = zero_past(self.shared.activation(self.norm(inputs)), lengths)
        outputs = ops.concatenate(self.recurrent(outputs, lengths, training=training), axis=-1)
        return self.shared.drop(outputs, training)

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> Tensor:
        """The outputs of a piece in evaluation, zero past its lengths; of one direction only.

        Args:
          inputs: [batch, time, channel].
          piece: that of the inputs, and of the outputs.
          state: see `state_spec`.
        """
        outputs = zero_past(self.shared.activation(self.norm(inputs)), piece.lengths)
        return self.recurrent.stream(outputs, piece, state)

    def state_spec(self) -> StateSpec:
        """The GRU's state."""
        return self.recurrent.state_spec()
