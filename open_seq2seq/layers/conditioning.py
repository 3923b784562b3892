"""What a layer inside an encoder says of the labels, given to the layers above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.tensors import Initializer, KerasConfig, Regularizer, Tensor


class Conditioning(keras.layers.Layer):
    """`outputs + dense(softmax(logits))`.

    Self-conditioned CTC (J. Nozaki, T. Komatsu: Relaxing the conditional independence assumption of
    CTC-based ASR by conditioning on intermediate predictions, Interspeech 2021).

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

    def build(
        self, outputs_shape: Sequence[int | None], logits_shape: Sequence[int | None]
    ) -> None:
        self.dense = keras.layers.Dense(
            outputs_shape[-1],
            kernel_initializer=fresh_initializer(self.initializer),
            kernel_regularizer=self.regularizer,
            name="dense",
            dtype=self.dtype_policy,
        )
        self.dense.build(logits_shape)
        self.built = True

    def call(self, outputs: Tensor, logits: Tensor) -> Tensor:
        """What the next layer takes.

        Args:
          outputs: [batch, time, channel] of a layer.
          logits: [batch, time, symbol + 1], what the head makes of them.
        """
        assert self.dense is not None
        return outputs + self.dense(ops.softmax(ops.cast(logits, "float32")))

    def get_config(self) -> KerasConfig:
        own = {
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
        return {**super().get_config(), **own}
