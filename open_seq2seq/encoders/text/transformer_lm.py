"""A causal transformer (Vaswani et al. 2017), for language models.

Layer normalization comes before each part (Xiong et al. 2020), so that training needs no long
warm-up; positions are sines, so that a line may be longer than any in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders.encoder import Encoder
from open_seq2seq.encoders.text.text_params import TRANSFORMER_LM
from open_seq2seq.errors import Problem
from open_seq2seq.ops.dropout import dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import DType, Initializer, Regularizer, Tensor

_LONGEST_WAVE = 10000.0


class TransformerLMEncoder(Encoder):
    """Blocks of attention to the tokens before, and of feed-forward layers.

    Args:
      params: see `PARAMS`.
      regularizer, initializer: of the kernels; None is none, and Glorot uniform.
    """

    PARAMS = TRANSFORMER_LM
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
        self.blocks = [
            TransformerBlock(
                self.width,
                self.params["num_heads"],
                self.params["filter_size"],
                1.0 - self.params["dropout_keep_prob"],
                self.seed,
                self.regularizer,
                self.initializer,
                name=f"block{number}",
                dtype=self.dtype_policy,
            )
            for number in range(1, self.params["num_layers"] + 1)
        ]
        self.norm = _norm("norm", self.dtype_policy)

    def build(self, inputs_shape: Sequence[int | None], *_: object) -> None:
        for block in self.blocks:
            block.build((None, None, self.width))
        self.norm.build((None, None, self.width))
        self.built = True

    def call(
        self, inputs: Tensor, lengths: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The outputs for each token, which depend on it and on those before it.

        Args:
          inputs: [batch, time, hidden_size], embedded tokens of unit variance.
          lengths: [batch] int32.
          training: whether dropout is on.

        Returns:
          [batch, time, hidden_size], 0 past each length, and the lengths.
        """
        steps = ops.shape(inputs)[1]
        outputs = inputs + ops.cast(positions(steps, self.width), inputs.dtype)
        outputs = _dropped(outputs, 1.0 - self.params["dropout_keep_prob"], self.seed, training)
        for block in self.blocks:
            outputs = block(outputs, training=training)
        return zero_past(self.norm(outputs), lengths), lengths

    def output_length(self, frames: Tensor) -> Tensor:
        return frames

    @property
    def context(self) -> tuple[float, float]:
        """See `Encoder.context`."""
        return math.inf, 0

    def streaming_problems(self) -> list[Problem]:
        """See `Encoder.streaming_problems`."""
        return [
            Problem(
                "encoder",
                "TransformerLMEncoder, whose attention goes back to the first token",
                "an encoder that keeps a fixed number of values between pieces",
                "Use LSTMLMEncoder.",
            )
        ]


class TransformerBlock(keras.layers.Layer):
    """Causal attention, then a feed-forward layer, each added to its input.

    Args:
      width: channels of inputs and outputs.
      heads: of the attention; they divide the channels.
      filter_size: hidden channels of the feed-forward layer.
      drop_prob: probability that dropout zeroes a value of what is added.
      seed: where dropout draws from.
      regularizer, initializer: of the kernels.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        filter_size: int,
        drop_prob: float,
        seed: keras.random.SeedGenerator,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width, self.heads, self.filter_size = width, heads, filter_size
        self.drop_prob, self.seed = drop_prob, seed
        self.regularizer = regularizer
        self.initializer = initializer or keras.initializers.get("glorot_uniform")
        self.attention_norm = _norm("attention_norm", self.dtype_policy)
        self.queries_keys_values = self._dense(3 * width, "queries_keys_values")
        self.attention_output = self._dense(width, "attention_output")
        self.filter_norm = _norm("filter_norm", self.dtype_policy)
        self.filter_input = self._dense(filter_size, "filter_input")
        self.filter_output = self._dense(width, "filter_output")

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=fresh_initializer(self.initializer),
            kernel_regularizer=self.regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        wide = (None, None, self.width)
        for layer in (self.attention_norm, self.queries_keys_values, self.attention_output):
            layer.build(wide)
        self.filter_norm.build(wide)
        self.filter_input.build(wide)
        self.filter_output.build((None, None, self.filter_size))
        self.built = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """[batch, time, width] to the same shape."""
        attended = self.attention_output(self._attend(self.attention_norm(inputs)))
        inputs = inputs + _dropped(attended, self.drop_prob, self.seed, training)
        hidden = ops.gelu(self.filter_input(self.filter_norm(inputs)))
        filtered = self.filter_output(hidden)
        return inputs + _dropped(filtered, self.drop_prob, self.seed, training)

    def _attend(self, inputs: Tensor) -> Tensor:
        batch, steps = ops.shape(inputs)[:2]
        size = self.width // self.heads
        parts = ops.reshape(self.queries_keys_values(inputs), (batch, steps, 3, self.heads, size))
        parts = ops.transpose(parts, (2, 0, 3, 1, 4))
        queries, keys, values = parts[0] / math.sqrt(size), parts[1], parts[2]
        scores = ops.cast(ops.matmul(queries, ops.swapaxes(keys, -1, -2)), "float32")
        numbers = ops.arange(steps)
        before = numbers[None, :] <= numbers[:, None]
        # Padding is after a line's end, where no token of the line looks.
        weights = ops.softmax(ops.where(before, scores, -1e9), axis=-1)
        mixed = ops.matmul(ops.cast(weights, values.dtype), values)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (batch, steps, self.width))


def positions(steps: Tensor, width: int) -> Tensor:
    """[time, width] float32: sines of each position, then cosines, of waves 2 pi to 10000 pi."""
    angles = ops.cast(ops.arange(steps), "float32")[:, None] * wave_rates(width)[None, :]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def wave_rates(width: int) -> np.ndarray:
    """[width // 2] float32: how far each wave turns from one position to the next, in radians."""
    half = width // 2
    return (_LONGEST_WAVE ** -(np.arange(half) / max(half - 1, 1))).astype(np.float32)


def _norm(name: str, dtype: DType) -> keras.layers.LayerNormalization:
    return keras.layers.LayerNormalization(epsilon=1e-5, name=name, dtype=dtype)


def _dropped(
    values: Tensor, drop_prob: float, seed: keras.random.SeedGenerator, training: bool
) -> Tensor:
    if not training or drop_prob <= 0:
        return values
    return dropout(values, drop_prob, seed)
