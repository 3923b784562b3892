"""Squeeze and excitation: channels that an utterance as a whole says more or less of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Activation, Initializer, KerasConfig, Regularizer, Tensor


class SqueezeExcitation(keras.layers.Layer):
    """Scales each channel by a number that the means of all channels give (Hu et al. 2018).

    `x * sigmoid(activation(mean(x) A) B)`, the mean over the frames within each length, as
    Citrinet has it (Majumdar et al. 2021). In float32 under every dtype policy.

    Args:
      reduction: how many times fewer columns A has than channels.
      activation: between the two products.
      regularizer, initializer: of the kernels; None: none, and Glorot uniform.
    """

    def __init__(
        self,
        reduction: int,
        activation: Activation,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.reduction, self.activation = reduction, activation
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer or "glorot_uniform")

    def build(self, input_shape: Sequence[int | None]) -> None:
        channels = input_shape[-1]
        assert channels is not None
        inner = max(channels // self.reduction, 1)
        self.squeeze_kernel = self._kernel("squeeze_kernel", (channels, inner))
        self.excite_kernel = self._kernel("excite_kernel", (inner, channels))

    def _kernel(self, name: str, shape: tuple[int, int]) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=fresh_initializer(self.initializer),
            regularizer=self.regularizer,
            autocast=False,
        )

    def call(self, inputs: Tensor, lengths: Tensor = None) -> Tensor:
        """The scaled inputs.

        Args:
          inputs: [batch, time, ..., channel].
          lengths: [batch], the frames that count; None: all.
        """
        axes = tuple(range(1, len(inputs.shape) - 1))
        values = zero_past(ops.cast(inputs, "float32"), lengths)
        means = ops.mean(values, axis=axes)
        if lengths is not None:
            frames = ops.cast(ops.shape(inputs)[1], "float32")
            counted = ops.maximum(ops.cast(lengths, "float32"), 1.0)
            means = means * (frames / counted)[:, None]
        squeezed = self.activation(ops.matmul(means, self.squeeze_kernel))
        scale = ops.sigmoid(ops.matmul(squeezed, self.excite_kernel))
        for axis in axes:
            scale = ops.expand_dims(scale, axis)
        return ops.cast(values * scale, inputs.dtype)

    def get_config(self) -> KerasConfig:
        own = {
            "reduction": self.reduction,
            "activation": keras.activations.serialize(self.activation),
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}
