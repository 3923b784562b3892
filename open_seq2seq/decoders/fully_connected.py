"""The CTC head: one dense layer to the symbols and the blank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from open_seq2seq.config.schema import Params
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.tensors import Initializer, KerasConfig, Regularizer, Tensor


class FullyConnectedCTCDecoder(keras.layers.Layer):
    """A dense layer with bias, in float32 under every dtype policy.

    It knows no search and no language model: `decoders.make_decoder` makes those, of the same
    parameters.

    Args:
      params: see `PARAMS`; the head itself has none of its own.
      vocab_size: symbols of the vocabulary; the blank comes after them.
      regularizer: of the kernel.
      initializer: of the kernel; None is Glorot uniform.
    """

    PARAMS = DECODER_PARAMS

    def __init__(
        self,
        params: Params,
        vocab_size: int,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        # bfloat16 logits have 3 digits: too few for the differences that CTC sums up.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self._given_params = dict(params)
        self.params = self.PARAMS.parse(params)
        self.vocab_size = vocab_size
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer or "glorot_uniform")
        self.fully_connected = keras.layers.Dense(
            vocab_size + 1,
            kernel_initializer=fresh_initializer(self.initializer),
            kernel_regularizer=self.regularizer,
            name="fully_connected",
            dtype="float32",
        )

    def build(self, outputs_shape: Sequence[int | None]) -> None:
        self.fully_connected.build(outputs_shape)

    def call(self, outputs: Tensor) -> Tensor:
        """The logits of an encoder's outputs.

        Args:
          outputs: [batch, time, channel], any float dtype.

        Returns:
          [batch, time, vocab_size + 1] float32, unnormalised, blank last.
        """
        return self.fully_connected(outputs)

    def get_config(self) -> KerasConfig:
        own = {
            "params": self._given_params,
            "vocab_size": self.vocab_size,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}
