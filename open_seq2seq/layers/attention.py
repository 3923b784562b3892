"""Self-attention of a Conformer, with relative positions and a limited context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.attention_context import AttentionContext
from open_seq2seq.layers.dense import FrameDense
from open_seq2seq.layers.streaming import (
    Piece,
    StateSpec,
    StreamState,
    delayed,
    frames_from,
    kept_frames,
)
from open_seq2seq.ops.dropout import Dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.relative_attention import relative_attention, relative_positions
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class PositionBiases(keras.layers.Layer):
    """What is added to all queries: `content` where they meet keys, `position` where positions.

    The `u` and `v` of Dai et al. 2019; one for each attention, or one for all of them.

    Args:
      heads: of the attention.
      size: channels of each.
    """

    def __init__(self, heads: int, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads, self.size = heads, size

    def build(self) -> None:
        shape = (self.heads, self.size)
        self.content = self.add_weight(name="content", shape=shape, initializer="zeros")
        self.position = self.add_weight(name="position", shape=shape, initializer="zeros")
        self.built = True


class RelativeAttention(keras.layers.Layer):
    """Multi-head self-attention whose scores know how far apart two frames are.

    Where the context is limited on both sides, queries are computed in blocks, each with the
    keys that some of them see: time and memory are linear in the length.

    Args:
      width: channels of inputs and outputs.
      heads: they divide the channels.
      context: the frames that a frame sees.
      use_bias: whether the products of the inputs and of the output have biases.
      biases: those of the positions.
      dropped: dropout of the attention's weights.
      regularizer, initializer: of the kernels.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        context: AttentionContext,
        use_bias: bool,
        biases: PositionBiases,
        dropped: Dropout,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width, self.heads, self.context = width, heads, context
        self.dropped, self.biases = dropped, biases

        def dense(units: int, name: str, bias: bool) -> FrameDense:
            return FrameDense(
                units,
                use_bias=bias,
                kernel_initializer=fresh_initializer(initializer or "glorot_uniform"),
                kernel_regularizer=regularizer,
                name=name,
                dtype=self.dtype_policy,
            )

        self.queries_keys_values = dense(3 * width, "queries_keys_values", use_bias)
        self.positions = dense(width, "positions", False)
        self.attention_output = dense(width, "attention_output", use_bias)

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        shape = (None, None, self.width)
        for layer in (self.queries_keys_values, self.positions, self.attention_output):
            layer.build(shape)
        if not self.biases.built:
            self.biases.build()
        self.built = True

    def position_table(self, frames: Tensor) -> Tensor:
        """Sines and cosines for `call`: the same for all layers of one context.

        Args:
          frames: of the inputs.
        """
        if not self.context.is_limited:
            return self._table(frames, frames, 0)
        return self._table(self.context.block, 2 * self.context.block, self.context.before)

    def _table(self, queries: Tensor, keys: Tensor, before: int) -> Tensor:
        """For queries of which the first is key number `before`; [1, query + key, width]."""
        waves = relative_positions(
            queries - 1 + before, queries + keys, self.width, self.compute_dtype
        )
        return waves[None]

    def call(
        self, inputs: Tensor, lengths: Tensor, table: Tensor, training: bool = False
    ) -> Tensor:
        """[batch, time, width] to the same shape; frames past a length are of no use.

        Args:
          inputs: what is past the lengths must be finite.
          lengths: [batch] int32, the frames of each utterance.
          table: `position_table` of the inputs' frames.
          training: whether dropout is on.
        """
        queries, keys, values = ops.split(self.queries_keys_values(inputs), 3, axis=-1)
        frames = ops.shape(inputs)[1]
        if not self.context.is_limited:
            seen = self._seen(frames, frames, 0)
            own = _numbers(frames)[None, None, :] < lengths[:, None, None]
            seen = own if seen is None else ops.logical_and(seen[None], own)
            return self._attend(queries, keys, values, table, seen, training)
        size, before = self.context.block, self.context.before
        count = (frames + size - 1) // size
        queries = _blocks(queries, count, size)
        keys, values = (_pairs_of_blocks(part, count, size, before) for part in (keys, values))
        first = size * _numbers(count) - before
        places = first[:, None] + _numbers(2 * size)[None, :]  # [block, key]
        own = ops.logical_and(places >= 0, places[None] < lengths[:, None, None])
        seen = ops.reshape(own, (-1, 1, 2 * size))
        band = self._seen(size, 2 * size, before)
        seen = seen if band is None else ops.logical_and(seen, band[None])
        outputs = self._attend(queries, keys, values, table, seen, training)
        return ops.reshape(outputs, (-1, count * size, self.width))[:, :frames]

    def _seen(self, queries: Tensor, keys: Tensor, before: int) -> Tensor | None:
        """[query, key] bool, whether a query sees a key by the context alone; None: all."""
        places = _numbers(queries)[:, None] + before, _numbers(keys)[None, :]
        return self.context.visible(*places)

    def _attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        table: Tensor,
        seen: Tensor | None,
        training: bool,
    ) -> Tensor:
        def dropped(weights: Tensor) -> Tensor:
            return self.dropped(weights, training)

        biases = self.biases.content, self.biases.position
        positions = self.positions(table)
        attended = relative_attention(queries, keys, values, positions, *biases, seen, dropped)
        return self.attention_output(attended)

    def stream(self, inputs: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs in evaluation, and their piece.

        Args:
          inputs: [batch, time, width].
          piece: that of the inputs.
          state: see `state_spec`.
        """
        context, width = self.context, self.width
        end = context.through(piece)
        projected = self.queries_keys_values(inputs)
        queries = delayed(projected[..., :width], piece, end, context.delay, state, "queries")
        first, count = end.before - context.before, end.frames + context.before + context.after
        kept = (context.span, state, "keys_values")
        keys_values = frames_from(first, count, projected[..., width:], piece, *kept)
        places = first[:, None] + _numbers(count)[None, :]
        own = ops.logical_and(places >= 0, places < piece.after[:, None])
        seen = self._seen(end.frames, count, context.before)
        seen = ops.logical_and(own[:, None, :], True if seen is None else seen[None])
        table = self._table(end.frames, count, context.before)
        keys, values = keys_values[..., :width], keys_values[..., width:]
        return self._attend(queries, keys, values, table, seen, training=False), end

    def state_spec(self) -> StateSpec:
        """What a stream keeps: keys and values that are still seen, and queries that wait."""
        dtype = self.compute_dtype
        return {
            **kept_frames("keys_values", self.context.span, (2 * self.width,), dtype),
            **kept_frames("queries", self.context.delay, (self.width,), dtype),
        }


def _numbers(count: Tensor) -> Tensor:
    return ops.arange(count, dtype="int32")


def _blocks(values: Tensor, count: Tensor, size: int) -> Tensor:
    """[batch, time, channel] -> [batch * count, size, channel], zeros after the last frame."""
    missing = count * size - ops.shape(values)[1]
    values = ops.pad(values, [(0, 0), (0, missing), (0, 0)])
    return ops.reshape(values, (-1, size, values.shape[-1]))


def _pairs_of_blocks(values: Tensor, count: Tensor, size: int, before: int) -> Tensor:
    """[batch, time, channel] -> [batch * count, 2 * size, channel]: each block from `before`
    frames before its own on; zeros where there are no frames."""
    missing = (count + 1) * size - before - ops.shape(values)[1]
    values = ops.pad(values, [(0, 0), (before, missing), (0, 0)])
    each = ops.reshape(values, (-1, count + 1, size, values.shape[-1]))
    pairs = ops.concatenate([each[:, :-1], each[:, 1:]], axis=2)
    return ops.reshape(pairs, (-1, 2 * size, values.shape[-1]))
