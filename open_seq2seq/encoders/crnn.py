"""The CRNN: residual 2-D convolutions, then GRUs, with layer normalization.

A small network in the manner of Deep Speech 2 (Amodei et al. 2015), with layer
normalization (Ba et al. 2016), GELU (Hendrycks and Gimpel 2016) and residual blocks of the
pre-activation kind (He et al. 2016), as public tutorials on speech recognition build it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders.crnn_blocks import ConvolutionBlock, RecurrentBlock, Shared
from open_seq2seq.encoders.crnn_params import CRNN, windows_of
from open_seq2seq.encoders.encoder import (
    BACKWARD,
    Encoder,
    IntermediateOutput,
    activation_function,
)
from open_seq2seq.encoders.layer_context import LayerContext, of_recurrence, of_windows
from open_seq2seq.errors import Problem
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, scoped
from open_seq2seq.layers.time_window import total_context, with_look_ahead
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class CRNNEncoder(Encoder):
    """A strided convolution, residual convolutions, a dense layer and GRUs.

    Args:
      params: see `PARAMS`.
      regularizer: of the kernels of convolutions and dense layers; recurrent layers have none.
      initializer: of the same kernels; None is Glorot uniform.
    """

    PARAMS = CRNN

    def __init__(
        self,
        params: Params,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(params, regularizer, initializer, **kwargs)
        self.shared = Shared(
            activation=activation_function(self.params["activation_fn"]),
            channels=self.params["conv_channels"],
            kernel_size=self.params["conv_kernel_size"],
            drop_prob=1.0 - self.params["dropout_keep_prob"],
            epsilon=self.params["norm_epsilon"],
            regularizer=self.regularizer,
            initializer=self.initializer or keras.initializers.get("glorot_uniform"),
            seed=self.seed,
            dtype=self.dtype_policy,
        )
        units = self.params["rnn_cell_dim"]
        self.windows = with_look_ahead(windows_of(self.params), self.params["look_ahead"])
        first, *others = self.windows
        self.stem = self.shared.convolution("conv1", first.padding, self.params["conv_stride"])
        self.blocks = [
            ConvolutionBlock(self.shared, pair, name=f"block{number}")
            for number, pair in enumerate(zip(others[::2], others[1::2]), start=1)
        ]
        self.dense = self._dense(units, "dense")
        self.recurrent_blocks = [
            RecurrentBlock(
                self.shared, units, not self.params["rnn_unidirectional"], name=f"rnn_{layer}"
            )
            for layer in range(self.params["num_rnn_layers"])
        ]
        hidden = self.params["n_hidden"]
        self.fully_connected = self._dense(hidden, "fully_connected") if hidden else None
        self.time_stride: int = self.params["conv_stride"][0]

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=fresh_initializer(self.shared.initializer),
            kernel_regularizer=self.regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def build(self, features_shape: Sequence[int | None], lengths_shape: object = None) -> None:
        """Makes the variables for features [batch, time, feature]."""
        image = (*features_shape, 1)
        self.stem.build(image)
        image = self.stem.compute_output_shape(image)
        for block in self.blocks:
            block.build(image)
        batch, frames, width, channels = image
        assert width is not None
        assert channels is not None
        self.dense.build((batch, frames, width * channels))
        shape = (batch, frames, self.params["rnn_cell_dim"])
        for recurrent in self.recurrent_blocks:
            recurrent.build(shape)
            directions = len(recurrent.recurrent.directions)
            shape = (batch, frames, directions * self.params["rnn_cell_dim"])
        if self.fully_connected is not None:
            self.fully_connected.build(shape)
        self.built = True

    @classmethod
    def num_intermediate(cls, params: Params) -> int:
        """The recurrent blocks, unless the last one's output is the encoder's."""
        filled = cls.PARAMS.fill(params)
        return int(filled["num_rnn_layers"]) - (0 if filled["n_hidden"] else 1)

    def call(
        self,
        features: Tensor,
        lengths: Tensor,
        training: bool = False,
        intermediate: bool = False,
    ) -> tuple[Tensor, ...]:
        """Encodes a batch.

        Args:
          features: [batch, time, feature].
          lengths: [batch], frames of each utterance.
          training: dropout.
          intermediate: whether the outputs of the recurrent blocks inside are wanted too.

        Returns:
          outputs: [batch, time', channel] in the compute dtype, zero past each length.
          lengths: [batch] int32, frames of each utterance in `outputs`.
          with `intermediate` also a dictionary of `IntermediateOutput`s by recurrent block,
            from 1.
        """
        lengths = ops.cast(lengths, "int32")
        features = ops.cast(features, self.compute_dtype)
        image = self.stem(ops.expand_dims(zero_past(features, lengths), -1))
        lengths = self.output_length(lengths)
        for block in self.blocks:
            image = block(image, lengths, training=training)
        outputs = self._rows(zero_past(image, lengths))
        inner: dict[int, IntermediateOutput] = {}
        inside = self.num_intermediate(self.params) if intermediate else 0
        for number, recurrent in enumerate(self.recurrent_blocks, start=1):
            outputs = recurrent(outputs, lengths, training=training)  # [batch, time', 1|2 unit]
            if number <= inside:
                inner[number] = IntermediateOutput(outputs, lengths)
            if number <= self.num_intermediate(self.params):
                outputs = self._conditioned(number, outputs, lengths)
        outputs = self._top(outputs, lengths, training)
        return (outputs, lengths, inner) if intermediate else (outputs, lengths)

    def _rows(self, image: Tensor) -> Tensor:
        """[batch, time', feature', channel] -> [batch, time', unit]."""
        shape = ops.shape(image)
        return self.dense(ops.reshape(image, (-1, shape[1], image.shape[2] * image.shape[3])))

    def _top(self, outputs: Tensor, lengths: Tensor, training: bool) -> Tensor:
        if self.fully_connected is not None:
            outputs = self.shared.activation(self.fully_connected(outputs))
            outputs = self.shared.drop(outputs, training)
        return zero_past(outputs, lengths)

    def output_length(self, frames: Tensor) -> Tensor:
        """Output frames for so many feature frames: an int, an integer array or a tensor."""
        return self.stem.output_length(frames)

    @property
    def context(self) -> tuple[float, float]:
        """See `Encoder.context`."""
        if self.streaming_problems():
            return math.inf, math.inf
        return math.inf, total_context(self.windows)[1]

    def layer_contexts(self) -> list[LayerContext]:
        """See `Encoder.layer_contexts`: convolutions and recurrent blocks."""
        problem = next(iter(self.streaming_problems()), None)
        stem = of_windows(f"{self.stem.name}: {self.windows[0].described}", self.windows[:1])
        blocks = [
            of_windows(f"{block.name}: 2 times {block.windows[0].described}", block.windows)
            for block in self.blocks
        ]
        recurrent = [of_recurrence(f"{one.name}: gru", problem) for one in self.recurrent_blocks]
        return [stem, *blocks, *recurrent]

    def streaming_problems(self) -> list[Problem]:
        """See `Encoder.streaming_problems`."""
        backward = [] if self.params["rnn_unidirectional"] else [BACKWARD]
        return [*backward, *self._conditioning_problems()]

    def _state_spec(self) -> StateSpec:
        layers: list[Any] = [self.stem, *self.blocks, *self.recurrent_blocks]
        spec: StateSpec = {}
        for layer in layers:
            spec |= scoped(layer.name, layer.state_spec())
        return spec

    def _stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        image = ops.expand_dims(features, -1)
        image = self.stem.convolve_piece(image, piece, state.scope(self.stem.name))
        piece = piece.through(self.stem.window)
        for block in self.blocks:
            image, piece = block.stream(image, piece, state.scope(block.name))
        outputs = self._rows(zero_past(image, piece.lengths))
        for recurrent in self.recurrent_blocks:
            outputs = recurrent.stream(outputs, piece, state.scope(recurrent.name))
        return self._top(outputs, piece.lengths, training=False), piece
