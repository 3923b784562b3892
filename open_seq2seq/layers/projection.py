"""A projection to the channels of another tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.tensors import Initializer, KerasConfig, Regularizer, Tensor


class ProjectionLike(keras.layers.Layer):
    """A dense layer without activation where channels differ; else nothing, without a variable.

    Args:
      initializer, regularizer: of the kernel; None: Glorot uniform, and none.
    """

    def __init__(
        self, initializer: Initializer = None, regularizer: Regularizer = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer or "glorot_uniform")
        self.regularizer = keras.regularizers.get(regularizer)
        self.dense: keras.layers.Dense | None = None

    def build(self, inputs_shape: Sequence[int | None], like_shape: Sequence[int | None]) -> None:
        if inputs_shape[-1] != like_shape[-1]:
            self.add_dense(inputs_shape, like_shape[-1])
        self.built = True

    def add_dense(self, inputs_shape: Sequence[int | None], channels: int | None) -> None:
        """Makes `dense`, the projection of inputs to so many channels."""
        self.dense = keras.layers.Dense(
            channels,
            kernel_initializer=fresh_initializer(self.initializer),
            kernel_regularizer=self.regularizer,
            name="dense",
            dtype=self.dtype_policy,
        )
        self.dense.build(inputs_shape)

    def call(self, inputs: Tensor, like: Tensor) -> Tensor:
        """[..., channel] -> [..., channel of `like`], of which nothing else counts."""
        return inputs if self.dense is None else self.dense(inputs)

    def get_config(self) -> KerasConfig:
        own = {
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
        return {**super().get_config(), **own}
