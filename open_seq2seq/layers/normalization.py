"""The normalizations that may follow a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.ops.masks import zero_past
from open_seq2seq.ops.normalization import batch_normalize, finish, normalize_by
from open_seq2seq.tensors import DType, KerasConfig, Regularizer, Tensor, Variable


class BatchNorm(keras.layers.Layer):
    """Batch normalization over all frames of the batch (Ioffe and Szegedy 2015).

    In training the statistics include padded frames, as OpenSeq2Seq's do, and are those of the
    batch at hand, or of all workers' batches within `ops.replicas.summed_statistics`. In
    evaluation the moving ones are used, so that padding changes nothing. Statistics, gamma and
    beta are float32 under every dtype policy.

    Args:
      momentum: share of the old value in the moving statistics.
      epsilon: added to the variance.
      regularizer: of gamma.
    """

    def __init__(
        self,
        momentum: float = 0.90,
        epsilon: float = 1e-3,
        regularizer: Regularizer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Sequence[int | None]) -> None:
        _add_scale_and_shift(self, input_shape[-1])
        shape = (input_shape[-1],)
        self.moving_mean = self.add_weight(
            name="moving_mean", shape=shape, initializer="zeros", trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=shape, initializer="ones", trainable=False, autocast=False
        )

    def call(
        self,
        inputs: Tensor,
        lengths: Tensor = None,
        training: bool = False,
        relu: bool = False,
        residual: Tensor = None,
    ) -> Tensor:
        """Normalizes, and does what may follow in the same pass.

        Args:
          inputs: [batch, time, ..., channel].
          lengths: [batch], outputs past them become 0 (with `relu` only); or None.
          training: use the batch's statistics, and let the moving ones follow.
          relu: whether negative outputs become 0.
          residual: like `inputs`, added before the ReLU; or None.
        """
        lengths = lengths if relu else None
        if not training:
            outputs = normalize_by(
                inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta, self.epsilon
            )
            return finish(outputs, relu, residual, lengths)
        outputs, mean, variance = batch_normalize(
            inputs, self.gamma, self.beta, self.epsilon, relu, residual, lengths
        )
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return outputs

    def _follow(self, moving: Variable, value: Tensor) -> None:
        moving.assign(moving * self.momentum + value * (1.0 - self.momentum))

    def get_config(self) -> KerasConfig:
        regularizer = keras.regularizers.serialize(self.regularizer)
        own = {"momentum": self.momentum, "epsilon": self.epsilon, "regularizer": regularizer}
        return {**super().get_config(), **own}


class UtteranceNorm(keras.layers.Layer):
    """Normalizes each utterance by itself, over the frames within its length.

    Args:
      over_channels: True for layer normalization (one mean and variance for all of an
        utterance's frames and channels, as OpenSeq2Seq's layer_norm), False for instance
        normalization (one for each channel).
      epsilon: added to the variance.
      regularizer: of gamma.
    """

    def __init__(
        self,
        over_channels: bool,
        epsilon: float = 1e-6,
        regularizer: Regularizer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.over_channels, self.epsilon = over_channels, epsilon
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Sequence[int | None]) -> None:
        _add_scale_and_shift(self, input_shape[-1])

    def call(self, inputs: Tensor, lengths: Tensor = None, training: bool = False) -> Tensor:
        """Normalizes each utterance.

        Args:
          inputs: [batch, time, ..., channel].
          lengths: [batch], the frames that count; None: all.
          training: not used.
        """
        values = zero_past(ops.cast(inputs, "float32"), lengths)
        axes = tuple(range(1, len(inputs.shape) - (0 if self.over_channels else 1)))
        counted = zero_past(ops.ones_like(values), lengths)
        count = ops.maximum(ops.sum(counted, axis=axes, keepdims=True), 1.0)
        mean = ops.sum(values, axis=axes, keepdims=True) / count
        centred = (values - mean) * counted
        variance = ops.sum(ops.square(centred), axis=axes, keepdims=True) / count
        outputs = centred * ops.rsqrt(variance + self.epsilon) * self.gamma + self.beta
        return ops.cast(outputs, inputs.dtype)

    def get_config(self) -> KerasConfig:
        own = {
            "over_channels": self.over_channels,
            "epsilon": self.epsilon,
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
        return {**super().get_config(), **own}


# The name that a normalization's variables carry, and how it is made.
NORMALIZATION_NAMES = {"batch_norm": "bn", "layer_norm": "ln", "instance_norm": "in"}


def make_normalization(
    kind: str, name: str, momentum: float, epsilon: float, regularizer: Regularizer, dtype: DType
) -> keras.layers.Layer:
    """The normalization layer of one convolution.

    Args:
      kind: batch_norm, layer_norm or instance_norm.
      name: the layer's name.
      momentum, epsilon: of batch_norm; the others use 1e-6.
      regularizer: of gamma.
      dtype: the dtype policy.
    """
    if kind == "batch_norm":
        return BatchNorm(momentum, epsilon, regularizer, name=name, dtype=dtype)
    return UtteranceNorm(kind == "layer_norm", regularizer=regularizer, name=name, dtype=dtype)


def _add_scale_and_shift(layer: keras.layers.Layer, channels: int | None) -> None:
    layer.gamma = layer.add_weight(
        name="gamma",
        shape=(channels,),
        initializer="ones",
        regularizer=layer.regularizer,
        autocast=False,
    )
    layer.beta = layer.add_weight(
        name="beta", shape=(channels,), initializer="zeros", autocast=False
    )
