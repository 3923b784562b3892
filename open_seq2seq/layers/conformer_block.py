"""A layer of a Conformer (Gulati et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.attention import RelativeAttention
from open_seq2seq.layers.conv_module import ConvolutionModule
from open_seq2seq.layers.feed_forward import FeedForward
from open_seq2seq.layers.streaming import (
    Piece,
    StateSpec,
    StreamState,
    delayed,
    kept_frames,
    scoped,
)
from open_seq2seq.ops.dropout import Dropout
from open_seq2seq.tensors import DType, Tensor


class ConformerBlock(keras.layers.Layer):
    """Half a feed-forward module, attention, convolution, half a feed-forward module.

    Each is given its normalized input, and its output is added to it; a normalization ends
    the layer.

    Args:
      feed_forward: the two feed-forward modules.
      attention: the attention.
      convolution: the convolution module.
      dropped: dropout of what is added.
      skip_prob: probability in training that a batch passes the layer unchanged (stochastic
        depth, Huang et al. 2016); drawn where dropout draws from.
    """

    def __init__(
        self,
        feed_forward: Sequence[FeedForward],
        attention: RelativeAttention,
        convolution: ConvolutionModule,
        dropped: Dropout,
        skip_prob: float,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.first, self.second = feed_forward
        self.attention, self.convolution = attention, convolution
        self.dropped, self.skip_prob = dropped, skip_prob
        self.first_norm = layer_norm("feed_forward1_norm", self.dtype_policy)
        self.attention_norm = layer_norm("attention_norm", self.dtype_policy)
        self.convolution_norm = layer_norm("convolution_norm", self.dtype_policy)
        self.second_norm = layer_norm("feed_forward2_norm", self.dtype_policy)
        self.norm = layer_norm("norm", self.dtype_policy)

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        for layer in (
            *(self.first_norm, self.first, self.attention_norm, self.attention),
            *(self.convolution_norm, self.convolution, self.second_norm, self.second, self.norm),
        ):
            layer.build(inputs_shape)
        self.built = True

    def call(
        self, inputs: Tensor, lengths: Tensor, table: Tensor, training: bool = False
    ) -> Tensor:
        """[batch, time, channel] to the same shape; frames past a length are of no use.

        Args:
          inputs: what is past the lengths must be finite.
          lengths: [batch] int32, the frames of each utterance.
          table: see `RelativeAttention.position_table`.
          training: batch statistics, dropout and skipping.
        """
        values = self._half(inputs, self.first_norm, self.first, training)
        attended = self.attention(self.attention_norm(values), lengths, table, training=training)
        values = values + self.dropped(attended, training)
        convolved = self.convolution(self.convolution_norm(values), lengths, training=training)
        values = values + self.dropped(convolved, training)
        values = self.norm(self._half(values, self.second_norm, self.second, training))
        return self._skipped(inputs, values) if training and self.skip_prob else values

    def _half(
        self, values: Tensor, norm: keras.layers.Layer, module: FeedForward, training: bool
    ) -> Tensor:
        more = module(norm(values), training=training)
        return values + 0.5 * self.dropped(more, training)

    def _skipped(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """The inputs with the layer's probability, else what keeps the mean over both."""
        draw = keras.random.uniform((), seed=self.dropped.seed, dtype="float32")
        kept = (outputs - inputs) / (1.0 - self.skip_prob)
        keep = draw >= self.skip_prob
        return inputs + ops.where(keep, kept, ops.zeros((), kept.dtype))

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs in evaluation, and their piece; see `Encoder.stream`."""
        values = self._half(inputs, self.first_norm, self.first, training=False)
        more, end = self.attention.stream(
            self.attention_norm(values), piece, state.scope("attention")
        )
        delay = self.attention.context.delay
        values = more + delayed(values, piece, end, delay, state, "before_attention")
        piece = end
        more, end = self.convolution.stream(
            self.convolution_norm(values), piece, state.scope("convolution")
        )
        _, delay = self.convolution.window.context
        values = more + delayed(values, piece, end, delay, state, "before_convolution")
        values = self._half(values, self.second_norm, self.second, training=False)
        return self.norm(values), end

    def state_spec(self) -> StateSpec:
        """What a stream keeps."""
        shape, dtype = (self.attention.width,), self.compute_dtype
        waits = (
            ("before_attention", self.attention.context.delay),
            ("before_convolution", self.convolution.window.context[1]),
        )
        spec: StateSpec = {}
        for name, delay in waits:
            spec |= kept_frames(name, delay, shape, dtype)
        spec |= scoped("attention", self.attention.state_spec())
        return spec | scoped("convolution", self.convolution.state_spec())


def layer_norm(name: str, dtype: DType) -> keras.layers.LayerNormalization:
    """Normalization over the channels of each frame (Ba et al. 2016)."""
    return keras.layers.LayerNormalization(epsilon=1e-5, name=name, dtype=dtype)
